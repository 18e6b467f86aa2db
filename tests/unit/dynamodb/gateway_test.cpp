// Answers of the service that it should not give, and items that another program wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "aws/http_client.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::dynamodb {
namespace {

// Gives the answers of a script, one a request.
class ScriptedHttp final : public aws::HttpClient {
 public:
  void say(int status, std::string body) { script_.push_back({status, std::move(body)}); }

  boost::asio::awaitable<aws::HttpResponse> send(const aws::HttpRequest&) override {
    aws::HttpResponse response;
    response.status = script_.at(0).first;
    response.body = std::move(script_.at(0).second);
    script_.pop_front();
    co_return response;
  }

 private:
  std::deque<std::pair<int, std::string>> script_;
};

class DynamoDbAnswers : public ::testing::Test {
 protected:
  SagaStore make() {
    ClientOptions client;
    client.region = "us-east-1";
    client.credentials = aws::static_credentials("key", "secret");
    client.max_attempts = 1;
    client.http = http_;
    StoreOptions options;
    options.table_name = "sagas";
    options.client = Client(std::move(client));
    return SagaStore(std::move(options));
  }

  std::shared_ptr<ScriptedHttp> http_ = std::make_shared<ScriptedHttp>();
  SagaStore store_ = make();
};

std::string item(const std::string& more) {
  return R"({"sagaName":{"S":"Order"},"sagaId":{"S":"id"},"correlationId":{"S":"c"},)"
         R"("version":{"N":"1"},"state":{"M":{}})" +
         more + "}";
}

TEST_F(DynamoDbAnswers, ACountThatIsNoneIsTransient) {
  for (const char* count : {"-1", "1.5", "1e300", "\"1\"", "null"}) {
    http_->say(200, std::string(R"({"Count":)") + count + "}");
    EXPECT_THROW(sync_wait(store_.count_by_name("Order")), TransientError) << count;
  }
  http_->say(200, R"({"Count":7})");
  EXPECT_EQ(sync_wait(store_.count_by_name("Order")), 7U);
}

TEST_F(DynamoDbAnswers, ACancellationNeedsAReasonForEachAction) {
  for (const char* reasons : {"[]", R"([{"Code":"ConditionalCheckFailed"}])", "{}"}) {
    http_->say(400, R"({"__type":"x#ConditionalCheckFailedException","Item":)" +
                        item(R"(,"_a":{"BOOL":true})") + "}");
    http_->say(400, std::string(R"({"__type":"x#TransactionCanceledException",)"
                                R"("CancellationReasons":)") +
                        reasons + "}");
    try {
      sync_wait(store_.erase("Order", "id"));
      FAIL() << "expected an error for " << reasons;
    } catch (const Error& e) {
      EXPECT_EQ(e.service().code, "TransactionCanceledException");
    }
  }
}

TEST_F(DynamoDbAnswers, ATimeToLiveBeyondAllYearsIsNeverOrLongAgo) {
  http_->say(200, R"({"Item":)" + item(R"(,"ttl":{"N":"9223372036854775807"})") + "}");
  const auto found = sync_wait(store_.get_by_id("Order", "id"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->expires_at, std::chrono::floor<std::chrono::seconds>(kLatestText));
  http_->say(200, R"({"Item":)" + item(R"(,"ttl":{"N":"-9223372036854775808"})") + "}");
  EXPECT_FALSE(sync_wait(store_.get_by_id("Order", "id")));
}

}  // namespace
}  // namespace sagabus::dynamodb
