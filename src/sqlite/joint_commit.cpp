#include "sqlite/joint_commit.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "sqlite/queues.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;

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

  JointJob(CommitJob write, SendJob sends, std::vector<std::int64_t> messages)
      : write_(std::move(write)), sends_(std::move(sends)), messages_(std::move(messages)) {}

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
      for (const std::int64_t seq : messages_) take_message(connection, seq);
    } catch (const std::exception& error) {
      throw SqlFault{SQLITE_NOMEM, error.what()};
    }
  }

  CommitJob write_;
  SendJob sends_;
  std::vector<std::int64_t> messages_;
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
    JointJob job(CommitJob(step.write, ttl_, *database->ambient().clock),
                 queues_->prepare(std::move(step.sends)), std::move(messages));
    JointJob::Outcome outcome = co_await database->write(std::move(job));
    StepResult result;
    result.found = outcome.found;
    result.write = to_result(std::move(outcome.write));
    co_return result;
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
