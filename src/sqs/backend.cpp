#include "sqs/backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <future>
#include <set>

#include "aws/number.hpp"
#include "sagabus/error.hpp"
#include "sqs/claim.hpp"
#include "sqs/names.hpp"
#include "sqs/topic_requests.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A standard queue's.
constexpr milliseconds kMaxDelay = std::chrono::minutes(15);

// The service hides a message for no longer than that after its receipt.
constexpr seconds kMaxHidden = std::chrono::hours(12);

// How long the last handle's end waits for requests: somewhat longer than one of them takes.
constexpr milliseconds kShutdown{2500};
constexpr milliseconds kShutdownTick{5};

// What receivers in other languages of the family find their handlers by.
constexpr std::string_view kEndpointHeader = "x-endpoint";

// One that waits for several entries.
class Completion : public EntryOwner, public sagabus::detail::Wakeup {
 public:
  void ended(const std::exception_ptr& error) override {
    if (error && !error_) error_ = error;
    if (--left_ == 0) resume();
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 protected:
  std::size_t left_ = 1;

 private:
  std::exception_ptr error_;
};

void check_size(const Envelope& envelope, std::size_t bytes, const std::string& target,
                std::size_t most) {
  if (bytes <= most) return;
  throw ValidationError(fmt::format("{}: a message of {} bytes, and {} takes at most {}",
                                    envelope.type, bytes, target, most));
}

// The largest message that goes on all ways without a claim.
std::size_t most_as_is(const TransportOptions& options) {
  std::size_t most = options.max_message_bytes;
  if (options.topics.enabled) most = std::min(most, options.topics.max_message_bytes);
  return most - kKeptForHeaders;
}

// One that its escapes alone make too large goes without: the service has come to take more.
std::string body_of(const Envelope& envelope, std::size_t most) {
  std::string json = to_json(envelope, kEndpointHeader, envelope.type);
  std::string body = to_body(json);
  return body.size() > most && json.size() <= most ? json : body;
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

// What runs on the engine's thread for a caller. `self` is the call itself.

class Backend::SendCall : public Completion {
 public:
  explicit SendCall(std::vector<Outgoing> entries) : entries_(std::move(entries)) {}
  static void run(Backend& backend, const std::shared_ptr<SendCall>& self) {
    std::vector<Outgoing> entries = std::move(self->entries_);
    self->left_ = entries.size();
    for (Outgoing& outgoing : entries) {
      outgoing.entry.owner = self;
      if (outgoing.by_topic) {
        backend.topic(outgoing.name).send(std::move(outgoing.entry));
      } else {
        backend.endpoint(outgoing.name).send(std::move(outgoing.entry));
      }
    }
  }

 private:
  std::vector<Outgoing> entries_;
};

// Lets go of messages: erases them, or shows them again.
class Backend::LeaseCall : public Completion {
 public:
  explicit LeaseCall(std::vector<std::shared_ptr<Lease>> leases) : leases_(std::move(leases)) {}
  LeaseCall(std::shared_ptr<Lease> lease, GiveBack how) : leases_(1, std::move(lease)), how_(how) {}

  static void run(Backend& backend, const std::shared_ptr<LeaseCall>& self) {
    const std::vector<std::shared_ptr<Lease>> leases = std::move(self->leases_);
    self->left_ = leases.size();
    for (const auto& lease : leases) {
      auto owner = std::make_shared<End>(self, lease);
      if (self->how_) {
        give_back(backend, lease, *self->how_, std::move(owner));
      } else {
        lease->endpoint()->erase(*lease, std::move(owner));
      }
    }
  }

 private:
  // What became of one of them.
  class End final : public EntryOwner {
   public:
    End(std::shared_ptr<LeaseCall> call, std::shared_ptr<Lease> lease)
        : call_(std::move(call)), lease_(std::move(lease)) {}
    void ended(const std::exception_ptr& error) override {
      // A receipt that is no longer good is no error: the message is with somebody else, or gone.
      const bool is_over = !error || is_about_the_receipt(error);
      // Else it may be tried once more.
      if (!is_over) lease_->endpoint()->take_back(lease_);
      call_->ended(is_over ? nullptr : error);
    }

   private:
    const std::shared_ptr<LeaseCall> call_;
    const std::shared_ptr<Lease> lease_;
  };

  static void give_back(Backend& backend, const std::shared_ptr<Lease>& lease, const GiveBack& how,
                        std::shared_ptr<EntryOwner> owner) {
    Surroundings& surroundings = backend.surroundings_;
    surroundings.recollection.given_back(lease->message_id(), how.failed, how.uncertain);
    const auto held = surroundings.clock().monotonic() - lease->taken();
    const auto most = std::max<std::chrono::nanoseconds>(kMaxHidden - held, seconds(0));
    const auto delay =
        std::min(std::chrono::ceil<seconds>(how.delay), std::chrono::floor<seconds>(most));
    lease->endpoint()->show_again(*lease, std::max(delay, seconds(0)), std::move(owner));
  }

  std::vector<std::shared_ptr<Lease>> leases_;
  std::optional<GiveBack> how_;
};

class Backend::JoinCall : public Completion {
 public:
  JoinCall(std::string endpoint, std::vector<std::string> types)
      : endpoint_(std::move(endpoint)), types_(std::move(types)) {}
  static void run(Backend& backend, const std::shared_ptr<JoinCall>& self) {
    auto joining = backend.fan_out_.join(self->endpoint_, std::move(self->types_));
    auto tell = [self](const std::exception_ptr& error) { self->ended(error); };
    asio::co_spawn(backend.surroundings_.executor, std::move(joining), std::move(tell));
  }

 private:
  const std::string endpoint_;
  std::vector<std::string> types_;
};

class Backend::OpenCall : public Completion {
 public:
  explicit OpenCall(std::string name) : name_(std::move(name)) {}
  static void run(Backend& backend, const std::shared_ptr<OpenCall>& self) {
    backend.endpoint(self->name_).ensure_open(self);
  }

 private:
  const std::string name_;
};

class Backend::ReceiveCall : public Receiving {
 public:
  explicit ReceiveCall(std::string name) : name_(std::move(name)) {}
  static void run(Backend& backend, const std::shared_ptr<ReceiveCall>& self) {
    backend.endpoint(self->name_).receive(self);
  }
  static void give_up(Backend& backend, const std::shared_ptr<ReceiveCall>& self) {
    backend.endpoint(self->name_).give_up(self);
  }

 private:
  const std::string name_;
};

Backend::Backend(TransportOptions options, Clients clients, std::unique_ptr<Engine> engine)
    : surroundings_(std::move(options), std::move(clients), engine->executor()),
      routes_(surroundings_.options.routes),
      topic_rules_(surroundings_.options, routes_),
      fan_out_(surroundings_, topic_rules_),
      claims_(surroundings_.options, topic_rules_, most_as_is(surroundings_.options)),
      engine_(std::move(engine)) {
  surroundings_.in_hand.start([this] {
    asio::co_spawn(surroundings_.executor, keep_hidden(surroundings_), asio::detached);
  });
  std::vector<std::string> types;
  for (const Route& route : surroundings_.options.routes) types.push_back(route.type);
  warn_of_types(types);
}

// Not called on the engine's thread: nothing there owns the transport.
Backend::~Backend() {
  std::promise<void> done;
  engine_->post([this, &done] {
    auto shutting_down = shut_down();
    auto tell = [&done](const std::exception_ptr&) { done.set_value(); };
    asio::co_spawn(surroundings_.executor, std::move(shutting_down), std::move(tell));
  });
  done.get_future().wait();
  engine_->stop();
  const auto aborted =
      std::make_exception_ptr(boost::system::system_error(asio::error::operation_aborted));
  for (const auto& [name, endpoint] : endpoints_) endpoint->drop(aborted);
  for (const auto& [type, topic] : topics_) topic->drop(aborted);
}

asio::awaitable<void> Backend::shut_down() {
  surroundings_.stopping = true;
  for (const auto& [name, endpoint] : endpoints_) endpoint->stop();
  asio::steady_timer timer(surroundings_.executor);
  for (milliseconds waited{0}; !is_idle() && waited < kShutdown; waited += kShutdownTick) {
    timer.expires_after(kShutdownTick);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

bool Backend::is_idle() const {
  const auto idle = [](const auto& entry) { return entry.second->is_idle(); };
  return std::all_of(endpoints_.begin(), endpoints_.end(), idle) &&
         std::all_of(topics_.begin(), topics_.end(), idle);
}

Endpoint& Backend::endpoint(const std::string& name) {
  std::shared_ptr<Endpoint>& found = endpoints_[name];
  if (!found) found = std::make_shared<Endpoint>(surroundings_, name);
  return *found;
}

TopicLine& Backend::topic(const std::string& type) {
  std::shared_ptr<TopicLine>& found = topics_[type];
  if (!found) found = std::make_shared<TopicLine>(surroundings_, fan_out_, type);
  return *found;
}

// Looks at what is in hand ten times in a visibility timeout, for as long as anything is.
asio::awaitable<void> Backend::keep_hidden(Surroundings& surroundings) {
  const std::chrono::nanoseconds tick = surroundings.options.visibility_timeout;
  while (!surroundings.in_hand.empty() && !surroundings.stopping) {
    co_await surroundings.clock().sleep_for(tick / 10);
    for (auto& lease : surroundings.in_hand.due(surroundings.clock().monotonic())) {
      Endpoint& endpoint = *lease->endpoint();
      endpoint.renew(std::move(lease));
    }
  }
}

template <class Call>
asio::awaitable<void> Backend::carry_out(std::shared_ptr<Call> call) {
  const auto keep_alive = shared_from_this();
  Backend* const self = this;
  const auto start = [self](const std::shared_ptr<Call>& armed, const auto& /*slot*/) {
    self->engine_->post([self, armed] { Call::run(*self, armed); });
  };
  co_await sagabus::detail::suspend(call, start);
}

// The transport's functions.

std::string Backend::describe() const {
  const std::string& prefix = surroundings_.options.queue_prefix;
  return fmt::format("sqs://{}?region={}{}", prefix, surroundings_.gateway.client().region(),
                     surroundings_.options.topics.enabled ? "&topics=true" : "");
}

milliseconds Backend::max_delay() const {
  const TransportOptions& options = surroundings_.options;
  return options.fifo || options.topics.enabled ? milliseconds(0) : kMaxDelay;
}

std::chrono::nanoseconds Backend::may_hold(const Delivery& delivery) const {
  const auto lease = std::static_pointer_cast<Lease>(delivery.receipt);
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
  for (const SendRequest& request : requests) add_entries(request, entries);
  if (entries.empty()) co_return;
  const auto call = std::make_shared<SendCall>(std::move(entries));
  co_await carry_out(call);
  call->rethrow();
}

void Backend::add_entries(const SendRequest& request, std::vector<Outgoing>& out) const {
  if (!request.envelope) throw ValidationError("envelope: missing");
  if (request.endpoint.empty() && topic_rules_.goes_by_topic(request.envelope->type)) {
    add_topic_entry(request, out);
    return;
  }
  std::vector<std::string> endpoints;
  if (request.endpoint.empty()) {
    endpoints = routes_.takers(request.envelope->type);
  } else {
    endpoints.push_back(request.endpoint);
  }
  if (endpoints.empty()) return;
  const std::string body = body_of(*request.envelope, surroundings_.options.max_message_bytes);
  for (const std::string& name : endpoints) {
    Outgoing& outgoing = out.emplace_back();
    outgoing.name = name;
    outgoing.entry = entry_for(name, request, body);
  }
}

void Backend::add_topic_entry(const SendRequest& request, std::vector<Outgoing>& out) const {
  const TransportOptions& options = surroundings_.options;
  const Envelope& envelope = *request.envelope;
  const std::size_t most = std::min(options.max_message_bytes, options.topics.max_message_bytes);
  const std::string body = body_of(envelope, most);
  check_size(envelope, body.size(), topic_name(envelope.type), most);
  delay_of(request);  // refuses one
  Outgoing& outgoing = out.emplace_back();
  outgoing.by_topic = true;
  outgoing.name = envelope.type;
  outgoing.entry.bytes = body.size();
  std::string deduplication;
  if (options.fifo) {
    const std::string& key = request.deduplication_key;
    outgoing.entry.group =
        group_id(request.order_key.empty() ? topic_rules_.order_key(envelope) : request.order_key);
    deduplication = deduplication_id(key.empty() ? envelope.id : key);
  }
  outgoing.entry.members = publish_members(body, outgoing.entry.group, deduplication);
}

std::string Backend::group_of(const std::string& name, const SendRequest& request) const {
  if (!request.order_key.empty()) return group_id(request.order_key);
  // Nothing waits for anything there, so that whoever looks sees them all.
  const std::string& letters = surroundings_.options.dead_letter.endpoint;
  if (is_dead_letter_endpoint(name) || name == letters) return group_id(request.envelope->id);
  return group_id(routes_.order_key(name, *request.envelope));
}

BatchEntry Backend::entry_for(const std::string& name, const SendRequest& request,
                              const std::string& body) const {
  const TransportOptions& options = surroundings_.options;
  check_size(*request.envelope, body.size(), queue_name(name), options.max_message_bytes);
  BatchEntry entry;
  entry.bytes = body.size();
  SendEntry members;
  members.body = body;
  members.delay = delay_of(request);
  std::string deduplication;
  if (options.fifo) {
    const std::string& key = request.deduplication_key;
    entry.group = group_of(name, request);
    deduplication = deduplication_id(key.empty() ? request.envelope->id : key);
    members.group_id = entry.group;
    members.deduplication_id = deduplication;
  }
  entry.members = send_members(members);
  return entry;
}

seconds Backend::delay_of(const SendRequest& request) const {
  const TimePoint now = surroundings_.clock().now();
  if (request.not_before <= now) return seconds(0);
  const auto delay = request.not_before - now;
  if (delay > max_delay()) {
    throw Unsupported(fmt::format("{}: a delay of {} ms, and this transport has {} at most",
                                  request.envelope->type, delay.count(), max_delay().count()));
  }
  return std::chrono::ceil<seconds>(delay);
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
          self->engine_->post([self, waiting] { ReceiveCall::give_up(*self, waiting); });
        }
      });
    }
    self->engine_->post([self, armed] { ReceiveCall::run(*self, armed); });
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
  std::string body = body_of(*delivery.envelope, surroundings_.options.max_message_bytes);
  Malformed malformed{std::move(body), std::move(opened.problem)};
  delivery.malformed = std::make_shared<const Malformed>(std::move(malformed));
  delivery.envelope = nullptr;
}

Delivery Backend::to_delivery(Received received) const {
  ReceivedMessage& message = received.message;
  const Recollection::Memory& memory = received.memory;
  Delivery delivery;
  try {
    Envelope envelope = parse_envelope(message.body);
    const auto header = envelope.headers.find(kEndpointHeader);
    if (header != envelope.headers.end() && header->second == envelope.type) {
      envelope.headers.erase(header);
    }
    delivery.envelope = std::make_shared<const Envelope>(std::move(envelope));
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

}  // namespace sagabus::sqs
