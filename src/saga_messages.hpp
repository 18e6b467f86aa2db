// Which of a saga's messages an envelope is, and which instance it is for: without I/O, and the
// same for whoever takes it in and for a transport that keeps its order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sagabus/definition.hpp"
#include "sagabus/envelope.hpp"

namespace sagabus::detail {

struct SagaMessageRead {
  const SagaMessage* entry = nullptr;
  ErasedMessage message{};  // the payload
};

// A timeout has the type of all timeouts; its name tells what handles it. Throws ValidationError
// where the saga handles no such message, or its payload cannot be read.
SagaMessageRead read_saga_message(const SagaData& saga, const Envelope& envelope);

// What is wrong with it; empty: nothing.
std::string problem_of_correlation_id(const std::string& correlation_id);

// The saga's Subscription::order_by.
std::function<std::string(const Envelope& envelope)> order_by_correlation_id(
    std::shared_ptr<const SagaData> saga);

// Its Subscription::order_members.
std::map<std::string, std::string> correlation_members(const SagaData& saga);

}  // namespace sagabus::detail
