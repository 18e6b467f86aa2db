#include "saga_messages.hpp"

#include <fmt/format.h>

#include <utility>

#include "key_rules.hpp"
#include "sagabus/error.hpp"
#include "sagabus/timer.hpp"
#include "timer_rules.hpp"

namespace sagabus::detail {

SagaMessageRead read_saga_message(const SagaData& saga, const Envelope& envelope) {
  const SagaMessage* entry = nullptr;
  std::string name;
  if (envelope.type == message_name<SagaTimeoutExpired>()) {
    read_firing(envelope);
    name = read_message<SagaTimeoutExpired>(envelope).timeoutName.value_or("");
    entry = saga.find_timeout(name);
  } else {
    entry = saga.find(envelope.type);
  }
  if (!entry) {
    throw ValidationError(fmt::format("saga {} does not handle this {}{}", saga.name,
                                      name.empty() ? "type" : "timeout: ", name));
  }
  return {entry, entry->read(envelope)};
}

std::string problem_of_correlation_id(const std::string& correlation_id) {
  if (correlation_id.empty()) return "it has no correlation id";
  const std::string problem = problem_of_id(correlation_id);
  return problem.empty() ? problem : "its correlation id: " + problem;
}

std::function<std::string(const Envelope& envelope)> order_by_correlation_id(
    std::shared_ptr<const SagaData> saga) {
  return [saga = std::move(saga)](const Envelope& envelope) {
    try {
      const SagaMessageRead read = read_saga_message(*saga, envelope);
      std::string id = read.entry->correlate(read.message.get());
      return problem_of_correlation_id(id).empty() ? id : std::string();
    } catch (...) {  // no instance is to have it, so none needs its order
      return std::string();
    }
  };
}

std::map<std::string, std::string> correlation_members(const SagaData& saga) {
  std::map<std::string, std::string> out;
  for (const SagaMessage& message : saga.messages) {
    const bool has_one = !message.timeout && !message.correlation_member.empty();
    if (has_one) out.emplace(message.type, message.correlation_member);
  }
  return out;
}

}  // namespace sagabus::detail
