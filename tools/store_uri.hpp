// Store URIs: how programs are told where the instances live.
//
//   memory:
//   sqlite:///var/lib/orders.db
//   dynamodb://sagas?region=us-east-1&endpoint=http://localhost:8000&ttl_days=7&key_shards=8
//   dynamodb://sagas?profile=production
//   dynamodb://sagas?region=us-east-1&index=none
//
// The path, the table and the values of parameters may be percent-encoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "uri.hpp"

namespace sagabus::dynamodb {
enum class CorrelationIndex;
}

namespace sagabus::tools {

// What is empty is left to the store: it looks into the environment.
struct DynamoDbUri {
  std::string table;
  std::string region;
  std::string endpoint;
  std::string profile;  // of ~/.aws; empty: the default chain of credentials
  std::optional<double> ttl_days;
  std::optional<unsigned> key_shards{};  // the store says which it takes
  std::optional<dynamodb::CorrelationIndex> index{};
  friend bool operator==(const DynamoDbUri&, const DynamoDbUri&) = default;
};

using StoreUri = std::variant<MemoryUri, SqliteUri, DynamoDbUri>;

// Throws std::invalid_argument with one line that names what is wrong and what is allowed. The line
// shows nothing of a URI that has an @ in it, where a password may stand.
StoreUri parse_store_uri(std::string_view uri);

}  // namespace sagabus::tools
