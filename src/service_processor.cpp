#include "service_processor.hpp"

#include <fmt/format.h>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

#include "packing.hpp"
#include "timer_service.hpp"

namespace sagabus::detail {

namespace asio = boost::asio;

ServiceProcessor::ServiceProcessor(ServiceProcessorOptions options)
    : options_(std::move(options)) {}

Work ServiceProcessor::admit(Delivery delivery) {
  Work work{.delivery = std::move(delivery)};
  const Envelope* envelope = work.delivery.envelope.get();
  if (!envelope) {
    work.verdict = dead_letter("sagabus::ValidationError", work.delivery.malformed->problem);
    return work;
  }
  const auto& handlers = options_.service.handlers();
  const auto handler = std::find_if(handlers.begin(), handlers.end(),
                                    [&](const auto& h) { return h.type == envelope->type; });
  if (handler == handlers.end()) {
    work.verdict = dead_letter(
        "sagabus::ValidationError",
        fmt::format("service {} does not handle this type", options_.service.endpoint()));
    return work;
  }
  work.entry = static_cast<std::size_t>(handler - handlers.begin());
  try {
    work.message = handler->read(*envelope);
  } catch (...) {
    work.verdict = dead_letter(std::current_exception());
  }
  return work;
}

// A service's works come one by one.
asio::awaitable<void> ServiceProcessor::process(std::span<Work> works) {
  works.front().verdict = co_await run(works.front());
}

asio::awaitable<Verdict> ServiceProcessor::run(Work& work) {
  std::exception_ptr error;
  bool ran = false;      // its handler, to its end
  bool handled = false;  // nothing is left but what must leave
  try {
    Effects effects = co_await handle(work, ran);
    handled = true;
    if (!effects.empty()) {
      co_await carry_out(std::move(effects), *options_.transport.backend(), timers(),
                         options_.timers.get(), nullptr);
    }
    outages_.store(0, std::memory_order_relaxed);
    Verdict acknowledge;
    co_return acknowledge;
  } catch (...) {
    error = std::current_exception();
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return cancelled(handled);
  if (ran && is_outage(error)) {
    options_.ambient.log(LogLevel::warning,
                         fmt::format("service {}: {}; its message is tried again",
                                     options_.service.endpoint(), describe(error).message));
    Verdict verdict = wait_out();
    verdict.hold = is_transient(error);
    co_return verdict;
  }
  co_return after_failure(options_.failure, work.delivery, error,
                          uniform(*options_.ambient.random));
}

asio::awaitable<Effects> ServiceProcessor::handle(const Work& work, bool& ran) {
  const auto record = std::make_shared<StepRecord>();
  Metadata metadata;
  record->envelope = work.delivery.envelope;
  record->sender_id = &options_.service.endpoint();
  record->attempt = work.delivery.failures + 1;
  record->now = options_.ambient.clock->now();
  record->metadata = &metadata;
  record->store = options_.store.backend().get();
  record->timer_limits = options_.timer_limits;
  record->max_message_bytes = options_.transport.backend()->max_message_bytes();
  record->pack_above = options_.transport.backend()->pack_above();
  const CloseRecord close{*record};
  MessageContext context(record);
  const ServiceHandler& handler = options_.service.handlers()[work.entry];
  if (handler.run) {
    handler.run(work.message.get(), context);
  } else {
    auto op = handler.await(work.message.get(), context);
    co_await std::move(op);
  }
  check_delays(*record, options_.transport);
  ran = true;
  if (!record->to_pack.empty()) co_await pack_messages(*record, *options_.transport.backend());
  Effects effects;
  add_messages(record->outgoing, timers() != nullptr, effects);
  for (const ScheduledMessage& it : record->cancelled) {
    effects.timers.cancelled.push_back({it.due, it.id});
  }
  co_return effects;
}

TimerBackend* ServiceProcessor::timers() const {
  const auto& store = options_.store.backend();
  return store ? store->timers() : nullptr;
}

void ServiceProcessor::acknowledged(std::uint64_t) {}  // a service keeps no outbox

Verdict ServiceProcessor::wait_out() {
  Verdict verdict;
  verdict.action = Verdict::Action::give_back;
  verdict.how.delay = outage_delay(options_.failure.retry, outages_, *options_.ambient.random);
  return verdict;
}

}  // namespace sagabus::detail
