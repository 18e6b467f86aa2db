#include "sqs/backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <future>
#include <set>

#include "aws/number.hpp"
#include "sagabus/error.hpp"
#include "sqs/body.hpp"
#include "sqs/calls.hpp"
#include "sqs/claim.hpp"
#include "sqs/topic_look.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using std::chrono::seconds;

// The largest message that goes on all ways without a claim.
std::size_t most_as_is(const TransportOptions& options) {
  std::size_t most = options.max_message_bytes;
  if (options.topics.enabled) most = std::min(most, options.topics.max_message_bytes);
  return most - kKeptForHeaders;
}

bool is_packed(const Delivery& delivery) {
  return delivery.envelope && has_claim(*delivery.envelope);
}

std::shared_ptr<Lease> lease_of(const Delivery& delivery) {
  return std::static_pointer_cast<Lease>(delivery.receipt);
}

asio::awaitable<void> throw_if_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

}  // namespace

Backend::Backend(TransportOptions options, Clients clients, std::unique_ptr<Engine> engine)
    : surroundings_(std::move(options), std::move(clients), engine->executor()),
      routes_(surroundings_.options.routes),
      topic_rules_(surroundings_.options, routes_),
      outgoing_(surroundings_.options, routes_, topic_rules_),
      claims_(surroundings_.options, topic_rules_, most_as_is(surroundings_.options)),
      lines_(surroundings_, topic_rules_),
      engine_(std::move(engine)) {
  std::vector<std::string> types;
  for (const Route& route : surroundings_.options.routes) types.push_back(route.type);
  warn_of_types(types);
}

// Not called on the engine's thread: nothing there owns the transport.
Backend::~Backend() {
  std::promise<void> done;
  engine_->post([this, &done] {
    auto shutting_down = lines_.shut_down();
    auto tell = [&done](const std::exception_ptr&) { done.set_value(); };
    asio::co_spawn(surroundings_.executor, std::move(shutting_down), std::move(tell));
  });
  done.get_future().wait();
  engine_->stop();
  const auto aborted =
      std::make_exception_ptr(boost::system::system_error(asio::error::operation_aborted));
  lines_.drop(aborted);
}

template <class Call>
asio::awaitable<void> Backend::carry_out(std::shared_ptr<Call> call) {
  const auto keep_alive = shared_from_this();
  Backend* const self = this;
  const auto start = [self](const std::shared_ptr<Call>& armed, const auto& /*slot*/) {
    self->engine_->post([self, armed] { Call::run(self->lines_, armed); });
  };
  co_await sagabus::detail::suspend(call, start);
}

// The transport's functions.

std::string Backend::describe() const {
  const std::string& prefix = surroundings_.options.queue_prefix;
  return fmt::format("sqs://{}?region={}{}", prefix, surroundings_.gateway.client().region(),
                     surroundings_.options.topics.enabled ? "&topics=true" : "");
}

std::chrono::nanoseconds Backend::may_hold(const Delivery& delivery) const {
  const auto lease = lease_of(delivery);
  return lease ? lease->left(surroundings_.clock().monotonic()) : std::chrono::nanoseconds::zero();
}

asio::awaitable<EnvelopePtr> Backend::pack(EnvelopePtr envelope) {
  const auto keep_alive = shared_from_this();
  auto packing = claims_.pack(std::move(envelope));
  co_return co_await std::move(packing);
}

asio::awaitable<void> Backend::subscribe(Subscription subscription) {
  const auto opening = std::make_shared<OpenCall>(subscription.endpoint);
  const auto joining = std::make_shared<JoinCall>(subscription.endpoint, subscription.types);
  const std::vector<std::string> types = subscription.types;
  routes_.subscribe(std::move(subscription));
  if (surroundings_.options.topics.enabled) {
    warn_of_types(types);
    co_await carry_out(joining);
    joining->rethrow();
  }
  co_await carry_out(opening);
  opening->rethrow();
}

void Backend::warn_of_types(const std::vector<std::string>& types) const {
  for (const std::string& type : types) {
    const std::string objection = topic_rules_.objection(type);
    if (!objection.empty()) surroundings_.log(LogLevel::warning, "sqs: " + objection);
  }
}

asio::awaitable<void> Backend::send(std::vector<SendRequest> requests) {
  const auto keep_alive = shared_from_this();
  if (surroundings_.options.claims) co_await claims_.pack_large(requests);
  std::vector<Outgoing> entries;
  entries.reserve(requests.size());
  for (const SendRequest& request : requests) outgoing_.add(request, entries);
  if (entries.empty()) co_return;
  const auto call = std::make_shared<SendCall>(std::move(entries));
  co_await carry_out(call);
  call->rethrow();
}

