// Many messages for one instance at the same time. On every store.
#include <numeric>

#include "conformance/bus_on_store.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;

constexpr int kMessages = 64;

std::vector<int> all_of_them() {
  std::vector<int> numbers(kMessages);
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

}  // namespace

// Each says how many it found. Had one that was planned again said so before its write, a number
// would be missing, and another be there twice.
TEST_P(BusOnStore, SixtyFourMessagesTogetherAllLandOnOneWorker) {
  Worker& worker = this->worker(account().build());
  give(worker, Opened{"o", 0}, "start");
  said_.clear();
  int lost = 0;
  const auto random = seeded_random(64);
  worker.store_faults->commit_takes = [&] {
    return clock_->sleep_for(std::chrono::milliseconds(1 + random->next() % 9));
  };
  worker.store_faults->after_commit = [&](const CommitRequest&, const CommitResult& result) {
    lost += result.committed ? 0 : 1;
  };
  for (int i = 0; i < kMessages; ++i) put(worker, Counted{"o", 1}, "m" + std::to_string(i));
  run();
  EXPECT_EQ(state(), (Account{.sum = kMessages, .steps = kMessages + 1}));
  EXPECT_EQ(sums(), all_of_them());
  EXPECT_EQ(lost, 0);  // they do not race one another
}

// By four, since eighteen ids fit into the inbox.
TEST_P(BusOnStore, SixtyFourMessagesTogetherLandWithFourWrites) {
  max_coalesced_steps_ = 100;
  Worker& worker = this->worker(account().build());
  give(worker, Opened{"o", 0}, "start");
  said_.clear();
  int commits = 0;
  worker.store_faults->commit_takes = [&] { return clock_->sleep_for(1ms); };
  worker.store_faults->after_commit = [&](const CommitRequest&, const CommitResult& result) {
    commits += result.committed ? 1 : 0;
  };
  const Instance first = find().value();
  for (int i = 0; i < kMessages; ++i) put(worker, Counted{"o", 1}, "m" + std::to_string(i));
  run();
  EXPECT_EQ(state(), (Account{.sum = kMessages, .steps = kMessages + 1}));
  EXPECT_EQ(sums(), all_of_them());
  EXPECT_EQ(find()->version, first.version + static_cast<std::uint64_t>(commits));
  EXPECT_LE(commits, 5);  // the first may have gone alone
}

TEST_P(BusOnStore, SixtyFourMessagesTogetherAllLandOnFourWorkers) {
  memory::TransportOptions options;
  options.ambient = ambient_;
  const memory::Transport shared(std::move(options));
  const auto random = seeded_random(64);
  int lost = 0;
  std::vector<Worker*> workers;
  for (int i = 0; i < 4; ++i) {
    Worker& worker = *workers.emplace_back(&this->worker(account().build(), shared));
    worker.store_faults->commit_takes = [&] {
      return clock_->sleep_for(std::chrono::milliseconds(1 + random->next() % 9));
    };
    worker.store_faults->after_commit = [&](const CommitRequest&, const CommitResult& result) {
      lost += result.committed ? 0 : 1;
    };
  }
  put(*workers[0], Opened{"o", 0}, "start");
  run();
  said_.clear();
  for (int i = 0; i < kMessages; ++i) put(*workers[0], Counted{"o", 1}, "m" + std::to_string(i));
  run();
  EXPECT_EQ(state(), (Account{.sum = kMessages, .steps = kMessages + 1}));
  EXPECT_EQ(sums(), all_of_them());
  EXPECT_GT(lost, 3);  // they did race one another
  EXPECT_EQ(shared.pending(name_), 0U);
  EXPECT_EQ(shared.pending(name_ + ".dlq"), 0U);
}

}  // namespace sagabus::test
