// Credentials that expire while requests go out, many at a time.
#include <boost/asio/detached.hpp>
#include <map>

#include "sagabus/aws/client.hpp"
#include "unit/aws/credentials_support.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Gives credentials for ten minutes, each under a new id, and fails now and then.
class Giver {
 public:
  explicit Giver(std::shared_ptr<SettableClock> clock) : clock_(std::move(clock)) {}

  StandIn::Answer give(const std::string& document) {
    const std::lock_guard lock(mutex_);
    if (++asked_ % 4 == 3) return {503, ""};
    const std::string id = "ID" + std::to_string(asked_);
    ends_[id] = clock_->now() + 10min;
    std::string text = document;
    text.replace(text.find("AKID"), 4, id);
    return {200, text};
  }
  bool is_valid(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto end = ends_.find(id);
    return end != ends_.end() && clock_->now() < end->second;
  }
  int asked() const { return asked_; }

 private:
  const std::shared_ptr<SettableClock> clock_;
  mutable std::mutex mutex_;
  std::map<std::string, TimePoint> ends_;
  std::atomic<int> asked_ = 0;
};

class CredentialsLoad : public CredentialsTest {
 protected:
  Client client_of(const StandIn& dynamodb) const {
    ClientOptions here;
    here.region = "us-east-1";
    here.endpoint = dynamodb.url();
    here.environment = options().environment;
    here.clock = clock_;
    return Client(kDynamoDb, here);
  }

  asio::awaitable<void> call(const Client& client, int times) {
    for (int i = 0; i < times; ++i) {
      const Outcome outcome = co_await client.call("GetItem", "{}");
      EXPECT_TRUE(outcome) << outcome.error().message;
      clock_->pass(250ms);
    }
  }
};

// Whose key signed the request.
std::string signer_of(const std::string& request) {
  const std::size_t begin = request.find("Credential=") + 11;
  return request.substr(begin, request.find('/', begin) - begin);
}

// A session may end before its time: its role was changed, or the local clock is wrong.
TEST_F(CredentialsLoad, AsksOnceForNewOnesWhereTheServiceEndsASession) {
  std::atomic<int> given = 0;
  const StandIn container([&](const std::string&) {
    return StandIn::Answer{200, document(60min, "ID" + std::to_string(++given))};
  });
  std::atomic<int> answered = 0;
  std::atomic<int> refused = 0;
  const StandIn dynamodb([&](const std::string& request) {
    if (signer_of(request) != "ID1" || ++answered <= 100) return StandIn::Answer{200, "{}"};
    ++refused;
    return StandIn::Answer{400, R"({"__type":"com.amazon.coral.service#ExpiredTokenException"})"};
  });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
  const Client client = client_of(dynamodb);
  asio::io_context context;
  for (int lane = 0; lane < 16; ++lane) {
    asio::co_spawn(context, call(client, 20), asio::detached);
  }
  context.run();
  EXPECT_EQ(given, 2);
  EXPECT_GE(refused, 1);
  EXPECT_LE(refused, 16);
  EXPECT_THAT(dynamodb.requests(), testing::SizeIs(16 * 20 + refused));
}

TEST_F(CredentialsLoad, SignsNothingWithWhatHasExpiredAndAsksRarely) {
  Giver giver(clock_);
  const StandIn container([&](const std::string&) { return giver.give(document(10min)); });
  std::atomic<int> expired = 0;
  const StandIn dynamodb([&](const std::string& request) {
    const bool valid = giver.is_valid(signer_of(request));
    expired += valid ? 0 : 1;
    return StandIn::Answer{200, "{}"};
  });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
  const Client client = client_of(dynamodb);
  asio::io_context context;
  for (int lane = 0; lane < 16; ++lane) {
    asio::co_spawn(context, call(client, 1000), asio::detached);
  }
  context.run();  // more than an hour of the clock
  EXPECT_EQ(expired, 0);
  EXPECT_THAT(dynamodb.requests(), testing::SizeIs(16'000));
  EXPECT_GE(giver.asked(), 8);
  EXPECT_LE(giver.asked(), 24);
}

}  // namespace
}  // namespace sagabus::aws
