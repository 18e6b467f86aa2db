#include "sagabus/ledger.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "bus_fixture.hpp"
#include "sagabus/error.hpp"

namespace fixture {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A store that bills: a read is a request and half a unit, a write a request and two units.
class LedgerTest : public BusTest {
 protected:
  LedgerTest() {
    store_faults_->before_load = [this](const InstanceKey&) { ++loads_; };
    store_faults_->load_costs = {.requests = 1, .read_units = 0.5};
    store_faults_->before_commit = [this](const CommitRequest& request) {
      *request.cost += {.requests = 1, .write_units = 2};
      ++commits_;
      before_commit_();
    };
    store_faults_->after_commit = [](const CommitRequest& request, const CommitResult& result) {
      if (!result.committed) request.cost->failed_conditions += 1;
    };
  }

  template <class M>
  void deliver(Bus& bus, const M& message) {
    await(bus.publish(message));
    run();
  }

  unsigned loads_ = 0;
  unsigned commits_ = 0;
  std::function<void()> before_commit_ = [] {};
};

// As it is compared: saga, type, deliveries, commits, requests, failed conditions, units.
std::string text(const LedgerLine& line) {
  return fmt::format("{} {}: {} -> {}, {} requests, {} failed, {} read, {} written", line.saga_name,
                     line.message_type, line.deliveries, line.commits, line.cost.requests,
                     line.cost.failed_conditions, line.cost.read_units, line.cost.write_units);
}

std::vector<std::string> texts(const Ledger& ledger) {
  std::vector<std::string> out;
  for (const LedgerLine& line : ledger) out.push_back(text(line));
  return out;
}

TEST_F(LedgerTest, HasALineForEachTypeThatWasDelivered) {
  Bus& bus = start(options({orders().build(), orders("Others").build()}));
  EXPECT_THAT(bus.ledger(), IsEmpty());
  deliver(bus, Submitted{"o", 1});
  deliver(bus, Submitted{"p", 1});
  deliver(bus, Paid{"o", "t"});
  EXPECT_THAT(texts(bus.ledger()),
              ElementsAre("Orders Submitted: 2 -> 2, 2 requests, 0 failed, 0 read, 4 written",
                          "Orders Paid: 1 -> 1, 1 requests, 0 failed, 0 read, 2 written",
                          "Others Submitted: 2 -> 2, 2 requests, 0 failed, 0 read, 4 written",
                          "Others Paid: 1 -> 1, 1 requests, 0 failed, 0 read, 2 written"));
}

TEST_F(LedgerTest, CountsTriesThatThrew) {
  Bus& bus = start(options({orders().build()}));
  deliver(bus, Submitted{"o", 1});
  before_commit_ = [this] {
    if (commits_ == 2) throw TransientError("not now");
  };
  deliver(bus,
          Paid{"o", "t"});  // a write that threw; then, since it is in doubt, a read and a write
  EXPECT_THAT(texts(bus.ledger()),
              ElementsAre("Orders Submitted: 1 -> 1, 1 requests, 0 failed, 0 read, 2 written",
                          "Orders Paid: 2 -> 1, 3 requests, 0 failed, 0.5 read, 4 written"));
}

TEST_F(LedgerTest, CountsRefusedWrites) {
  Bus& bus = start(options({orders().build()}));
  Bus& another = start(options({orders().build()}));
  deliver(bus, Submitted{"o", 1});
  // Whoever of the two did not write last goes by what is out of date, and is told so once.
  for (int i = 0; i < 3; ++i) deliver(bus, Paid{"o", "t"});
  deliver(bus, Closed{"o"});
  Ledger both = bus.ledger();
  for (LedgerLine& line : another.ledger()) both.push_back(std::move(line));
  Cost sum;
  std::uint64_t commits = 0;
  for (const LedgerLine& line : both) {
    sum += line.cost;
    commits += line.commits;
  }
  EXPECT_EQ(commits, 3U);
  EXPECT_EQ(sum.requests, commits_ + loads_);
  EXPECT_EQ(sum.failed_conditions, commits_ - commits);
}

TEST_F(LedgerTest, CountsWhatNoHandlerTook) {
  Bus& bus = start(options({orders().build()}));
  deliver(bus, Paid{"nobody's", "t"});
  EXPECT_THAT(texts(bus.ledger()),
              ElementsAre("Orders Paid: 1 -> 0, 1 requests, 0 failed, 0.5 read, 0 written"));
}

TEST_F(LedgerTest, CountsRepeatsAgain) {
  Bus& bus = start(options({orders().build()}));
  transport_faults_->before_acknowledge = [once = true](const Delivery&) mutable {
    if (std::exchange(once, false)) throw TransientError("not now");
  };
  deliver(bus, Submitted{"o", 1});
  ASSERT_EQ(bus.ledger().size(), 1U);
  const LedgerLine line = bus.ledger().front();
  EXPECT_EQ(line.deliveries, 2U);
  EXPECT_EQ(line.commits, 1U);
}

}  // namespace
}  // namespace fixture
