#include "dynamodb/key_shards.hpp"

#include <fmt/format.h>

#include <boost/crc.hpp>

#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

// As many as the last shard needs, and two at the least.
int digits(unsigned key_shards) {
  return key_shards <= 100 ? 2 : 3;
}
static_assert(kMaxKeyShards <= 1000);

std::string shard_text(unsigned shard, unsigned key_shards) {
  return key_shards == 1 ? "" : fmt::format("#{:0{}}", shard, digits(key_shards));
}

}  // namespace

unsigned shard_of(std::string_view saga_id, unsigned key_shards) {
  boost::crc_32_type crc;
  crc.process_bytes(saga_id.data(), saga_id.size());
  return crc.checksum() % key_shards;
}

std::string partition_value(std::string_view saga_name, unsigned shard, unsigned key_shards) {
  return std::string(saga_name) + shard_text(shard, key_shards);
}

std::string partition_of(std::string_view saga_name, std::string_view saga_id,
                         unsigned key_shards) {
  if (key_shards == 1) return std::string(saga_name);
  return partition_value(saga_name, shard_of(saga_id, key_shards), key_shards);
}

std::size_t shard_bytes(unsigned key_shards) {
  return shard_text(0, key_shards).size();
}

std::string saga_name_of(std::string_view partition, std::string_view saga_id,
                         unsigned key_shards) {
  if (key_shards == 1) return std::string(partition);
  const std::string shard = shard_text(shard_of(saga_id, key_shards), key_shards);
  if (partition.size() <= shard.size() || !partition.ends_with(shard)) {
    throw ValidationError(
        fmt::format("sagaName: expected one that ends in {}, found {}", shard, partition));
  }
  partition.remove_suffix(shard.size());
  return std::string(partition);
}

}  // namespace sagabus::dynamodb
