// Sixty-four messages for one instance arrive together, at four processes: all land, and each step
// that had to be planned again has spoken once, of what it found in the end.
#include <gmock/gmock.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <stdexcept>

#include "faults/cast.hpp"
#include "faults/history.hpp"
#include "faults/life.hpp"
#include "integration/dynamodb_support.hpp"
#include "integration/sqlite_support.hpp"

namespace sagabus::faults {
namespace {

using namespace std::chrono_literals;

constexpr int kMessages = 64;
constexpr std::size_t kProcesses = 4;
constexpr const char* kEars = "ears";
constexpr const char* kOrderId = "o";

class Crowd {
 public:
  // Of the store, an empty one is the database's.
  explicit Crowd(Plan plan, SagaStore store = {})
      : here_(sqlite::embedded(database_)),
        store_(store.backend() ? std::move(store) : SagaStore(here_.store)) {
    plan.database = database_;
    for (const SagaDefinition& saga : cast()) subscribe(saga.name(), saga.message_types());
    subscribe(kEars, {std::string(message_name<OrderProgressed>())});
    Instance order;  // nothing else happens to it
    order.saga_name = kOrder;
    order.correlation_id = kOrderId;
    order.state = to_value(OrderState{});
    sync_wait(store_.insert(std::move(order)));
    queues_.emplace(database_);
    for (std::size_t i = 0; i < kProcesses; ++i) {
      plan.journal = directory_.file("journal-" + std::to_string(i));
      lives_.push_back(std::make_unique<Life>(plan, std::nullopt));
    }
    wait_for("SELECT count(*) FROM owners", std::to_string(kProcesses + 1));
  }

  void run() {
    std::vector<SendRequest> requests;
    for (int i = 0; i < kMessages; ++i) {
      auto envelope = std::make_shared<Envelope>();
      envelope->id = "payment-" + std::to_string(i);
      envelope->type = message_name<PaymentTaken>();
      envelope->payload = to_value(PaymentTaken{kOrderId});
      envelope->timestamp = system_clock()->now();
      requests.emplace_back().envelope = std::move(envelope);
    }
    sync_wait(here_.transport.backend()->send(std::move(requests)));
    wait_for("SELECT count(*) FROM messages WHERE endpoint <> 'ears' AND endpoint NOT LIKE '%.dlq'",
             "0");
    for (const auto& life : lives_) {
      life->kill();
      history_.add(read_journal(life->plan().journal));
    }
  }

  OrderState state() const {
    const auto found = sync_wait(store_.get_by_correlation_id(kOrder, kOrderId));
    return from_value<OrderState>(found.value().state);
  }
  int shipments() const {
    const auto found = sync_wait(store_.get_by_correlation_id("Shipment", kOrderId));
    return from_value<DeedState>(found.value().state).times;
  }
  std::vector<int> heard() {
    std::vector<int> answers;
    for (const Delivery& it : sync_wait(here_.transport.drain(kEars, 1000))) {
      answers.push_back(from_value<OrderProgressed>(it.envelope->payload).answers);
    }
    std::sort(answers.begin(), answers.end());
    return answers;
  }
  std::string letters() {
    return queues_->run("SELECT max(body) FROM messages WHERE endpoint LIKE '%.dlq'");
  }
  const History& history() const { return history_; }

 private:
  void subscribe(std::string endpoint, std::vector<std::string> types) {
    Subscription subscription{std::move(endpoint), std::move(types)};
    sync_wait(here_.transport.backend()->subscribe(std::move(subscription)));
  }

  // Looks again whenever a worker gives a sign of life.
  void wait_for(const std::string& query, const std::string& answer) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (queues_->run(query) != answer + '\n') {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(query);
      std::vector<pollfd> events;
      for (const auto& life : lives_) events.push_back({life->events(), POLLIN, 0});
      ::poll(events.data(), events.size(), 10);
      for (const auto& life : lives_) {
        if (!life->hear()) throw std::runtime_error("a worker has ended");
      }
    }
  }

  sqlite::TempDirectory directory_;
  const std::string database_ = directory_.file();
  sqlite::Embedded here_;
  const SagaStore store_;
  std::optional<sqlite::RawDatabase> queues_;  // the messages, as another program sees them
  std::vector<std::unique_ptr<Life>> lives_;
  History history_;
};

void expect_that_all_land(Crowd& crowd) {
  crowd.run();
  EXPECT_EQ(crowd.state(), (OrderState{.payments = kMessages}));
  std::vector<int> each(kMessages);
  std::iota(each.begin(), each.end(), 1);
  EXPECT_EQ(crowd.heard(), each);
  EXPECT_EQ(crowd.shipments(), 1);
  EXPECT_EQ(crowd.letters(), "NULL\n");
  EXPECT_GT(crowd.history().races_lost(), 0U);  // so steps were planned again
}

TEST(CrowdSqlite, SixtyFourMessagesTogetherAllLand) {
  Crowd crowd({});
  expect_that_all_land(crowd);
}

class CrowdDynamoDb : public dynamodb::DynamoDbTest {};

TEST_F(CrowdDynamoDb, SixtyFourMessagesTogetherAllLand) {
  const SagaStore store = make();
  Crowd crowd({.table = table_, .endpoint = test::dynamodb_endpoint()}, store);
  expect_that_all_land(crowd);
}

}  // namespace
}  // namespace sagabus::faults