asio::awaitable<std::vector<Delivery>> Backend::receive(std::string name, std::size_t most) {
  const auto keep_alive = shared_from_this();
  for (;;) {
    auto taking = take(name, most);
    std::vector<Delivery> deliveries = co_await std::move(taking);
    if (std::any_of(deliveries.begin(), deliveries.end(), is_packed)) {
      auto opening = open_claims(std::move(deliveries));
      deliveries = co_await std::move(opening);
    }
    if (!deliveries.empty()) co_return deliveries;
  }
}

asio::awaitable<std::vector<Delivery>> Backend::take(std::string name, std::size_t most) {
  const auto keep_alive = shared_from_this();
  co_await throw_if_cancelled();
  const auto call = std::make_shared<ReceiveCall>(std::move(name));
  call->most = std::max<std::size_t>(most, 1);
  Backend* const self = this;
  const auto start = [self](const std::shared_ptr<ReceiveCall>& armed,
                            asio::cancellation_slot slot) {
    if (slot.is_connected()) {
      slot.assign([self, weak = std::weak_ptr<ReceiveCall>(armed)](asio::cancellation_type) {
        if (const auto waiting = weak.lock()) {
          self->engine_->post([self, waiting] { ReceiveCall::give_up(self->lines_, waiting); });
        }
      });
    }
    self->engine_->post([self, armed] { ReceiveCall::run(self->lines_, armed); });
  };
  co_await sagabus::detail::suspend(call, start);
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    std::vector<Returning> leases;
    for (Received& received : call->received) leases.push_back({std::move(received.lease)});
    return_unseen(std::move(leases));
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  if (call->error) std::rethrow_exception(call->error);
  std::vector<Delivery> deliveries;
  deliveries.reserve(call->received.size());
  for (Received& received : call->received) {
    deliveries.push_back(to_delivery(std::move(received)));
  }
  co_return deliveries;
}

// The last first, so that those of a group stand in their order again. Nobody waits for it: where
// it fails, their time runs out.
void Backend::return_unseen(std::vector<Returning> leases) {
  if (leases.empty()) return;
  std::reverse(leases.begin(), leases.end());
  engine_->post([leases = std::move(leases)] {
    for (const auto& [lease, after] : leases) lease->endpoint()->return_unseen(lease, after);
  });
}

