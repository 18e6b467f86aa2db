#include "sqlite/lane.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "sagabus/error.hpp"

namespace sagabus::sqlite {
namespace {

using Jobs = std::vector<std::shared_ptr<Job>>;

constexpr std::size_t kMostWrites = 256;  // in one transaction, so that none waits for long

void roll_back(Connection& connection) noexcept {
  try {
    if (connection.in_transaction()) connection.execute("ROLLBACK");
  } catch (const SqlFault&) {  // NOLINT(bugprone-empty-catch): the fault before it is reported
  }
}

constexpr Sql kBeginRead{"BEGIN"};
constexpr Sql kBeginWrite{"BEGIN IMMEDIATE"};
constexpr Sql kCommit{"COMMIT"};

}  // namespace

struct Lane::State {
  explicit State(Options o) : options(std::move(o)) {}

  void submit(Jobs& queue, std::shared_ptr<Job> job);
  bool take(Jobs& reads, Jobs& writes);
  void loop();
  Connection* open(Jobs& reads, Jobs& writes);
  void run_reads(Jobs& jobs);
  void run_writes(Jobs& jobs);
  bool run_together(const Jobs& jobs);
  void run_alone(const std::shared_ptr<Job>& job);
  void finish(Jobs& jobs);
  void shut_down();

  const Options options;
  std::unique_ptr<Connection> connection;
  std::atomic<std::uint64_t> jobs_done{0};
  std::atomic<std::uint64_t> transactions{0};

  std::mutex mutex;
  std::condition_variable changed;
  Jobs waiting_reads;
  Jobs waiting_writes;
  bool sleeping = false;
  bool stopping = false;
  std::thread thread;
};

void Lane::State::submit(Jobs& queue, std::shared_ptr<Job> job) {
  const std::lock_guard lock(mutex);
  queue.push_back(std::move(job));
  if (std::exchange(sleeping, false)) changed.notify_one();
}

// False when all is done and the lane is to end.
bool Lane::State::take(Jobs& reads, Jobs& writes) {
  std::unique_lock lock(mutex);
  while (waiting_reads.empty() && waiting_writes.empty()) {
    if (stopping) return false;
    sleeping = true;
    changed.wait(lock);
  }
  sleeping = false;
  reads.swap(waiting_reads);
  if (waiting_writes.size() <= kMostWrites) {
    writes.swap(waiting_writes);
  } else {
    const auto end = waiting_writes.begin() + kMostWrites;
    writes.assign(std::move_iterator(waiting_writes.begin()), std::move_iterator(end));
    waiting_writes.erase(waiting_writes.begin(), end);
  }
  return true;
}

Connection* Lane::State::open(Jobs& reads, Jobs& writes) {
  std::exception_ptr error;
  try {
    if (!connection) connection = options.open();
    return connection.get();
  } catch (const SqlFault& fault) {
    error = typed_error(options.path, fault);
  } catch (...) {
    error = std::current_exception();
  }
  for (Jobs* jobs : {&reads, &writes}) {
    for (const auto& job : *jobs) job->fail(error);
    finish(*jobs);
  }
  return nullptr;
}

// Reads come first and are answered at once: they see what is committed, and need not wait until
// this batch's writes are on the disk.
void Lane::State::loop() {
  Jobs reads;
  Jobs writes;
  while (take(reads, writes)) {
    if (!open(reads, writes)) continue;
    run_reads(reads);
    run_writes(writes);
    connection->checkpoint_if_due();
  }
  shut_down();
}

void Lane::State::shut_down() {
  if (!connection) return;
  try {
    if (options.close) options.close(*connection);
  } catch (...) {  // NOLINT(bugprone-empty-catch): others clean up after us as after a crash
  }
  connection.reset();
}

void Lane::State::finish(Jobs& jobs) {
  jobs_done.fetch_add(jobs.size(), std::memory_order_relaxed);
  for (const auto& job : jobs) {
    if (!job->failed()) job->committed();
    job->resume();
  }
  jobs.clear();
}

void Lane::State::run_reads(Jobs& jobs) {
  if (jobs.empty()) return;
  try {
    if (jobs.size() > 1) connection->query(kBeginRead).run();
    for (const auto& job : jobs) {
      try {
        job->run(*connection);
      } catch (const SqlFault& fault) {
        job->fail(typed_error(options.path, fault));
      } catch (...) {
        job->fail(std::current_exception());
      }
    }
    if (jobs.size() > 1) connection->query(kCommit).run();
  } catch (const SqlFault& fault) {
    const std::exception_ptr error = typed_error(options.path, fault);
    for (const auto& job : jobs) job->fail(error);
  }
  roll_back(*connection);
  finish(jobs);
}

void Lane::State::run_writes(Jobs& jobs) {
  if (jobs.empty()) return;
  if (jobs.size() == 1 || !run_together(jobs)) {
    for (const auto& job : jobs) run_alone(job);
  }
  finish(jobs);
}

// False where a fault has spoiled the transaction: nothing has happened then, and each is run
// again by itself.
bool Lane::State::run_together(const Jobs& jobs) {
  try {
    connection->query(kBeginWrite).run();
  } catch (const SqlFault& fault) {
    const std::exception_ptr error = typed_error(options.path, fault);
    for (const auto& job : jobs) job->fail(error);
    return true;
  }
  bool in_job = true;
  try {
    for (const auto& job : jobs) {
      try {
        job->run(*connection);
      } catch (const SqlFault&) {
        throw;
      } catch (...) {
        job->fail(std::current_exception());
      }
    }
    in_job = false;
    connection->query(kCommit).run();
    transactions.fetch_add(1, std::memory_order_relaxed);
    return true;
  } catch (const SqlFault& fault) {
    roll_back(*connection);
    for (const auto& job : jobs) job->clear_failure();
    if (in_job) return false;
    const std::exception_ptr error = typed_error(options.path, fault);
    for (const auto& job : jobs) job->fail(error);
    return true;
  }
}

void Lane::State::run_alone(const std::shared_ptr<Job>& job) {
  try {
    connection->query(kBeginWrite).run();
    job->run(*connection);
    connection->query(kCommit).run();
    transactions.fetch_add(1, std::memory_order_relaxed);
  } catch (const SqlFault& fault) {
    job->fail(typed_error(options.path, fault));
  } catch (...) {
    job->fail(std::current_exception());
  }
  roll_back(*connection);
}

Lane::Lane(Options options) : state_(std::make_shared<State>(std::move(options))) {
  state_->thread = std::thread([state = state_] { state->loop(); });
}

Lane::~Lane() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_one();
  }
  if (state_->thread.get_id() == std::this_thread::get_id()) {
    state_->thread.detach();  // the last handle was given up here; the loop ends by itself
  } else {
    state_->thread.join();
  }
}

void Lane::submit_read(std::shared_ptr<Job> job) {
  const auto state = state_;  // the job may end this lane before submit() returns
  state->submit(state->waiting_reads, std::move(job));
}

void Lane::submit_write(std::shared_ptr<Job> job) {
  const auto state = state_;  // the job may end this lane before submit() returns
  state->submit(state->waiting_writes, std::move(job));
}

LaneCounters Lane::counters() const {
  return {state_->jobs_done.load(std::memory_order_relaxed),
          state_->transactions.load(std::memory_order_relaxed)};
}

}  // namespace sagabus::sqlite
