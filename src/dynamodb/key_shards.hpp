// Key shards: a saga's instances spread over several partition values, `OrderSaga#00` and on. Pure
// functions; docs/formats/dynamodb-item.md says them in words, for programs in other languages.
#pragma once

#include <string>
#include <string_view>

namespace sagabus::dynamodb {

// Each listing asks every shard, and the table as a whole has its quota too (40,000 write units a
// second, unless raised): more of them would only cost.
inline constexpr unsigned kMaxKeyShards = 1000;

// From 0, of an item with that sort key. Never to be changed: items are found by it.
unsigned shard_of(std::string_view saga_id, unsigned key_shards);

// The saga's name itself where there is but one shard.
std::string partition_value(std::string_view saga_name, unsigned shard, unsigned key_shards);

// Where the item with that sort key lies.
std::string partition_of(std::string_view saga_name, std::string_view saga_id, unsigned key_shards);

// What a partition value is longer than the saga's name.
std::size_t shard_bytes(unsigned key_shards);

// The saga's name. Throws ValidationError where the item with that sort key has no place there.
std::string saga_name_of(std::string_view partition, std::string_view saga_id, unsigned key_shards);

}  // namespace sagabus::dynamodb
