#include "sagabus/definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <set>
#include <stdexcept>

#include "key_rules.hpp"

namespace sagabus {
namespace detail {
namespace {

[[noreturn]] void refuse(const SagaData& saga, const std::string& problem) {
  throw std::invalid_argument(fmt::format(
      "saga {}: {}", saga.name.empty() ? std::string("without a name") : saga.name, problem));
}

void check_name(const SagaData& saga) {
  if (saga.name.empty()) refuse(saga, "give it a name");
  const std::string problem = problem_of_name(saga.name);
  if (!problem.empty()) refuse(saga, "its name: " + problem);
}

void check_handlers(const SagaData& saga, const SagaMessage& message) {
  const auto open = std::find_if(message.handlers.begin(), message.handlers.end(),
                                 [](const SagaHandler& h) { return h.guards.empty(); });
  if (open != message.handlers.end() && open + 1 != message.handlers.end()) {
    refuse(saga, fmt::format("handler {} of {} can never run: handler {} has no guard",
                             open - message.handlers.begin() + 2, message.type,
                             open - message.handlers.begin() + 1));
  }
}

void check_message(const SagaData& saga, const SagaMessage& message) {
  if (!message.correlate) {
    refuse(saga, fmt::format("{} has no correlation: add correlate<{}>(...) or correlate_all(...)",
                             message.type, message.type));
  }
  if (message.handlers.empty() && !message.can_start) {
    refuse(saga, fmt::format("{} is correlated, but neither handled nor a start", message.type));
  }
  if (message.can_start && !message.initial && !saga.initial) {
    refuse(saga,
           fmt::format("{} can start it, but there is no initial state for it: add initial(...)",
                       message.type));
  }
  if (message.initial && !message.can_start) {
    refuse(saga, fmt::format("{} has an initial state, but cannot start it: add can_start",
                             message.type));
  }
  check_handlers(saga, message);
}

void check_timeout(const SagaData& saga, const SagaMessage& timeout) {
  if (timeout.timeout->size() > kMaxTimerName) {
    refuse(saga, fmt::format("on_timeout: a name of {} bytes, expected at most {}",
                             timeout.timeout->size(), kMaxTimerName));
  }
  check_handlers(saga, timeout);
}

// The states in which a handler may leave an instance that it found in the state `before`.
struct Ends {
  std::vector<std::string> leads_to;
  bool stays = false;

  void check(const std::string& before, const std::string& found) const {
    if (stays && found == before) return;
    if (std::find(leads_to.begin(), leads_to.end(), found) != leads_to.end()) return;
    std::vector<std::string> allowed = leads_to;
    if (stays) allowed.push_back(before);
    throw std::logic_error(
        fmt::format("a handler leads to {}, and ended in {}", fmt::join(allowed, " or "), found));
  }
};

boost::asio::awaitable<void> run_and_check(boost::asio::awaitable<void> handler, Ends ends,
                                           StateName name, std::string before, const void* state) {
  co_await std::move(handler);
  ends.check(before, name(state));
}

}  // namespace

void add_check(SagaHandler& handler, StateName name) {
  const Ends ends{handler.leads_to, handler.stays};
  if (handler.run) {
    handler.run = [run = std::move(handler.run), ends, name = std::move(name)](
                      const void* message, void* state, SagaContext& context) {
      const std::string before = name(state);
      run(message, state, context);
      ends.check(before, name(state));
    };
  } else if (handler.await) {
    handler.await = [await = std::move(handler.await), ends, name = std::move(name)](
                        const void* message, void* state, SagaContext& context) {
      std::string before = name(state);
      return run_and_check(await(message, state, context), ends, name, std::move(before), state);
    };
  }
}

const SagaMessage* SagaData::find(std::string_view type) const noexcept {
  for (const SagaMessage& message : messages) {
    if (!message.timeout && message.type == type) return &message;
  }
  return nullptr;
}

const SagaMessage* SagaData::find_timeout(std::string_view wanted) const noexcept {
  const SagaMessage* any = nullptr;
  for (const SagaMessage& message : messages) {
    if (!message.timeout) continue;
    if (*message.timeout == wanted) return &message;
    if (message.timeout->empty()) any = &message;
  }
  return any;
}

void check(const SagaData& saga) {
  check_name(saga);
  std::set<std::string_view> types;
  for (const SagaMessage& message : saga.messages) {
    if (message.timeout) {
      check_timeout(saga, message);
      continue;
    }
    if (!types.insert(message.type).second) {
      refuse(saga, fmt::format("two message types share the wire name {}", message.type));
    }
    check_message(saga, message);
  }
  const bool starts = std::any_of(saga.messages.begin(), saga.messages.end(),
                                  [](const SagaMessage& m) { return m.can_start; });
  if (!starts) refuse(saga, "no message can start it: add can_start to one");
}

}  // namespace detail

std::vector<std::string> SagaDefinition::message_types() const {
  std::vector<std::string> types;
  for (const auto& message : data_->messages) {
    if (!message.timeout) types.push_back(message.type);
  }
  return types;
}

}  // namespace sagabus
