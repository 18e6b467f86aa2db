#include "load.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <memory>
#include <vector>

#include "order_saga.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/memory/transport.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

// The orders of a run. Safe from any thread.
class Orders {
 public:
  Orders(unsigned count, std::shared_ptr<Clock> clock, const asio::any_io_executor& executor)
      : clock_(std::move(clock)), ended_(executor, 1), started_at_(count), took_(count) {}

  void start(std::uint64_t number) {
    under_way_.fetch_add(1);
    started_at_[number] = clock_->monotonic().count();
  }

  // Counts once, however often it is called.
  void end(std::uint64_t number) {
    const std::int64_t started_at = started_at_[number].exchange(0);
    if (started_at == 0) return;
    took_[number] = clock_->monotonic() - nanoseconds(started_at);
    under_way_.fetch_sub(1);
    ended_.try_send(boost::system::error_code{});
  }

  // Waits until fewer than so many are under way.
  asio::awaitable<void> fewer_than(unsigned count) {
    while (under_way_.load() >= count) {
      boost::system::error_code error;
      co_await ended_.async_receive(asio::redirect_error(asio::use_awaitable, error));
      // A channel has an error of its own for being cancelled, which nobody above knows.
      if (error) throw boost::system::system_error(asio::error::operation_aborted);
    }
  }

  // Nearest rank. Only when none is under way.
  nanoseconds percentile(unsigned percent) {
    const std::size_t rank = (took_.size() * percent + 99) / 100;
    const auto place = took_.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1));
    std::nth_element(took_.begin(), place - 1, took_.end());
    return *(place - 1);
  }

 private:
  const std::shared_ptr<Clock> clock_;
  asio::experimental::concurrent_channel<void(boost::system::error_code)> ended_;
  std::atomic<unsigned> under_way_{0};
  std::vector<std::atomic<std::int64_t>> started_at_;  // 0: not under way
  std::vector<nanoseconds> took_;
};

// The transport, with an eye on what comes of each message.
class WatchedTransport final : public TransportBackend {
 public:
  WatchedTransport(std::shared_ptr<TransportBackend> transport, std::shared_ptr<Orders> orders)
      : transport_(std::move(transport)), orders_(std::move(orders)) {}

  std::uint64_t handled() const { return handled_; }
  std::uint64_t errors() const { return errors_; }

  std::string describe() const override { return transport_->describe(); }
  asio::awaitable<void> subscribe(Subscription subscription) override {
    return transport_->subscribe(std::move(subscription));
  }
  asio::awaitable<void> send(std::vector<SendRequest> requests) override {
    for (const SendRequest& request : requests) {
      if (!request.endpoint.empty()) bury(*request.envelope);
    }
    return transport_->send(std::move(requests));
  }
  asio::awaitable<std::vector<Delivery>> receive(std::string endpoint, std::size_t most) override {
    return transport_->receive(std::move(endpoint), most);
  }
  asio::awaitable<void> acknowledge(Delivery delivery) override {
    count(delivery);
    return transport_->acknowledge(std::move(delivery));
  }
  asio::awaitable<void> acknowledge_all(std::vector<Delivery> deliveries) override {
    for (const Delivery& delivery : deliveries) count(delivery);
    return transport_->acknowledge_all(std::move(deliveries));
  }
  asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override {
    if (how.failed || how.uncertain || how.delay.count() > 0) ++errors_;
    return transport_->give_back(std::move(delivery), how);
  }
  std::chrono::nanoseconds may_hold(const Delivery& delivery) const override {
    return transport_->may_hold(delivery);
  }
  std::chrono::milliseconds max_delay() const override { return transport_->max_delay(); }
  std::size_t max_message_bytes() const override { return transport_->max_message_bytes(); }
  std::size_t pack_above() const override { return transport_->pack_above(); }
  asio::awaitable<EnvelopePtr> pack(EnvelopePtr envelope) override {
    return transport_->pack(std::move(envelope));
  }

 private:
  void count(const Delivery& delivery) {
    ++handled_;
    const Envelope& message = *delivery.envelope;
    if (message.type == message_name<ShipmentCreated>()) orders_->end(order_number(message));
  }

  // Only dead letters are sent to an endpoint by its name.
  void bury(const Envelope& letter) {
    ++errors_;
    orders_->end(order_number(letter));
  }

  const std::shared_ptr<TransportBackend> transport_;
  const std::shared_ptr<Orders> orders_;
  std::atomic<std::uint64_t> handled_{0};
  std::atomic<std::uint64_t> errors_{0};
};

microseconds cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto read = [](const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + microseconds(t.tv_usec);
  };
  return read(usage.ru_utime) + read(usage.ru_stime);
}

asio::awaitable<void> drive(Bus& bus, Orders& orders, const LoadOptions& options) {
  for (unsigned number = 0; number < options.sagas; ++number) {
    co_await orders.fewer_than(options.concurrency);
    orders.start(number);
    const OrderSubmitted order = make_order(number);
    co_await bus.publish(order);
  }
  co_await orders.fewer_than(1);
}

BusOptions bus_options(const LoadOptions& options, Transport transport,
                       const asio::any_io_executor& executor) {
  BusOptions bus;
  bus.transport = std::move(transport);
  bus.store = options.store;
  bus.sagas.push_back(make_order_saga(options.saga_name));
  bus.concurrency = options.concurrency;
  bus.executor = executor;
  bus.fire_timers = false;  // none are set; whoever counts requests counts those of the sagas
  bus.ambient = options.ambient;
  return bus;
}

}  // namespace

asio::awaitable<LoadResult> run_load(LoadOptions options, asio::any_io_executor executor) {
  const std::shared_ptr<Clock> clock = options.ambient.clock;
  const auto orders = std::make_shared<Orders>(options.sagas, clock, executor);
  const memory::Transport memory;
  const auto transport = std::make_shared<WatchedTransport>(memory.backend(), orders);
  Bus bus(bus_options(options, Transport(transport), executor));
  co_await bus.start();
  if (options.on_started) options.on_started();
  const nanoseconds began = clock->monotonic();
  const microseconds cpu_before = cpu_time();
  std::exception_ptr error;
  try {
    co_await drive(bus, *orders, options);
  } catch (...) {
    error = std::current_exception();
  }
  LoadResult result;
  result.cpu = cpu_time() - cpu_before;
  result.elapsed = clock->monotonic() - began;
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await bus.stop();
  if (error) std::rethrow_exception(error);
  result.messages = transport->handled();
  result.errors = transport->errors();
  result.ledger = bus.ledger();
  result.p50 = orders->percentile(50);
  result.p99 = orders->percentile(99);
  co_return result;
}

}  // namespace sagabus::tools
