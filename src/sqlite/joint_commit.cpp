#include "sqlite/joint_commit.hpp"

#include <boost/asio/use_awaitable.hpp>

#include "sqlite/queues.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;

struct JointJob {
  struct Outcome {
    bool held = true;
    CommitJob::Outcome write{};
  };

  CommitJob write;
  SendJob sends;
  std::optional<Receipt> receipt;

  Outcome operator()(Connection& connection) {
    sends.reached.clear();  // of a run that was rolled back
    if (receipt && !holds_message(connection, receipt->seq, receipt->receipt)) return {false, {}};
    Outcome outcome{true, write(connection)};
    if (!outcome.write.committed) return outcome;
    sends(connection);
    if (receipt) remove_message(connection, receipt->seq, receipt->receipt);
    return outcome;
  }
  void committed() const { sends.committed(); }
};

class JointWriter final : public JointCommit {
 public:
  JointWriter(std::shared_ptr<Database> database, Ttl ttl, std::shared_ptr<Queues> queues)
      : database_(std::move(database)), ttl_(ttl), queues_(std::move(queues)) {}

  asio::awaitable<StepResult> commit(StepTransaction step) override {
    const auto database = database_;
    JointJob job{CommitJob(step.write, ttl_, *database->ambient().clock),
                 queues_->prepare(std::move(step.sends)), receipt_of(step.receipt)};
    JointJob::Outcome outcome = co_await database->write(std::move(job));
    StepResult result;
    result.held = outcome.held;
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
