#include "chaos/counter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <utility>

#include "chaos/living.hpp"

namespace sagabus::chaos {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kPause = 5ms;  // after a failure, so that a client without quota is not hammered

// Cancels one call, unless that has ended. Both must happen on one strand.
class Cancellation : public std::enable_shared_from_this<Cancellation> {
 public:
  explicit Cancellation(const asio::any_io_executor& executor) : timer_(executor) {}

  asio::cancellation_slot slot() { return signal_.slot(); }
  void begin(std::chrono::microseconds after) {
    auto on_time = [self = shared_from_this()](const boost::system::error_code& error) {
      if (!error && !self->over_) self->signal_.emit(asio::cancellation_type::terminal);
    };
    timer_.expires_after(after);
    timer_.async_wait(std::move(on_time));
  }
  void end() {
    over_ = true;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  asio::cancellation_signal signal_;
  bool over_ = false;
};

void keep_longest(std::atomic<long>& longest, long now) {
  for (long seen = longest; seen < now && !longest.compare_exchange_weak(seen, now);) {
  }
}

class Stopwatch {
 public:
  std::chrono::milliseconds passed() const {
    return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// What counts of an item, always in the same order.
std::string essence(const boost::json::value& item) {
  const boost::json::object ordered{{"n", item.at("n")}, {"steps", item.at("steps")}};
  return boost::json::serialize(ordered);
}

}  // namespace

asio::awaitable<void> Counter::create() {
  std::string body = fmt::format(
      R"({{"TableName":"{}","Item":{{"id":{{"S":"{}"}},"n":{{"N":"0"}},"steps":{{"L":[]}}}}}})",
      settings_.table, id_);
  co_await settings_.witness.call("PutItem", std::move(body));
}

asio::awaitable<void> Counter::advance(std::optional<std::chrono::microseconds> cancel_after) {
  const Living living(tally_.living);
  in_doubt_ = false;
  for (;;) {
    const Ending ending = co_await attempt(std::exchange(cancel_after, std::nullopt));
    if (ending == Ending::done) break;
    const std::string found = co_await read();
    const bool applied = found == expected(count_ + 1);
    if (!applied && found != expected(count_)) problem("found " + found);
    if (applied && ending == Ending::not_done && !in_doubt_) {
      problem("carried out, though the client said that it was not");
    }
    if (applied) {
      ++tally_.learnt;
      break;
    }
    in_doubt_ = in_doubt_ || ending != Ending::not_done;
    asio::steady_timer timer(co_await asio::this_coro::executor, kPause);
    co_await timer.async_wait(asio::use_awaitable);
  }
  ++count_;
}

asio::awaitable<Counter::Ending> Counter::attempt(
    std::optional<std::chrono::microseconds> cancel_after) {
  const Stopwatch watch;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto cancellation = std::make_shared<Cancellation>(executor);
  if (cancel_after) cancellation->begin(*cancel_after);
  asio::experimental::channel<void(boost::system::error_code, Ending)> ended(executor, 1);
  auto on_end = [&ended](const std::exception_ptr&, Ending ending) {
    ended.try_send(boost::system::error_code(), ending);
  };
  asio::co_spawn(executor, call(),
                 asio::bind_cancellation_slot(cancellation->slot(), std::move(on_end)));
  const Ending ending = co_await ended.async_receive(asio::use_awaitable);
  cancellation->end();
  const auto passed = watch.passed();
  keep_longest(tally_.longest_call_ms, passed.count());
  const auto due = std::min<std::chrono::microseconds>(
      settings_.call.deadline, cancel_after.value_or(settings_.call.deadline));
  if (passed > due + settings_.grace) problem(fmt::format("a call took {} ms", passed.count()));
  if (ending == Ending::cancelled && !cancel_after) problem("cancelled, though nobody asked");
  co_return ending;
}

asio::awaitable<Counter::Ending> Counter::call() {
  const Living living(tally_.living);
  try {
    const aws::Outcome outcome =
        co_await settings_.client.aws().call("UpdateItem", update(), settings_.call);
    co_return judge(outcome);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) {
      ++tally_.cancelled;
      co_return Ending::cancelled;
    }
    problem(error.what());
  } catch (const std::exception& error) {
    problem(error.what());
  }
  co_return Ending::ambiguous;
}

Counter::Ending Counter::judge(const aws::Outcome& outcome) {
  if (!outcome) return judge_error(outcome.error());
  ++tally_.done;
  const std::string got = essence(boost::json::parse(outcome->body).at("Attributes"));
  if (got != expected(count_ + 1)) problem("reported as done with the answer " + got);
  return Ending::done;
}

Counter::Ending Counter::judge_error(const aws::ServiceError& error) {
  const bool lost = error.kind == aws::ErrorKind::conditional_check_failed;
  if (lost && !error.maybe_applied && !in_doubt_) {
    problem("the condition failed, and nobody is said to have changed the item");
  }
  if (!lost && error.kind != aws::ErrorKind::transient && error.kind != aws::ErrorKind::throttled) {
    problem(fmt::format("{} {}: {}", error.http_status, error.code, error.message));
  }
  const bool ambiguous = error.maybe_applied || lost;
  if (lost) ++tally_.lost;
  ++(ambiguous ? tally_.ambiguous : tally_.failed);
  return ambiguous ? Ending::ambiguous : Ending::not_done;
}

asio::awaitable<std::string> Counter::read() {
  std::string body =
      fmt::format(R"({{"TableName":"{}","Key":{{"id":{{"S":"{}"}}}},"ConsistentRead":true}})",
                  settings_.table, id_);
  const std::string answer = co_await settings_.witness.call("GetItem", std::move(body));
  co_return essence(boost::json::parse(answer).at("Item"));
}

std::string Counter::update() const {
  return fmt::format(
      R"-({{"TableName":"{}","Key":{{"id":{{"S":"{}"}}}},"ReturnValues":"UPDATED_NEW",)-"
      R"-("UpdateExpression":"SET n = :next, steps = list_append(steps, :step)",)-"
      R"-("ConditionExpression":"n = :seen","ExpressionAttributeValues":{{)-"
      R"-(":seen":{{"N":"{}"}},":next":{{"N":"{}"}},":step":{{"L":[{{"N":"{}"}}]}}}}}})-",
      settings_.table, id_, count_, count_ + 1, count_ + 1);
}

// What `read` and an update give after `count` updates.
std::string Counter::expected(long count) const {
  std::string steps;
  for (long step = 1; step <= count; ++step) {
    steps += fmt::format(R"({}{{"N":"{}"}})", step == 1 ? "" : ",", step);
  }
  return fmt::format(R"({{"n":{{"N":"{}"}},"steps":{{"L":[{}]}}}})", count, steps);
}

asio::awaitable<void> Counter::audit() {
  const std::string found = co_await read();
  if (found != expected(count_)) problem("at the end: " + found);
}

void Counter::problem(const std::string& what) {
  tally_.problem(fmt::format("{} after {} updates: {}", id_, count_, what));
}

}  // namespace sagabus::chaos