// The payloads that travel beside their messages. Those of a caller who is gone meanwhile go back.
asio::awaitable<std::vector<Delivery>> Backend::open_claims(std::vector<Delivery> deliveries) {
  std::vector<EnvelopePtr> packed;
  for (const Delivery& delivery : deliveries) {
    if (is_packed(delivery)) packed.push_back(delivery.envelope);
  }
  std::vector<ClaimCheck::Opened> opened;
  std::exception_ptr aborted;
  try {
    auto opening = claims_.open(std::move(packed));
    opened = co_await std::move(opening);
  } catch (...) {
    aborted = std::current_exception();
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (!aborted && state.cancelled() == asio::cancellation_type::none) {
    co_return sort_out(std::move(deliveries), std::move(opened));
  }
  std::vector<Returning> leases;
  for (const Delivery& delivery : deliveries) leases.push_back({lease_of(delivery)});
  return_unseen(std::move(leases));
  if (aborted) std::rethrow_exception(aborted);
  throw boost::system::system_error(asio::error::operation_aborted);
}

// Those that are to be handed out. What cannot be opened now goes back for a while, and what stands
// behind it in its group goes back with it.
std::vector<Delivery> Backend::sort_out(std::vector<Delivery> deliveries,
                                        std::vector<ClaimCheck::Opened> opened) {
  std::vector<Delivery> out;
  std::vector<Returning> back;
  std::set<std::string> held_up;  // groups
  std::string problem;
  auto next = opened.begin();
  std::optional<seconds> delay;
  for (Delivery& delivery : deliveries) {
    ClaimCheck::Opened* const claim = is_packed(delivery) ? &*next++ : nullptr;
    if (claim && claim->try_again_later) {
      if (!delay) delay = claims_.delay_after_outage();
      problem = std::move(claim->problem);
      if (!delivery.order_key.empty()) held_up.insert(delivery.order_key);
      back.push_back({lease_of(delivery), *delay});
    } else if (held_up.contains(delivery.order_key)) {
      back.push_back({lease_of(delivery)});
    } else {
      if (claim) open(delivery, std::move(*claim));
      out.push_back(std::move(delivery));
    }
  }
  if (!delay) claims_.outage_is_over();
  if (delay) {
    surroundings_.log(
        LogLevel::warning,
        fmt::format("sqs: payloads could not be fetched: {}; their messages are tried "
                    "again",
                    problem));
  }
  return_unseen(std::move(back));
  return out;
}

void Backend::open(Delivery& delivery, ClaimCheck::Opened opened) const {
  if (opened.envelope) {
    delivery.envelope = std::move(opened.envelope);
    return;
  }
  std::string body = write_body(*delivery.envelope, surroundings_.options.max_message_bytes);
  Malformed malformed{std::move(body), std::move(opened.problem)};
  delivery.malformed = std::make_shared<const Malformed>(std::move(malformed));
  delivery.envelope = nullptr;
}

Delivery Backend::to_delivery(Received received) const {
  ReceivedMessage& message = received.message;
  const Recollection::Memory& memory = received.memory;
  Delivery delivery;
  try {
    delivery.envelope = std::make_shared<const Envelope>(read_body(message.body));
  } catch (const ValidationError& error) {
    Malformed malformed{std::move(message.body), error.what()};
    delivery.malformed = std::make_shared<const Malformed>(std::move(malformed));
  }
  delivery.failures = memory.failures;
  delivery.redelivered = memory.uncertain || message.receive_count > memory.returns + 1;
  if (surroundings_.options.fifo) {
    // Nothing of its group came after it until it was acknowledged, so it must be in the inbox of
    // an instance that took it: no allowance is needed for clocks that differ.
    delivery.first_received = message.first_received;
    delivery.order_key = std::move(message.group_id);
  }
  delivery.receipt = std::move(received.lease);
  return delivery;
}

// Null where the message is no longer this process's: whoever has it now sees to it.
std::shared_ptr<Lease> Backend::end_lease(const Delivery& delivery) const {
  auto lease = lease_of(delivery);
  if (!lease) return nullptr;
  const bool was_held = lease->is_held();
  if (lease->end(surroundings_.clock().monotonic())) return lease;
  if (was_held) {
    surroundings_.log(LogLevel::warning,
                      fmt::format("sqs: {}: a message was held for longer than it may be, and is "
                                  "delivered again",
                                  lease->endpoint()->name()));
  }
  return nullptr;
}

asio::awaitable<void> Backend::acknowledge(Delivery delivery) {
  std::vector<Delivery> one;
  one.push_back(std::move(delivery));
  return acknowledge_all(std::move(one));
}

asio::awaitable<void> Backend::acknowledge_all(std::vector<Delivery> deliveries) {
  std::vector<std::shared_ptr<Lease>> leases;
  for (const Delivery& delivery : deliveries) {
    if (auto lease = end_lease(delivery)) leases.push_back(std::move(lease));
  }
  if (leases.empty()) co_return;
  const auto call = std::make_shared<LeaseCall>(std::move(leases));
  co_await carry_out(call);
  call->rethrow();
}

asio::awaitable<void> Backend::give_back(Delivery delivery, GiveBack how) {
  auto lease = end_lease(delivery);
  if (!lease) co_return;
  const auto call = std::make_shared<LeaseCall>(std::move(lease), how);
  co_await carry_out(call);
  call->rethrow();
}

// On the caller's own thread: it touches nothing of the engine's.
asio::awaitable<QueueDepth> Backend::depth(std::string name) {
  const auto keep_alive = shared_from_this();
  const Directory directory(surroundings_);
  auto looking = directory.attributes_of(std::move(name));
  const QueueAttributes found = co_await std::move(looking);
  const auto count = [&found](const char* attribute) {
    const auto value = found.find(attribute);
    return value == found.end() ? 0 : aws::read_number<std::uint64_t>(value->second).value_or(0);
  };
  QueueDepth depth;
  depth.ready = count("ApproximateNumberOfMessages");
  depth.delayed = count("ApproximateNumberOfMessagesDelayed");
  depth.hidden = count("ApproximateNumberOfMessagesNotVisible");
  co_return depth;
}

asio::awaitable<QueueInfo> Backend::examine(std::string endpoint) {
  const auto keep_alive = shared_from_this();
  const Directory directory(surroundings_);
  auto examining = directory.examine(std::move(endpoint));
  co_return co_await std::move(examining);
}

asio::awaitable<TopicInfo> Backend::examine_topic(std::string topic_arn, std::string queue_arn) {
  const auto keep_alive = shared_from_this();
  Gateway& gateway = surroundings_.gateway;
  TopicInfo info;
  auto looking = look_at_topic(gateway, topic_form(surroundings_.options), topic_arn);
  info.differences = co_await std::move(looking);
  auto finding = look_at_subscription(gateway, std::move(topic_arn), std::move(queue_arn));
  FoundSubscription found = co_await std::move(finding);
  info.subscription = std::move(found.arn);
  info.subscription_differences = std::move(found.differences);
  co_return info;
}

}  // namespace sagabus::sqs
