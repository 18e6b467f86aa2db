#include "store_uri.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "sagabus/dynamodb/store.hpp"
#include "uri.hpp"

namespace sagabus::tools {
namespace {

constexpr UriKind kStoreUri{
    "store URI",
    "memory:, sqlite:///PATH or "
    "dynamodb://TABLE?region=REGION&endpoint=URL&profile=NAME&ttl_days=N&key_shards=N"
    "&index=INDEX"};

double read_days(const std::string& text) {
  double days = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, days);
  if (error != std::errc() || stop != end || !std::isfinite(days) || days <= 0) {
    refuse(kStoreUri,
           "the parameter 'ttl_days' is no number of days: expected one over 0, such as 7 or 0.5");
  }
  return days;
}

unsigned read_shards(const std::string& text) {
  unsigned shards = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, shards);
  if (error != std::errc() || stop != end) {
    refuse(kStoreUri, "the parameter 'key_shards' is no whole number: expected one such as 8");
  }
  return shards;
}

dynamodb::CorrelationIndex read_index(const std::string& text) {
  if (text == "all") return dynamodb::CorrelationIndex::all;
  if (text == "keys_only") return dynamodb::CorrelationIndex::keys_only;
  if (text == "none") return dynamodb::CorrelationIndex::none;
  refuse(kStoreUri, "the parameter 'index' is no index: expected all, keys_only or none");
}

StoreUri parse_dynamodb(std::string_view rest) {
  if (!rest.starts_with("//")) {
    refuse(kStoreUri,
           "expected dynamodb://TABLE?region=REGION&endpoint=URL&profile=NAME&ttl_days=N"
           "&key_shards=N&index=INDEX");
  }
  rest.remove_prefix(2);
  const std::size_t question = rest.find('?');
  DynamoDbUri uri;
  uri.table = decode(kStoreUri, rest.substr(0, question), "table name");
  if (uri.table.empty()) refuse(kStoreUri, "the table is missing: expected dynamodb://TABLE");
  if (!dynamodb::is_table_name(uri.table)) {
    refuse(kStoreUri,
           "bad table name: expected 3 to 255 of a-z, A-Z, 0-9, '_', '-' and '.', or an ARN");
  }
  if (question == std::string_view::npos) return uri;
  read_query(
      kStoreUri, "dynamodb", rest.substr(question + 1),
      {{"region", [&](std::string value) { uri.region = std::move(value); }},
       {"endpoint", [&](std::string value) { uri.endpoint = std::move(value); }},
       {"profile", [&](std::string value) { uri.profile = std::move(value); }},
       {"ttl_days", [&](const std::string& value) { uri.ttl_days = read_days(value); }},
       {"key_shards", [&](const std::string& value) { uri.key_shards = read_shards(value); }},
       {"index", [&](const std::string& value) { uri.index = read_index(value); }}});
  return uri;
}

}  // namespace

StoreUri parse_store_uri(std::string_view uri) {
  const auto [scheme, rest] = split_uri(kStoreUri, uri);
  if (scheme == "memory") return parse_memory_uri(kStoreUri, rest);
  if (scheme == "sqlite") return parse_sqlite_uri(kStoreUri, rest);
  if (scheme != "dynamodb")
    refuse(kStoreUri, fmt::format("unknown scheme: expected {}", kStoreUri.forms));
  refuse_credentials(kStoreUri, rest);
  return parse_dynamodb(rest);
}

}  // namespace sagabus::tools
