// What the services and the sagas of the demo put down in writing while they work. Whoever keeps
// the books can tell, without trusting the saga, whether every order took effect exactly once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sagabus/cost.hpp>
#include <string>

namespace orders {

// What a service does for an order: three things, each with the one that undoes it, and two ends.
enum class Effect {
  payment,
  refund,
  reservation,
  release,
  shipment,
  recall,
  completion,
  cancellation
};
inline constexpr std::size_t kEffects = 8;

struct Entry {
  Effect effect{};
  std::string order{};
  // Of the message that asked for it: the same however often that message is delivered.
  std::string key{};
  std::string reason{};  // of a cancellation
};

// What becomes of a message that reaches a saga or a service.
enum class Outcome {
  handled,
  failed,   // the handler threw; it will be tried again
  repeated  // a step that had been committed before
};

// What a process has asked of others.
struct Bill {
  sagabus::Cost store{};
  std::uint64_t transport_requests = 0;
};

class Books {
 public:
  virtual ~Books() = default;

  // All of them safe from any thread.
  virtual void enter(const Entry& entry) = 0;
  virtual void count(Outcome outcome) = 0;
  virtual void spend(const Bill& bill) = 0;
};

}  // namespace orders
