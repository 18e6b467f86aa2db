// A finished saga definition, as build() returns it and a bus takes it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "sagabus/context.hpp"
#include "sagabus/policy.hpp"
#include "sagabus/store.hpp"
#include "sagabus/value.hpp"

namespace sagabus {

namespace detail {

// Messages and states with their types taken away. Each function gets what it was made for.
using ErasedMessage = std::shared_ptr<const void>;
using ErasedState = std::shared_ptr<void>;

struct StateType {
  const std::type_info* type = nullptr;
  ErasedState (*read)(const Value&) = nullptr;
  Value (*write)(const void* state) = nullptr;
};

struct SagaHandler {
  std::vector<std::function<bool(const void* message, const void* state)>> guards;
  // The states in which it may run, and in which it leaves the instance, as far as they are
  // declared. What is declared holds: the one is a guard too, the other is looked at when it has
  // run.
  std::vector<std::string> in{};
  std::vector<std::string> leads_to{};
  bool stays = false;  // or in the state in which it found it
  // One of the two.
  std::function<void(const void* message, void* state, SagaContext&)> run;
  std::function<boost::asio::awaitable<void>(const void* message, void* state, SagaContext&)> await;
};

struct SagaMessage {
  std::string type;
  std::optional<std::string> timeout{};  // it is SagaTimeoutExpired: of that name, or (empty) any
  ErasedMessage (*read)(const Envelope&) = nullptr;
  bool can_start = false;
  std::function<std::string(const void* message)> correlate;  // an empty text: there is none
  std::string correlation_member{};  // the payload's, where it is one as it stands; else empty
  bool correlated_by_all = false;    // by correlate_all
  std::function<ErasedState(const void* message)> initial;
  std::vector<SagaHandler> handlers;
};

struct SagaData {
  std::string name;
  StateType state;
  std::vector<SagaMessage> messages;
  std::function<ErasedState()> initial;  // for starting messages without one of their own
  bool restartable = false;

  // Of a message that is no timeout.
  const SagaMessage* find(std::string_view type) const noexcept;
  // What takes the timeout of that name: its own handlers, else those for any.
  const SagaMessage* find_timeout(std::string_view timeout_name) const noexcept;
};

// Throws std::invalid_argument naming what is missing or stands twice.
void check(const SagaData& saga);

// The name of the state that an instance is in.
using StateName = std::function<std::string(const void* state)>;
// Has the state looked at in which the handler leaves the instance.
void add_check(SagaHandler& handler, StateName name);

}  // namespace detail

// How one bus runs one saga. Each empty field takes the bus's own setting.
struct SagaOptions {
  std::optional<SagaStore> store{};
  std::optional<RetryPolicy> retry{};
  unsigned concurrency = 0;          // steps that run at once; 0: the bus's
  unsigned max_coalesced_steps = 0;  // in one write; 0: the bus's
  CorrelationFailurePolicy on_correlation_failure = CorrelationFailureDecision::dead_letter;
  NotFoundPolicy on_not_found = NotFoundDecision::ignore;
};

// A cheap handle to an unchanging definition. May be given to several buses.
class SagaDefinition {
 public:
  // For build(); users have no need of it.
  explicit SagaDefinition(detail::SagaData data)
      : data_(std::make_shared<const detail::SagaData>(std::move(data))) {}

  const std::string& name() const noexcept { return data_->name; }

  // The wire names of the messages that it takes, but for timeouts, which it gets all the same.
  std::vector<std::string> message_types() const;

  // The same definition, run with these options.
  SagaDefinition with(SagaOptions options) const {
    SagaDefinition copy = *this;
    copy.options_ = std::move(options);
    return copy;
  }
  const SagaOptions& options() const noexcept { return options_; }

  const std::shared_ptr<const detail::SagaData>& data() const noexcept { return data_; }

 private:
  std::shared_ptr<const detail::SagaData> data_;
  SagaOptions options_;
};

}  // namespace sagabus
