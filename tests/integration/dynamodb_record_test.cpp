// What a table says of itself, and who heeds it.
#include <gmock/gmock.h>

#include <functional>
#include <mutex>
#include <thread>

#include "aws/http_client.hpp"
#include "dynamodb_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Lets somebody else act before the first request with that text in it.
class OvertakenHttp final : public aws::HttpClient {
 public:
  OvertakenHttp(std::string_view endpoint, std::string before,
                std::function<boost::asio::awaitable<void>()> other)
      : before_(std::move(before)), other_(std::move(other)) {
    aws::HttpClientOptions options;
    options.endpoint = aws::parse_endpoint("endpoint", endpoint);
    inner_ = aws::make_http_client(std::move(options));
  }

  boost::asio::awaitable<aws::HttpResponse> send(const aws::HttpRequest& request) override {
    if (other_ && request.body.find(before_) != std::string_view::npos) {
      auto overtaking = std::exchange(other_, nullptr)();
      co_await std::move(overtaking);
    }
    auto sending = inner_->send(request);
    co_return co_await std::move(sending);
  }

 private:
  std::shared_ptr<aws::PooledHttpClient> inner_;
  const std::string before_;
  std::function<boost::asio::awaitable<void>()> other_;
};

class DynamoDbRecord : public DynamoDbTest {
 protected:
  SagaStore store(unsigned key_shards = 1) {
    StoreOptions here = options();
    here.key_shards = key_shards;
    return SagaStore(std::move(here));
  }
  void put_record(std::string_view numbers) {
    put(R"("sagaName":{"S":"$table"},"sagaId":{"S":"format"})" + std::string(numbers));
  }
  // As CloudFormation makes it.
  void make_without_record() { call("CreateTable", create_table_request(table_, {})); }
  boost::json::object record() { return item("format", "$table"); }

  static std::string refusal(const std::function<void()>& act) {
    try {
      act();
    } catch (const ValidationError& e) {
      return e.what();
    }
    return "none";
  }
  static std::string refusal_to_start(const SagaStore& store) {
    return refusal([&] { sync_wait(store.backend()->prepare()); });
  }
  static std::string refusal_to_create(const SagaStore& store) {
    return refusal([&] { sync_wait(create_table(store)); });
  }
};

TEST_F(DynamoDbRecord, IsWrittenByCreateTable) {
  const SagaStore eight = store(8);
  for (int time = 0; time < 2; ++time) {
    sync_wait(create_table(eight));
    EXPECT_EQ(record(), boost::json::parse(R"({"sagaName":{"S":"$table"},"sagaId":{"S":"format"},)"
                                           R"("formatVersion":{"N":"1"},"keyShards":{"N":"8"}})"));
  }
  EXPECT_EQ(refusal_to_start(eight), "none");
  const TableInfo info = sync_wait(describe_table(eight));
  EXPECT_EQ(info.format_version, 1U);
  EXPECT_EQ(info.key_shards, 8U);
  EXPECT_THAT(sync_wait(verify_table(eight)), IsEmpty());
  EXPECT_THAT(sync_wait(verify_table(store(4))), ElementsAre("key shards: expected 4, found 8"));
}

TEST_F(DynamoDbRecord, IsWrittenForOneShardToo) {
  sync_wait(create_table(store()));
  EXPECT_EQ(record().at("keyShards"), boost::json::parse(R"({"N":"1"})"));
  EXPECT_EQ(refusal_to_start(store()), "none");
  EXPECT_THAT(refusal_to_start(store(8)), HasSubstr("has 1 key shard, the store's option"));
  EXPECT_EQ(sync_wait(store().count_by_name("Order")), 0U);
}

TEST_F(DynamoDbRecord, ThatIsAbsentMeansOneShard) {
  make_without_record();
  EXPECT_EQ(refusal_to_start(store()), "none");
  EXPECT_EQ(sync_wait(describe_table(store())).key_shards, 1U);
  EXPECT_EQ(refusal_to_start(store(8)),
            "table " + table_ +
                " has 1 key shard (it has no $table record), the store's option key_shards is 8: "
                "set it to 1, or take a table that create_table made with 8; a table's number "
                "cannot be changed");
  ASSERT_TRUE(commit(store(), first()).committed);
  EXPECT_TRUE(load(store(), key()));
  EXPECT_TRUE(record().empty());
  EXPECT_EQ(refusal_to_create(store()), "none");
  EXPECT_FALSE(record().empty());
}

TEST_F(DynamoDbRecord, GoesToATableOfAnotherToolWhileItIsEmpty) {
  make_without_record();
  EXPECT_EQ(refusal_to_create(store(8)), "none");
  EXPECT_EQ(record().at("keyShards"), boost::json::parse(R"({"N":"8"})"));
  EXPECT_EQ(refusal_to_start(store(8)), "none");
}

TEST_F(DynamoDbRecord, OfSeveralShardsIsNotForATableThatHoldsItems) {
  make_without_record();
  sync_wait(store().backend()->save_watermark("w1", "text"));
  EXPECT_EQ(refusal_to_create(store(8)),
            "table " + table_ +
                " exists, has no $table record and holds items: it is one of 1 key shard, and "
                "cannot become one of 8; take another table");
  EXPECT_TRUE(record().empty());
}

