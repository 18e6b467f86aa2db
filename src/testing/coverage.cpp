#include "sagabus/testing/coverage.hpp"

#include <algorithm>

#include "definition_text.hpp"

namespace sagabus::testing {

using sagabus::detail::text_of;
void Coverage::expect(const SagaDefinition& saga) {
  for (const auto& message : saga.data()->messages) {
    const std::string text = text_of(message);
    const bool known = std::ranges::any_of(declared_, [&](const Declared& it) {
      return it.saga_name == saga.name() && it.text == text;
    });
    if (!known) declared_.push_back({saga.name(), text});
  }
}

void Coverage::exercise(const SagaDefinition& saga, const sagabus::detail::SagaMessage& message) {
  const std::string text = text_of(message);
  for (Declared& it : declared_) {
    if (it.saga_name == saga.name() && it.text == text) it.exercised = true;
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
