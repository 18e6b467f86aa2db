#include "sagabus/instance.hpp"

#include <boost/endian/conversion.hpp>
#include <boost/uuid/name_generator_sha1.hpp>

#include "uuid_text.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sagabus {
namespace {

// Names the ids of this project, as RFC 4122 asks of a name space. Drawn at random once, and fixed
// for ever: stored ids stand on it.
constexpr boost::uuids::uuid kNamespace = {{0x6b, 0x1f, 0x0e, 0x52, 0x9d, 0x3c, 0x4f, 0x6a, 0xa8,
                                            0x07, 0x2e, 0x5d, 0x91, 0xc4, 0x73, 0xb8}};

std::string text_of(const boost::uuids::uuid& id) {
  return detail::uuid_text(boost::endian::load_big_u64(id.data),
                           boost::endian::load_big_u64(id.data + 8));
}

// Spreads a small number over 64 bits (the golden ratio in 64-bit fixed point).
std::uint64_t mix(std::size_t index) {
  return index * 0x9e3779b97f4a7c15ULL;
}

}  // namespace

bool operator==(const OutgoingMessage& a, const OutgoingMessage& b) {
  return a.not_before == b.not_before &&
         (a.envelope == b.envelope || (a.envelope && b.envelope && *a.envelope == *b.envelope));
}

std::string derive_saga_id(std::string_view saga_name, std::string_view correlation_id) {
  // The length tells where the name ends, so that no two pairs make one text. Short, since SHA-1
  // takes 55 bytes in one go: the 16 of the name space, and these.
  std::string text = std::to_string(saga_name.size());
  text.append(1, ':').append(saga_name).append(correlation_id);
  return text_of(boost::uuids::name_generator_sha1(kNamespace)(text));
}

// Not a cryptographic hash, and need not be: who may publish may choose any id anyway.
std::string derive_message_id(std::string_view incoming_id, std::string_view saga_id,
                              std::size_t index) {
  const XXH64_hash_t of_saga = XXH3_64bits(saga_id.data(), saga_id.size());
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(incoming_id.data(), incoming_id.size(), of_saga ^ mix(index));
  boost::uuids::uuid id;
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), id.begin());
  id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0f) | 0x80);  // version 8: our own
  id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3f) | 0x80);  // variant of RFC 9562
  return text_of(id);
}

}  // namespace sagabus
