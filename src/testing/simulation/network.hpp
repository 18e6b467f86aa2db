// What lies between a worker and the services that it uses, in virtual time: requests and answers
// take their time, get lost, are refused, or arrive when nobody waits for them any more.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "sagabus/error.hpp"
#include "sagabus/random.hpp"
#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus::testing::simulation {

// How likely what goes wrong is, of each request.
struct Weather {
  double lost_request = 0;
  double lost_answer = 0;
  double straggler = 0;  // carried out minutes after its sender was told that it had failed
  double throttled = 0;
  double cut_batch = 0;  // of which some entries fail
  double slow = 0;       // takes up to slowest
  std::chrono::nanoseconds typical = std::chrono::milliseconds(2);
  std::chrono::nanoseconds slowest = std::chrono::minutes(1);
};

// What happened, in a number that is the same where it happened in the same order.
class Trace {
 public:
  void add(std::string_view what, std::uint64_t number);
  std::uint64_t digest() const noexcept { return digest_; }
  std::uint64_t events() const noexcept { return events_; }

 private:
  std::uint64_t digest_ = 0xcbf29ce484222325;
  std::uint64_t events_ = 0;
};

class Network {
 public:
  // `services`: where stragglers are carried out.
  Network(std::shared_ptr<VirtualClock> clock, std::shared_ptr<RandomSource> random,
          boost::asio::any_io_executor services)
      : clock_(std::move(clock)), random_(std::move(random)), services_(std::move(services)) {}

  Clock& clock() const noexcept { return *clock_; }
  void set_weather(const Weather& weather) { weather_ = weather; }

  // `operation` makes the awaitable that the service carries out at once, and owns all it uses. It
  // is carried out also where its sender dies, or gives up, while it is on its way.
  template <class T, class Operation>
  boost::asio::awaitable<T> call(std::string_view what, Operation operation);

  // As call(), of what must not be carried out later.
  template <class T, class Operation>
  boost::asio::awaitable<T> ask(std::string_view what, Operation operation);

  // Which entries of a batch fail.
  std::vector<bool> failing_of(std::size_t entries);

  // Those that are still to be carried out.
  std::size_t stragglers() const noexcept { return *stragglers_; }

  struct Mishaps {
    std::uint64_t stragglers = 0;
    std::uint64_t lost_requests = 0;
    std::uint64_t lost_answers = 0;
    std::uint64_t throttled = 0;
    std::uint64_t cut_batches = 0;
  };
  const Mishaps& mishaps() const noexcept { return mishaps_; }

  const Trace& trace() const noexcept { return trace_; }
  Trace& trace() noexcept { return trace_; }

 private:
  // A request from its sending to its arrival.
  template <class Operation>
  class OnItsWay {
   public:
    OnItsWay(Network& network, Operation operation)
        : network_(network), operation_(std::move(operation)) {}
    OnItsWay(const OnItsWay&) = delete;
    OnItsWay& operator=(const OnItsWay&) = delete;
    ~OnItsWay() {
      if (!arrived_) network_.carry_out_later(network_.latency(), std::move(operation_));
    }
    Operation arrive() {
      arrived_ = true;
      return std::move(operation_);
    }

   private:
    Network& network_;
    Operation operation_;
    bool arrived_ = false;
  };

  bool happens(double probability) { return probability > 0 && uniform(*random_) < probability; }
  std::chrono::nanoseconds latency();
  void refuse_some();
  void lose_some_answers();
  boost::asio::awaitable<void> travel();

  template <class T, class Operation>
  boost::asio::awaitable<T> carry_out(std::string_view what, Operation operation);
  template <class Operation>
  void carry_out_later(std::chrono::nanoseconds delay, Operation operation);
  template <class Operation>
  static boost::asio::awaitable<void> straggle(std::shared_ptr<VirtualClock> clock,
                                               std::shared_ptr<std::size_t> count,
                                               std::chrono::nanoseconds delay, Operation operation);

  const std::shared_ptr<VirtualClock> clock_;
  const std::shared_ptr<RandomSource> random_;
  const boost::asio::any_io_executor services_;
  Weather weather_;
  Trace trace_;
  Mishaps mishaps_;
  const std::shared_ptr<std::size_t> stragglers_ = std::make_shared<std::size_t>(0);
};

template <class Operation>
boost::asio::awaitable<void> Network::straggle(std::shared_ptr<VirtualClock> clock,
                                               std::shared_ptr<std::size_t> count,
                                               std::chrono::nanoseconds delay,
                                               Operation operation) {
  co_await clock->sleep_for(delay);
  --*count;
  try {
    auto op = operation();
    co_await std::move(op);
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): nobody hears it
  }
}

template <class Operation>
void Network::carry_out_later(std::chrono::nanoseconds delay, Operation operation) {
  ++mishaps_.stragglers;
  ++*stragglers_;
  auto late = straggle(clock_, stragglers_, delay, std::move(operation));
  boost::asio::co_spawn(services_, std::move(late), boost::asio::detached);
}

template <class T, class Operation>
boost::asio::awaitable<T> Network::call(std::string_view what, Operation operation) {
  if (happens(weather_.straggler)) {
    trace_.add(what, static_cast<std::uint64_t>(clock_->monotonic().count()) + 1);
    const auto delay = std::chrono::milliseconds(random_->next() % 300'000);
    carry_out_later(delay, std::move(operation));
    co_await travel();
    throw TransientError("no answer came");
  }
  OnItsWay<Operation> request(*this, std::move(operation));
  co_await travel();
  auto answer = carry_out<T>(what, request.arrive());
  co_return co_await std::move(answer);
}

template <class T, class Operation>
boost::asio::awaitable<T> Network::ask(std::string_view what, Operation operation) {
  co_await travel();
  auto answer = carry_out<T>(what, std::move(operation));
  co_return co_await std::move(answer);
}

template <class T, class Operation>
boost::asio::awaitable<T> Network::carry_out(std::string_view what, Operation operation) {
  refuse_some();
  trace_.add(what, static_cast<std::uint64_t>(clock_->monotonic().count()));
  auto op = operation();
  if constexpr (std::is_void_v<T>) {
    co_await std::move(op);
    co_await travel();
    lose_some_answers();
  } else {
    T result = co_await std::move(op);
    co_await travel();
    lose_some_answers();
    co_return result;
  }
}

}  // namespace sagabus::testing::simulation
