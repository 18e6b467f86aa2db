// Which of the messages and timeouts that sagas declare were handled in tests.
#pragma once

#include <string>
#include <vector>

#include "sagabus/definition.hpp"

namespace sagabus::testing {

// Shared by the harnesses of a suite, one after the other. To be used by one thread at a time.
class Coverage {
 public:
  // All that the saga declares is to be exercised.
  void expect(const SagaDefinition& saga);

  // A handler of that saga ran, for a message of that type, or for that timeout.
  void exercise(const SagaDefinition& saga, const sagabus::detail::SagaMessage& message);

  // What no handler ran for, in the order in which it was declared: "OrderSaga: PaymentTaken",
  // "OrderSaga: timeout payment".
  std::vector<std::string> unexercised() const;

 private:
  struct Declared {
    std::string saga_name;
    std::string text;  // of the message or timeout
    bool exercised = false;
  };

  std::vector<Declared> declared_;
};

}  // namespace sagabus::testing
