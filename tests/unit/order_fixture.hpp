// A small saga that the core's tests share.
#pragma once

#include <optional>
#include <string>

#include "sagabus/saga.hpp"

namespace fixture {

struct Submitted {
  std::string orderId;
  double total = 0;
};
SAGABUS_MESSAGE(Submitted, orderId, total)

struct Paid {
  std::string orderId;
  std::string transactionId;
};
SAGABUS_MESSAGE(Paid, orderId, transactionId)

struct Closed {
  std::string orderId;
};
SAGABUS_MESSAGE(Closed, orderId)

struct PaymentRequested {
  std::string orderId;
  double total = 0;
};
SAGABUS_MESSAGE(PaymentRequested, orderId, total)

enum class Status { pending, paid, closed };
SAGABUS_DESCRIBE_ENUM(Status, pending, paid, closed)

struct State {
  std::string orderId{};
  Status status{};
  int steps = 0;
};
SAGABUS_DESCRIBE(State, orderId, status, steps)

inline auto orders(std::string name = "Orders") {
  return sagabus::saga<State>(std::move(name))
      .correlate<Submitted>(&Submitted::orderId, sagabus::can_start)
      .correlate<Paid>(&Paid::orderId)
      .correlate<Closed>(&Closed::orderId)
      .initial([](const Submitted& m) { return State{.orderId = m.orderId}; })
      .on<Submitted>()
      .handle([](const Submitted& m, State& s, sagabus::SagaContext& ctx) {
        ++s.steps;
        ctx.publish(PaymentRequested{m.orderId, m.total});
      })
      .on<Paid>()
      .when([](const State& s) { return s.status == Status::pending; })
      .handle([](const Paid&, State& s) {
        ++s.steps;
        s.status = Status::paid;
      })
      .on<Closed>()
      .handle([](const Closed&, State& s, sagabus::SagaContext& ctx) {
        ++s.steps;
        s.status = Status::closed;
        ctx.complete();
      });
}

}  // namespace fixture
