#include "sagabus/testing/coverage.hpp"

#include <algorithm>

namespace sagabus::testing {
namespace {

std::string timeout_text(std::string_view name) {
  return name.empty() ? std::string("any timeout") : "timeout " + std::string(name);
}

}  // namespace

void Coverage::expect(const SagaDefinition& saga) {
  for (const auto& message : saga.data()->messages) {
    std::string text = message.timeout ? timeout_text(*message.timeout) : message.type;
    const bool known = std::any_of(declared_.begin(), declared_.end(), [&](const Declared& it) {
      return it.saga_name == saga.name() && it.text == text;
    });
    if (!known) declared_.push_back({saga.name(), std::move(text)});
  }
}

void Coverage::exercise(std::string_view saga_name, std::string_view message_type) {
  note(saga_name, message_type);
}

void Coverage::exercise_timeout(std::string_view saga_name, std::string_view timeout_name) {
  note(saga_name, timeout_text(timeout_name));
}

void Coverage::note(std::string_view saga_name, std::string_view text) {
  for (Declared& it : declared_) {
    if (it.saga_name == saga_name && it.text == text) it.exercised = true;
  }
}

std::vector<std::string> Coverage::unexercised() const {
  std::vector<std::string> texts;
  for (const Declared& it : declared_) {
    if (!it.exercised) texts.push_back(it.saga_name + ": " + it.text);
  }
  return texts;
}

}  // namespace sagabus::testing
