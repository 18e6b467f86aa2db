// What a consumer runs for each delivery, and what it is told to do with the delivery afterwards.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sagabus/definition.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::detail {

// What a dead letter says of its error.
struct ErrorText {
  std::string type;
  std::string message;
};

struct Verdict {
  enum class Action {
    acknowledge,
    give_back,
    dead_letter,
    none  // it was acknowledged with the step, or is no longer ours
  };
  Action action = Action::acknowledge;
  GiveBack how{};                       // for give_back; `uncertain` also for dead_letter
  bool hold = false;                    // for give_back: rather kept in hand, and tried again
  std::unique_ptr<ErrorText> reason{};  // for dead_letter
  std::uint64_t settles = 0;            // the step whose acknowledgement this is; 0: none
};

// A delivery that a processor has looked at.
struct Work {
  Delivery delivery;
  std::uint64_t group = 0;           // works of one group run one after the other; 0: it has none
  std::string correlation_id{};      // of a saga's
  std::size_t entry = 0;             // which of the processor's message types it is
  ErasedMessage message{};           // the payload, read
  std::optional<Verdict> verdict{};  // decided already: it need not be run
  bool alone = false;                // together with others it was refused
  unsigned holds = 0;                // how often it was kept in hand to be tried again
};

class Processor {
 public:
  virtual ~Processor() = default;

  // Without I/O, in the order of arrival.
  virtual Work admit(Delivery delivery) = 0;

  // Called for works without a verdict: one, or several of one group in the order of their arrival,
  // which may be carried out together. Gives the first its verdict, and perhaps some that follow it
  // without a gap; the others are as they were, and are processed again. Does not throw: what goes
  // wrong becomes part of the verdict, and cancellation gives the delivery back.
  virtual boost::asio::awaitable<void> process(std::span<Work> works) = 0;

  // The work whose verdict settles this step was acknowledged.
  virtual void acknowledged(std::uint64_t settles) = 0;
};

}  // namespace sagabus::detail
