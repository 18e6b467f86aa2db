#include "store_uri.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "sagabus/dynamodb/store.hpp"

namespace sagabus::tools {
namespace {

struct GoodUri {
  std::string text;
  StoreUri parsed;
};

class Good : public testing::TestWithParam<GoodUri> {};

TEST_P(Good, IsRead) {
  EXPECT_EQ(parse_store_uri(GetParam().text), GetParam().parsed);
}

// All that is not said is as it is by default.
DynamoDbUri on_table(
    const std::string& table, const std::function<void(DynamoDbUri&)>& say = [](auto&) {}) {
  DynamoDbUri uri;
  uri.table = table;
  say(uri);
  return uri;
}

INSTANTIATE_TEST_SUITE_P(
    StoreUri, Good,
    testing::Values(
        GoodUri{"memory:", MemoryUri{}}, GoodUri{"MEMORY:", MemoryUri{}},
        GoodUri{"sqlite:///var/lib/orders.db", SqliteUri{"/var/lib/orders.db"}},
        GoodUri{"sqlite:///a%20b/%3F%23%25.db", SqliteUri{"/a b/?#%.db"}},
        GoodUri{"sqlite:///%c3%A9+@.db", SqliteUri{"/\xc3\xa9+@.db"}},
        GoodUri{"dynamodb://sagas", on_table("sagas")},
        GoodUri{"DynamoDB://Sagas_1.x-y", on_table("Sagas_1.x-y")},
        GoodUri{"dynamodb://sagas?region=eu-central-1",
                on_table("sagas", [](auto& uri) { uri.region = "eu-central-1"; })},
        GoodUri{"dynamodb://sagas?endpoint=http://localhost:8000&region=us-east-1",
                on_table("sagas",
                         [](auto& uri) {
                           uri.region = "us-east-1";
                           uri.endpoint = "http://localhost:8000";
                         })},
        GoodUri{"dynamodb://sagas?endpoint=http%3A%2F%2Flocalhost%3A8000%2Fa%3Db%26c",
                on_table("sagas", [](auto& uri) { uri.endpoint = "http://localhost:8000/a=b&c"; })},
        GoodUri{"dynamodb://sagas?endpoint=http://localhost:8000/a=b",
                on_table("sagas", [](auto& uri) { uri.endpoint = "http://localhost:8000/a=b"; })},
        GoodUri{"dynamodb://sagas?ttl_days=7",
                on_table("sagas", [](auto& uri) { uri.ttl_days = 7; })},
        GoodUri{"dynamodb://sagas?ttl_days=0.5",
                on_table("sagas", [](auto& uri) { uri.ttl_days = 0.5; })},
        GoodUri{"dynamodb://sagas?key_shards=8",
                on_table("sagas", [](auto& uri) { uri.key_shards = 8; })},
        GoodUri{"dynamodb://sagas?index=none",
                on_table("sagas", [](auto& uri) { uri.index = dynamodb::CorrelationIndex::none; })},
        GoodUri{"dynamodb://sagas?index=keys_only",
                on_table("sagas",
                         [](auto& uri) { uri.index = dynamodb::CorrelationIndex::keys_only; })},
        GoodUri{"dynamodb://arn:aws:dynamodb:us-east-1:123456789012:table/sagas",
                on_table("arn:aws:dynamodb:us-east-1:123456789012:table/sagas")}));

struct BadUri {
  std::string text;
  std::string says;
};

class Bad : public testing::TestWithParam<BadUri> {};

TEST_P(Bad, IsRefusedInOneLine) {
  try {
    parse_store_uri(GetParam().text);
    FAIL() << "it was accepted";
  } catch (const std::invalid_argument& e) {
    const std::string line = e.what();
    EXPECT_NE(line.find(GetParam().says), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_EQ(line.find("hunter2"), std::string::npos) << line;
  }
}

INSTANTIATE_TEST_SUITE_P(
    StoreUri, Bad,
    testing::Values(
        BadUri{"", "expected memory:"}, BadUri{"orders.db", "no scheme"},
        BadUri{"postgres://host/db", "unknown scheme: expected memory:, sqlite:///PATH"},
        BadUri{":", "unknown scheme"}, BadUri{" memory:", "a space"},
        BadUri{"memory:\n", "a control character"}, BadUri{"memory:x", "nothing may follow"},
        BadUri{"memory://", "nothing may follow"}, BadUri{"sqlite:", "sqlite:///PATH"},
        BadUri{"sqlite:orders.db", "absolute path"}, BadUri{"sqlite://orders.db", "absolute path"},
        BadUri{"sqlite://host/orders.db", "absolute path"}, BadUri{"sqlite:///", "names no file"},
        BadUri{"sqlite:///var/lib/", "names no file"},
        BadUri{"sqlite:///var/lib%2f", "names no file"},
        BadUri{"sqlite:///a.db?mode=ro", "takes no parameters"},
        BadUri{"sqlite:///a.db#x", "write it as %23"},
        BadUri{"sqlite:///a%2", "bad percent-encoding, '%2'"},
        BadUri{"sqlite:///a%zz.db", "bad percent-encoding, '%zz'"},
        BadUri{"sqlite:///a%00.db", "%00"}, BadUri{"dynamodb:", "dynamodb://TABLE"},
        BadUri{"dynamodb:sagas", "dynamodb://TABLE"}, BadUri{"dynamodb://", "table is missing"},
        BadUri{"dynamodb://?region=us-east-1", "table is missing"},
        BadUri{"dynamodb://ab", "3 to 255"}, BadUri{"dynamodb://sagas/", "bad table name"},
        BadUri{"dynamodb://my%20sagas", "bad table name"},
        BadUri{"dynamodb://arn:aws:sqs:us-east-1:123456789012:sagas", "bad table name"},
        BadUri{"dynamodb://" + std::string(256, 'x'), "3 to 255"},
        BadUri{"dynamodb://sagas?", "a parameter is missing"},
        BadUri{"dynamodb://sagas?region=us-east-1&", "a parameter is missing"},
        BadUri{"dynamodb://sagas?region", "'region' has no value"},
        BadUri{"dynamodb://sagas?region=", "'region' is empty"},
        BadUri{"dynamodb://sagas?table=x", "unknown parameter 'table'"},
        BadUri{"dynamodb://sagas?Region=us-east-1", "unknown parameter 'Region'"},
        BadUri{"dynamodb://sagas?region=a&region=a", "'region' stands twice"},
        BadUri{"dynamodb://sagas?region=a%2", "'region' has a bad percent-encoding"},
        BadUri{"dynamodb://sagas?ttl_days=week", "'ttl_days' is no number"},
        BadUri{"dynamodb://sagas?ttl_days=7d", "'ttl_days' is no number"},
        BadUri{"dynamodb://sagas?ttl_days=0", "over 0"},
        BadUri{"dynamodb://sagas?ttl_days=-1", "over 0"},
        BadUri{"dynamodb://sagas?ttl_days=nan", "over 0"},
        BadUri{"dynamodb://sagas?ttl_days=inf", "over 0"},
        BadUri{"dynamodb://sagas?ttl_days=1e999", "over 0"},
        BadUri{"dynamodb://sagas?key_shards=many", "'key_shards' is no whole number"},
        BadUri{"dynamodb://sagas?key_shards=-8", "'key_shards' is no whole number"},
        BadUri{"dynamodb://sagas?key_shards=8.5", "'key_shards' is no whole number"},
        BadUri{"dynamodb://sagas?key_shards=5000000000", "'key_shards' is no whole number"},
        BadUri{"dynamodb://sagas?index=some", "'index' is no index"},
        BadUri{"dynamodb://key:hunter2@sagas", "credentials come from the environment"},
        BadUri{"dynamodb://sagas?endpoint=http://key:hunter2@localhost:8000",
               "credentials come from the environment"}));

}  // namespace
}  // namespace sagabus::tools
