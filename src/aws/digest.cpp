#include "aws/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

namespace sagabus::aws {
namespace {

constexpr std::size_t kBlock = 64;  // of SHA-256, in bytes

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

// OpenSSL's one-shot functions look the algorithm up by name on every call, which costs more than
// a short digest; this fetches it once and keeps a context a thread.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (fetched == nullptr) throw std::runtime_error("OpenSSL has no SHA-256");
  return fetched;
}

EVP_MD_CTX* context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  return context.get();
}

Sha256 digest(std::string_view first, std::string_view second) {
  Sha256 out;
  EVP_MD_CTX* const state = context();
  if (EVP_DigestInit_ex2(state, algorithm(), nullptr) != 1 ||
      EVP_DigestUpdate(state, first.data(), first.size()) != 1 ||
      EVP_DigestUpdate(state, second.data(), second.size()) != 1 ||
      EVP_DigestFinal_ex(state, out.data(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL failed to compute a SHA-256");
  }
  return out;
}

// The two digits of each byte: a request has three digests written out.
constexpr std::array<std::array<char, 2>, 256> hex_pairs() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t byte = 0; byte < pairs.size(); ++byte) {
    pairs[byte] = {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return pairs;
}

constexpr auto kPairs = hex_pairs();

}  // namespace

Sha256 sha256(std::string_view text) {
  return digest(text, {});
}

Sha256 hmac_sha256(std::string_view key, std::string_view text) {
  Sha256 short_key;
  if (key.size() > kBlock) {
    short_key = sha256(key);
    key = bytes(short_key);
  }
  std::array<char, kBlock> inner;
  std::array<char, kBlock> outer;
  for (std::size_t i = 0; i < kBlock; ++i) {  // RFC 2104
    const char byte = i < key.size() ? key[i] : '\0';
    inner[i] = static_cast<char>(byte ^ 0x36);
    outer[i] = static_cast<char>(byte ^ 0x5c);
  }
  const Sha256 middle = digest({inner.data(), kBlock}, text);
  const Sha256 result = digest({outer.data(), kBlock}, bytes(middle));
  OPENSSL_cleanse(inner.data(), kBlock);
  OPENSSL_cleanse(outer.data(), kBlock);
  return result;
}

std::uint32_t crc32(std::string_view text) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(text.data()), text.size()));
}

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL failed to compute a SHA-1");
  }
  std::string out;
  for (unsigned i = 0; i < size; ++i) out.append(kPairs[digest[i]].data(), 2);
  return out;
}

void append_hex(std::string& out, const Sha256& digest) {
  std::array<char, 2 * std::tuple_size_v<Sha256>> text;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    std::memcpy(&text[2 * i], kPairs[digest[i]].data(), 2);
  }
  out.append(text.data(), text.size());
}

void wipe(std::string& secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

void wipe(Sha256& secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace sagabus::aws