TEST_F(DynamoDbRecord, ThatDisagreesIsRefusedWithBothNumbers) {
  sync_wait(create_table(store(8)));
  for (const unsigned other : {1U, 4U}) {
    EXPECT_EQ(refusal_to_start(store(other)),
              fmt::format("table {} has 8 key shards, the store's option key_shards is {}: set it "
                          "to 8, or take a table that create_table made with {}; a table's number "
                          "cannot be changed",
                          table_, other, other));
    EXPECT_EQ(refusal_to_create(store(other)),
              fmt::format("table {} exists and is another one: key shards: expected {}, found 8",
                          table_, other));
  }
  EXPECT_EQ(record().at("keyShards"), boost::json::parse(R"({"N":"8"})"));
}

TEST_F(DynamoDbRecord, OfANewerFormatIsRefusedWithBothNumbers) {
  make_without_record();
  put_record(R"(,"formatVersion":{"N":"2"},"keyShards":{"N":"1"})");
  EXPECT_EQ(refusal_to_start(store()),
            "table " + table_ +
                " has format version 2, this program knows version 1: use a newer sagabus");
  EXPECT_THAT(refusal_to_create(store()), HasSubstr("format version: expected 1, found 2"));
  EXPECT_THAT(sync_wait(verify_table(store())),
              ElementsAre("format version: expected 1, found 2",
                          "time to live: expected on ttl, found off"));
}

TEST_F(DynamoDbRecord, ThatIsBrokenIsRefused) {
  make_without_record();
  for (const char* numbers : {R"(,"formatVersion":{"N":"1"})", R"(,"keyShards":{"N":"1"})",
                              R"(,"formatVersion":{"N":"1"},"keyShards":{"S":"1"})",
                              R"(,"formatVersion":{"N":"1"},"keyShards":{"N":"0"})",
                              R"(,"formatVersion":{"N":"-1"},"keyShards":{"N":"1"})"}) {
    put_record(numbers);
    const std::string broken = "table " + table_ + ": its $table record is broken: ";
    EXPECT_THAT(refusal_to_start(store()), HasSubstr(broken)) << numbers;
    EXPECT_THAT(refusal_to_create(store()), HasSubstr(broken)) << numbers;
    EXPECT_THROW(sync_wait(verify_table(store())), ValidationError) << numbers;
  }
}

TEST_F(DynamoDbRecord, OfAFasterCreatorStands) {
  for (const char* before : {R"("Select":"COUNT")", R"("keyShards":)"}) {  // Scan, PutItem
    for (const unsigned theirs : {4U, 8U}) {
      const SagaStore other = store(theirs);
      ClientOptions overtaken = client_options();
      overtaken.http = std::make_shared<OvertakenHttp>(overtaken.endpoint, before,
                                                       [other] { return create_table(other); });
      StoreOptions here = options();
      here.client = Client(std::move(overtaken));
      here.key_shards = 8;
      EXPECT_EQ(refusal_to_create(SagaStore(std::move(here))),
                theirs == 8 ? "none"
                            : "table " + table_ +
                                  " exists and is another one: key shards: expected 8, found 4");
      EXPECT_EQ(sync_wait(describe_table(other)).key_shards, theirs);
      sync_wait(delete_table(other));
    }
  }
}

TEST_F(DynamoDbRecord, OfManyCreatorsIsOnesAndTheSameForAll) {
  std::mutex mutex;
  std::vector<unsigned> agreed;
  std::vector<std::thread> threads;
  for (const unsigned key_shards : {1U, 4U, 8U, 1U, 4U, 8U}) {
    threads.emplace_back([&, here = store(key_shards), key_shards] {
      if (refusal_to_create(here) != "none") return;
      const std::lock_guard lock(mutex);
      agreed.push_back(key_shards);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(agreed.size(), 2U);
  for (const unsigned key_shards : agreed) {
    EXPECT_EQ(sync_wait(describe_table(store())).key_shards, key_shards);
  }
}

TEST_F(DynamoDbRecord, IsReadInPlaceOfAProbe) {
  sync_wait(create_table(store(8)));
  const SagaStore eight = store(8);
  sync_wait(eight.backend()->prepare());
  const Usage usage = eight.usage();
  EXPECT_EQ(usage.requests.at("GetItem"), 1U);
  EXPECT_EQ(usage.requests.at("Query"), 1U);  // of the index
  EXPECT_EQ(usage.total_requests(), 2U);
}

TEST_F(DynamoDbRecord, CannotBeAskedOfANumberThatNoTableHas) {
  for (const unsigned wrong : {0U, 1001U}) {
    EXPECT_THROW(sync_wait(create_table(store(), {.key_shards = wrong})), std::invalid_argument);
  }
  EXPECT_THROW(sync_wait(describe_table(store())), TableNotFound);
}

}  // namespace
}  // namespace sagabus::dynamodb
