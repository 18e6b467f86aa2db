#include "sqlite/joint_commit.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "sqlite/queues.hpp"
#include "sqlite/timer_rows.hpp"
#include "timer_rules.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;

struct TimerChanges {
  std::vector<StoredTimer> put{};
  std::vector<TimerKey> cancelled{};  // after that
};

// The message is taken from whoever holds it. Where its time ran out here, it may have been
// delivered again; but a step that is ready to be committed must not be thrown away for that, or
// one that takes longer than the time would never be done. The other receiver will find that it is
// gone.
class JointJob {
 public:
  struct Outcome {
    bool found = true;
    CommitJob::Outcome write{};
  };

  JointJob(CommitJob write, SendJob sends, TimerChanges timers, std::vector<std::int64_t> messages)
      : write_(std::move(write)),
        sends_(std::move(sends)),
        timers_(std::move(timers)),
        messages_(std::move(messages)) {}

  Outcome operator()(Connection& connection) {
    sends_.reached.clear();  // of a run that was rolled back
    const bool found = std::all_of(messages_.begin(), messages_.end(),
                                   [&](std::int64_t seq) { return has_message(connection, seq); });
    if (!found) return {false, {}};
    Outcome outcome{true, write_(connection)};
    if (outcome.write.committed) finish(connection);
    return outcome;
  }
  void committed() const { sends_.committed(); }

 private:
  // Something was changed: whatever goes wrong from here on must undo it.
  void finish(Connection& connection) {
    try {
      sends_(connection);
      for (const StoredTimer& timer : timers_.put) put_timer(connection, timer);
      for (const TimerKey& key : timers_.cancelled) {
        erase_timer(connection, count(key.due), key.id);
      }
      for (const std::int64_t seq : messages_) take_message(connection, seq);
    } catch (const std::exception& error) {
      throw SqlFault{SQLITE_NOMEM, error.what()};
    }
  }

  CommitJob write_;
  SendJob sends_;
  TimerChanges timers_;
  std::vector<std::int64_t> messages_;
};

// Rows that are gone were sent, or cancelled, by another: the transaction tells.
class FireJob {
 public:
  FireJob(std::vector<TimerKey> keys, SendJob sends)
      : keys_(std::move(keys)), sends_(std::move(sends)) {}

  void operator()(Connection& connection) {
    SendJob there = sends_;
    there.rows.clear();
    there.reached.clear();  // of a run that was rolled back
    try {
      for (std::size_t i = 0; i < keys_.size(); ++i) {
        if (erase_timer(connection, count(keys_[i].due), keys_[i].id)) {
          there.rows.push_back(sends_.rows[i]);
        }
      }
      there(connection);
    } catch (const std::exception& error) {  // whatever it is, the erasing must be undone
      throw SqlFault{SQLITE_NOMEM, error.what()};
    }
    sends_.reached = std::move(there.reached);
  }
  void committed() const { sends_.committed(); }

 private:
  std::vector<TimerKey> keys_;
  SendJob sends_;  // one for each key
};

class JointWriter final : public JointCommit {
 public:
  JointWriter(std::shared_ptr<Database> database, Ttl ttl, std::shared_ptr<Queues> queues)
      : database_(std::move(database)), ttl_(ttl), queues_(std::move(queues)) {}

  asio::awaitable<StepResult> commit(StepTransaction step) override {
    const auto database = database_;
    std::vector<std::int64_t> messages;
    for (const auto& receipt : step.receipts) {
      if (const auto taken = receipt_of(receipt)) messages.push_back(taken->seq);
    }
    TimerChanges timers;
    for (const TimerRow& row : step.timers) timers.put.push_back(to_stored(row));
    timers.cancelled = std::move(step.cancelled);
    JointJob job(CommitJob(step.write, ttl_, *database->ambient().clock),
                 queues_->prepare(std::move(step.sends)), std::move(timers), std::move(messages));
    JointJob::Outcome outcome = co_await database->write(std::move(job));
    StepResult result;
    result.found = outcome.found;
    result.write = to_result(std::move(outcome.write));
    co_return result;
  }

  asio::awaitable<void> fire(std::vector<TimerRow> rows) override {
    const auto database = database_;
    std::vector<TimerKey> keys;
    std::vector<SendRequest> sends;
    for (TimerRow& row : rows) {
      SendRequest& request = sends.emplace_back();
      request.deduplication_key = detail::deduplication_key(row);
      keys.push_back(std::move(row.key));
      request.envelope = std::move(row.envelope);
      request.endpoint = std::move(row.endpoint);
    }
    FireJob job(std::move(keys), queues_->prepare(std::move(sends)));
    co_await database->write(std::move(job));
  }

 private:
  const std::shared_ptr<Database> database_;
  const Ttl ttl_;
  const std::shared_ptr<Queues> queues_;
};

}  // namespace

std::shared_ptr<JointCommit> join_queues(std::shared_ptr<Database> database, Ttl ttl,
                                         const std::shared_ptr<TransportBackend>& transport) {
  auto queues = std::dynamic_pointer_cast<Queues>(transport);
  if (!queues || queues->database() != database) return nullptr;
  return std::make_shared<JointWriter>(std::move(database), ttl, std::move(queues));
}

}  // namespace sagabus::sqlite
