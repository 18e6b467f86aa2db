#include "faults/saboteur.hpp"

#include <signal.h>
#include <unistd.h>

#include "sagabus/error.hpp"
#include "step.hpp"

namespace sagabus::faults {

Saboteur::Saboteur(const Plan& plan) : plan_(plan), journal_(plan.journal) {}

void Saboteur::pass(Point point) {
  if (point != plan_.point || ++passings_ != plan_.passing) return;
  journal_.write(words::kDying);
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

void Saboteur::lose_answer() {
  if (plan_.lose_every == 0 || ++answers_ % plan_.lose_every != 0) return;
  journal_.write(words::kAnswerLost);
  throw TransientError("the answer was lost");
}

void Saboteur::show_life() {
  const char any = '.';
  // The pipe does not block. Where it is full, there are events enough in it.
  [[maybe_unused]] const ssize_t ignored = ::write(STDOUT_FILENO, &any, 1);
}

SagaStore Saboteur::around(const SagaStore& store) {
  const auto faults = std::make_shared<testing::StoreFaults>();
  faults->joins = plan_.joint;
  faults->after_load = [this] { lose_answer(); };
  faults->before_commit = [this](const CommitRequest& request) {
    journal_.write(words::kTry, *request.next);
    show_life();
    pass(Point::before_commit);
  };
  faults->after_commit = [this](const CommitRequest& request, const CommitResult& result) {
    after_commit(request, result);
  };
  faults->before_put_timers = [this](const auto&) { pass(Point::before_row); };
  faults->after_put_timers = [this](const auto&) {
    pass(Point::after_row);
    lose_answer();
  };
  faults->before_erase_timers = [this] { pass(Point::before_erase); };
  faults->commit_threw = [this](const CommitRequest& request) {
    journal_.write(words::kDoubt, *request.next);
  };
  return SagaStore(std::make_shared<testing::FaultyStore>(store, faults));
}

// A lost race is in doubt where the winner's item knows our message: a write whose answer was lost
// may have landed, and another on top of it.
void Saboteur::after_commit(const CommitRequest& request, const CommitResult& result) {
  const Bookkeeping& ours = request.next->bookkeeping;
  const bool doubt = !result.committed && result.current &&
                     result.current->bookkeeping.birth == ours.birth &&
                     detail::in_inbox(*result.current, ours.inbox.back().message_id);
  journal_.write(result.committed ? words::kWon
                 : doubt          ? words::kDoubt
                                  : words::kLost,
                 *request.next);
  if (result.committed) pass(Point::after_commit);
  lose_answer();
}

Transport Saboteur::around(const Transport& transport) {
  const auto faults = std::make_shared<testing::TransportFaults>();
  faults->before_send = [this](const auto&) { journal_.write(words::kSend); };
  if (plan_.point == Point::mid_dispatch) {
    faults->mid_send = [this] { pass(Point::mid_dispatch); };
  }
  faults->after_send = [this](const auto&) {
    journal_.write(words::kSent);
    lose_answer();
  };
  faults->before_acknowledge = [this](const Delivery&) {
    journal_.write(words::kAcknowledge);
    pass(Point::before_acknowledge);
  };
  faults->after_acknowledge = [this] {
    journal_.write(words::kAcknowledged);
    show_life();
    pass(Point::after_acknowledge);
    lose_answer();
  };
  faults->after_receive = [this] { lose_answer(); };
  faults->after_give_back = [this] { lose_answer(); };
  return Transport(std::make_shared<testing::FaultyTransport>(transport, faults));
}

}  // namespace sagabus::faults
