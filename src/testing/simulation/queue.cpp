#include "testing/simulation/queue.hpp"

namespace sagabus::testing::simulation {
namespace {

namespace asio = boost::asio;

// The longest that SQS takes.
constexpr std::chrono::milliseconds kMaxDelay = std::chrono::minutes(15);

asio::awaitable<void> send_all(std::shared_ptr<Queues> queues, std::vector<SendRequest> requests) {
  std::vector<SendRequest> all;
  for (SendRequest& request : requests) {
    queues->sent(request);
    if (queues->copies) {
      for (SendRequest& copy : queues->copies(request)) all.push_back(std::move(copy));
    } else {
      all.push_back(std::move(request));
    }
  }
  co_await queues->messages.backend()->send(std::move(all));
}

asio::awaitable<void> acknowledge_one(std::shared_ptr<Queues> queues, Delivery delivery) {
  queues->acknowledged(delivery);
  co_await queues->messages.backend()->acknowledge(std::move(delivery));
}

class Queue final : public TransportBackend {
 public:
  Queue(std::shared_ptr<Queues> queues, std::shared_ptr<Network> network)
      : queues_(std::move(queues)), network_(std::move(network)) {}

  std::string describe() const override { return "simulation:"; }
  asio::awaitable<void> subscribe(Subscription subscription) override {
    return inner().subscribe(std::move(subscription));
  }
  // One request after another, as where a batch is larger than the service takes: some may get
  // through.
  asio::awaitable<void> send(std::vector<SendRequest> requests) override {
    for (SendRequest& request : requests) {
      std::vector<SendRequest> one(1, std::move(request));
      auto sending = network_->call<void>(
          "send", [queues = queues_, one = std::move(one)] { return send_all(queues, one); });
      co_await std::move(sending);
    }
  }
  // The wait is the service's. What it hands out and nobody hears of comes back by itself.
  asio::awaitable<std::vector<Delivery>> receive(std::string endpoint, std::size_t most) override {
    return network_->ask<std::vector<Delivery>>(
        "receive", [queues = queues_, endpoint = std::move(endpoint), most] {
          return queues->messages.backend()->receive(endpoint, most);
        });
  }
  asio::awaitable<void> acknowledge(Delivery delivery) override {
    return network_->call<void>("acknowledge", [queues = queues_, delivery = std::move(delivery)] {
      return acknowledge_one(queues, delivery);
    });
  }
  asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override {
    return network_->call<void>("give back",
                                [queues = queues_, delivery = std::move(delivery), how] {
                                  return queues->messages.backend()->give_back(delivery, how);
                                });
  }
  std::chrono::milliseconds max_delay() const override { return kMaxDelay; }

 private:
  TransportBackend& inner() const { return *queues_->messages.backend(); }

  const std::shared_ptr<Queues> queues_;
  const std::shared_ptr<Network> network_;
};

}  // namespace

Transport over_network(std::shared_ptr<Queues> queues, std::shared_ptr<Network> network) {
  return Transport(std::make_shared<Queue>(std::move(queues), std::move(network)));
}

}  // namespace sagabus::testing::simulation
