#include "sqs/claim_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "message_size.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/policy.hpp"
#include "sqs/claim.hpp"
#include "waiting/gate.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;

// Payloads that are fetched at once for one receiver.
constexpr std::size_t kMostAtOnce = 8;

// A delivery costs a request, and counts against the queue's limit of deliveries.
constexpr RetryPolicy kOutageBackoff{.base_delay = std::chrono::milliseconds(1000),
                                     .max_delay = std::chrono::milliseconds(60000)};

}  // namespace

ClaimCheck::ClaimCheck(const TransportOptions& options, const TopicRules& rules,
                       std::size_t most_as_is)
    : options_(options), rules_(rules), most_as_is_(most_as_is) {}

std::size_t ClaimCheck::pack_above() const noexcept {
  return options_.claims ? std::min(options_.claim_above, most_as_is_) : TransportBackend::kNoLimit;
}

std::size_t ClaimCheck::max_message_bytes() const noexcept {
  return options_.claims ? options_.max_claim_bytes - kKeptForHeaders : most_as_is_;
}

asio::awaitable<EnvelopePtr> ClaimCheck::pack(EnvelopePtr whole) const {
  if (!options_.claims || has_claim(*whole)) co_return whole;
  std::string payload = to_json(whole->payload);
  detail::check_size(*whole, options_.max_claim_bytes);
  const Claim claim = claim_for(payload);
  auto packed =
      std::make_shared<const Envelope>(with_claim(*whole, claim, rules_.order_keys(*whole)));
  if (!detail::fits(*packed, most_as_is_)) {
    throw ValidationError(
        fmt::format("{}: a message whose headers alone have {} bytes; the transport takes at most "
                    "{}",
                    packed->type, to_json(*packed).size(), most_as_is_));
  }
  const std::shared_ptr<ClaimStore> store = options_.claims;
  auto putting = store->put(claim.key, std::move(payload));
  co_await std::move(putting);
  co_return packed;
}

asio::awaitable<void> ClaimCheck::pack_large(std::vector<SendRequest>& requests) const {
  for (SendRequest& request : requests) {
    if (!request.envelope || detail::fits(*request.envelope, pack_above())) continue;
    EnvelopePtr whole = request.envelope;
    auto packing = pack(std::move(whole));
    request.envelope = co_await std::move(packing);
  }
}

// What those share that fetch side by side, all on one strand.
struct ClaimCheck::Opening {
  std::shared_ptr<ClaimStore> store;
  std::size_t most = 0;
  std::vector<Opened> items;
  std::size_t next = 0;
  std::size_t running = 0;
  std::string outage{};  // why the store gave one nothing, perhaps for now
  std::array<asio::cancellation_signal, kMostAtOnce> cancels;
  sagabus::detail::Gate all_done;
};

asio::awaitable<std::vector<ClaimCheck::Opened>> ClaimCheck::open(
    std::vector<EnvelopePtr> packed) const {
  const auto joint = std::make_shared<Opening>();
  joint->store = options_.claims;
  joint->most = options_.max_claim_bytes;
  for (EnvelopePtr& envelope : packed) joint->items.push_back({std::move(envelope)});
  const auto executor = co_await asio::this_coro::executor;
  const auto strand = asio::make_strand(executor);
  joint->running = std::min(kMostAtOnce, joint->items.size());
  for (std::size_t i = 0, lanes = joint->running; i < lanes; ++i) {
    auto opening = open_some(joint);
    auto done = [joint](const std::exception_ptr&) {
      if (--joint->running == 0) joint->all_done.open();
    };
    asio::co_spawn(strand, std::move(opening),
                   asio::bind_cancellation_slot(joint->cancels[i].slot(), std::move(done)));
  }
  std::exception_ptr aborted;
  try {
    co_await joint->all_done.wait();
  } catch (...) {
    aborted = std::current_exception();
  }
  if (aborted) {
    asio::post(strand, [joint] {
      for (auto& cancel : joint->cancels) cancel.emit(asio::cancellation_type::terminal);
    });
    std::rethrow_exception(aborted);
  }
  co_return std::move(joint->items);
}

// Takes one after the other, while there are any.
asio::awaitable<void> ClaimCheck::open_some(std::shared_ptr<Opening> joint) {
  while (joint->next < joint->items.size()) {
    Opened& item = joint->items[joint->next++];
    EnvelopePtr packed = std::move(item.envelope);
    if (!joint->outage.empty()) {  // nobody waits for one after another: they go back together
      item.problem = joint->outage;
      item.try_again_later = true;
      continue;
    }
    try {
      if (!joint->store) throw NotFound("this transport has no claims, which would hold it");
      auto opening = open_one(*joint->store, std::move(packed), joint->most);
      item.envelope = co_await std::move(opening);
    } catch (const NotFound& error) {
      item.problem = fmt::format("its payload is not there: {}", error.what());
    } catch (const ValidationError& error) {
      item.problem = error.what();
    } catch (const std::exception& error) {
      item.problem = error.what();
      item.try_again_later = true;
      joint->outage = item.problem;
    }
  }
}

asio::awaitable<EnvelopePtr> ClaimCheck::open_one(ClaimStore& store, EnvelopePtr packed,
                                                  std::size_t most) {
  const Claim claim = read_claim(*packed);
  if (claim.bytes > most) {
    throw ValidationError(
        fmt::format("a payload of {} bytes; max_claim_bytes is {}", claim.bytes, most));
  }
  auto getting = store.get(claim.key, claim.bytes);
  const std::string payload = co_await std::move(getting);
  co_return std::make_shared<const Envelope>(with_payload(*packed, claim, payload));
}

std::chrono::seconds ClaimCheck::delay_after_outage() {
  const double random = uniform(*options_.ambient.random);
  const auto delay = std::chrono::ceil<std::chrono::seconds>(
      retry_delay(kOutageBackoff, outages_.fetch_add(1) + 1, random));
  return std::max(delay, std::chrono::seconds(1));
}

}  // namespace sagabus::sqs
