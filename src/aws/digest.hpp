// SHA-256, HMAC-SHA-256, SHA-1, CRC-32 and hexadecimal, as the signing and checking of requests
// need them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sagabus::aws {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::string_view text);
Sha256 hmac_sha256(std::string_view key, std::string_view text);
std::uint32_t crc32(std::string_view text);
std::string sha1_hex(std::string_view text);  // for names of files, not for security

void append_hex(std::string& out, const Sha256& digest);  // lower case

inline std::string_view bytes(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Overwrites a secret, in a way the compiler does not leave out, so that it does not linger in
// freed memory.
void wipe(std::string& secret) noexcept;
void wipe(Sha256& secret) noexcept;

}  // namespace sagabus::aws
