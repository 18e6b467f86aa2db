#include "sagabus/letter_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <iterator>
#include <utility>

#include "sagabus/error.hpp"
#include "sagabus/instance.hpp"
#include "sagabus/json.hpp"
#include "timer_rules.hpp"
#include "waiting/gate.hpp"

namespace sagabus {
namespace {

namespace asio = boost::asio;

const std::string& header(const Envelope& envelope, std::string_view name) {
  static const std::string kNone;
  const auto found = envelope.headers.find(name);
  return found == envelope.headers.end() ? kNone : found->second;
}

// Taking.

bool is_cancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

asio::awaitable<void> throw_if_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

struct Taking {
  std::vector<Delivery> letters;
  std::exception_ptr error;
};

// Does not throw: what it has received is kept however its race with the clock ends.
asio::awaitable<void> receive_into(Taking& taking, TransportBackend& transport,
                                   const LetterQuery& query) {
  try {
    const std::size_t most = query.limit + 1 - taking.letters.size();
    auto receiving = transport.receive(query.endpoint, most);
    std::vector<Delivery> some = co_await std::move(receiving);
    std::move(some.begin(), some.end(), std::back_inserter(taking.letters));
  } catch (...) {
    taking.error = std::current_exception();
  }
}

// Up to one more than the limit, which tells that there are more.
asio::awaitable<void> take(Taking& taking, TransportBackend& transport, const LetterQuery& query) {
  using namespace asio::experimental::awaitable_operators;  // NOLINT(google-build-using-namespace)
  for (std::size_t before = taking.letters.size(); before <= query.limit;
       before = taking.letters.size()) {
    auto receiving = receive_into(taking, transport, query);
    auto late = query.clock->sleep_for(query.patience);
    auto either = std::move(receiving) || std::move(late);
    co_await std::move(either);
    co_await throw_if_cancelled();
    if (taking.error && !is_cancellation(taking.error)) std::rethrow_exception(taking.error);
    if (taking.letters.size() == before) co_return;
  }
}

TimePoint time_of(const Delivery& letter) {
  return letter.envelope ? letter.envelope->timestamp : TimePoint::max();
}

bool is_wanted(const Delivery& letter, const LetterQuery& query) {
  if (query.ids.empty()) return true;
  return std::find(query.ids.begin(), query.ids.end(), letter_id(letter)) != query.ids.end();
}

asio::awaitable<void> visit_all(const std::vector<Delivery>& letters, const LetterQuery& query,
                                const LetterVisit& visit) {
  const std::size_t most = std::min(letters.size(), query.limit);
  for (std::size_t i = 0; i < most; ++i) {
    if (!is_wanted(letters[i], query)) continue;
    auto visiting = visit(letters[i]);
    co_await std::move(visiting);
  }
}

// Giving back.

struct Returning {
  std::shared_ptr<TransportBackend> transport;
  std::size_t left = 0;
  std::exception_ptr error{};
  detail::Gate all_done{};
};

asio::awaitable<void> return_one(std::shared_ptr<Returning> joint, Delivery letter) {
  auto returning = joint->transport->give_back(std::move(letter), {});
  co_await std::move(returning);
}

// Side by side, the last first: nobody gets a later one while an earlier one is still here. Those
// that are gone take no harm.
asio::awaitable<void> return_all(std::shared_ptr<TransportBackend> transport,
                                 std::vector<Delivery> letters) {
  if (letters.empty()) co_return;
  const auto executor = co_await asio::this_coro::executor;
  const auto strand = asio::make_strand(executor);
  const auto joint = std::make_shared<Returning>();
  joint->transport = std::move(transport);
  joint->left = letters.size();
  for (auto letter = letters.rbegin(); letter != letters.rend(); ++letter) {
    auto returning = return_one(joint, std::move(*letter));
    auto done = [joint](const std::exception_ptr& error) {
      if (error) joint->error = error;
      if (--joint->left == 0) joint->all_done.open();
    };
    asio::co_spawn(strand, std::move(returning), std::move(done));
  }
  co_await joint->all_done.wait();
  if (joint->error) std::rethrow_exception(joint->error);
}

// Sending.

// A bus has not buried it: the transport itself has moved it there, after many deliveries.
bool was_moved(const Envelope& envelope) {
  return header(envelope, headers::kOriginalEndpoint).empty();
}

std::string target_of(const Envelope& envelope, const RedriveOptions& options) {
  const std::string& original = header(envelope, headers::kOriginalEndpoint);
  if (!options.to.empty()) return options.to;
  if (original.empty()) throw ValidationError("it does not say which endpoint it comes from");
  if (!options.of.empty() && original != options.of) {
    throw ValidationError(fmt::format("it comes from {}, not from {}", original, options.of));
  }
  return original;
}

// What is to be sent for a letter. A message whose payload travels beside it, and was not to be
// had, came as no message: its letter holds it as it came, and its next receiver looks for it
// again.
Envelope message_of(const Envelope& letter) {
  if (letter.type != kMalformedType) return letter;
  try {
    const std::string* const body = letter.payload.if_string();
    Envelope packed = body ? parse_envelope(*body) : Envelope();
    for (const auto& [name, value] : letter.headers) packed.headers.insert_or_assign(name, value);
    if (packed.headers.contains(headers::kClaim)) return packed;
  } catch (const ValidationError&) {  // NOLINT(bugprone-empty-catch): said below
  }
  throw ValidationError("what came was no message, and cannot be sent as one");
}

Envelope without_its_end(Envelope envelope, bool run_uncertain) {
  // What the transport has moved was delivered in vain, and may have taken effect each time.
  if (was_moved(envelope)) {
    const std::uint64_t attempt = detail::read_count(envelope, headers::kAttempt) + 1;
    envelope.headers.insert_or_assign(std::string(headers::kAttempt), std::to_string(attempt));
    envelope.headers.insert_or_assign(std::string(headers::kUncertain), "1");
  }
  for (const std::string_view name : {headers::kErrorMessage, headers::kErrorType,
                                      headers::kOriginalEndpoint, headers::kOrderKey}) {
    envelope.headers.erase(std::string(name));
  }
  if (run_uncertain) envelope.headers.erase(std::string(headers::kUncertain));
  return envelope;
}

}  // namespace

std::string letter_id(const Delivery& letter) {
  return letter.envelope ? letter.envelope->id : derive_message_id(letter.malformed->body, "", 0);
}

Value letter_value(const Delivery& letter) {
  if (letter.envelope) return parse_json(to_json(*letter.envelope));
  const std::string& body = letter.malformed->body;
  if (detail::is_utf8(body)) return Value(body);
  const auto* bytes = reinterpret_cast<const std::byte*>(body.data());
  return Value(Bytes(bytes, bytes + body.size()));
}

asio::awaitable<bool> visit_letters(Transport transport, LetterQuery query, LetterVisit visit) {
  const std::shared_ptr<TransportBackend> backend = transport.backend();
  Taking taking;
  std::exception_ptr failure;
  try {
    co_await take(taking, *backend, query);
    std::stable_sort(taking.letters.begin(), taking.letters.end(),
                     [](const Delivery& a, const Delivery& b) { return time_of(a) < time_of(b); });
    co_await visit_all(taking.letters, query, visit);
  } catch (...) {
    failure = std::current_exception();
  }
  const bool more = taking.letters.size() > query.limit;
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  try {
    auto returning = return_all(backend, std::move(taking.letters));
    co_await std::move(returning);
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state();
  if (failure) std::rethrow_exception(failure);
  co_return more;
}

SendRequest plan_redrive(const Delivery& letter, const RedriveOptions& options) {
  if (!letter.envelope)
    throw ValidationError("what came was no message, and cannot be sent as one");
  const Envelope buried = message_of(*letter.envelope);
  SendRequest request;
  request.endpoint = target_of(buried, options);
  // Of what was moved, the transport has kept the key. What was buried says which it was.
  request.order_key = was_moved(buried) ? letter.order_key : header(buried, headers::kOrderKey);
  Envelope envelope = without_its_end(buried, options.run_uncertain);
  request.deduplication_key =
      fmt::format("{}/redrive/{}/{}", envelope.id, detail::read_count(envelope, headers::kAttempt),
                  request.endpoint);
  request.envelope = std::make_shared<const Envelope>(std::move(envelope));
  return request;
}

asio::awaitable<void> redrive_letter(Transport transport, Delivery letter, RedriveOptions options) {
  std::vector<SendRequest> requests(1, plan_redrive(letter, options));
  auto sending = transport.backend()->send(std::move(requests));
  co_await std::move(sending);
  auto erasing = transport.backend()->acknowledge(std::move(letter));
  co_await std::move(erasing);
}

asio::awaitable<void> erase_letter(Transport transport, Delivery letter) {
  auto erasing = transport.backend()->acknowledge(std::move(letter));
  co_await std::move(erasing);
}

}  // namespace sagabus
