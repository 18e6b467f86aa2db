#include "testing/simulation/queue.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>

namespace sagabus::testing::simulation {
namespace {

namespace asio = boost::asio;

// Entries of a request; the longest delay: what SQS takes.
constexpr std::size_t kMostEntries = 10;
constexpr std::chrono::milliseconds kMaxDelay = std::chrono::minutes(15);

// What is in hand is hidden for this long, and hidden anew so often.
constexpr std::chrono::seconds kHidden(30);
constexpr std::chrono::seconds kHideEvery(10);
constexpr std::chrono::hours kMayHold(12);  // as long as SQS lets it

// What one worker has received and not let go of.
struct InHand {
  struct Held {
    Delivery delivery;
    std::chrono::nanoseconds until{0};  // it is its worker's
  };
  std::vector<Held> all;
  bool is_kept = false;  // somebody sees to it that all stays hidden

  std::vector<Held>::iterator find(const Delivery& delivery) {
    return std::ranges::find(all, delivery.receipt,
                             [](const Held& held) { return held.delivery.receipt; });
  }
  void let_go(const Delivery& delivery) {
    const auto found = find(delivery);
    if (found != all.end()) all.erase(found);
  }
};

// Entries of one request that the service takes. It may have been asked for more.
template <class T>
struct Batch {
  std::vector<T> entries;
  bool all = true;

  void say_what_failed() const {
    if (!all) throw TransientError("some entries of a batch failed");
  }
};

// `in_order`: nothing gets past an entry that fails.
template <class T>
std::vector<Batch<T>> in_batches(std::vector<T> entries, Network& network, bool in_order) {
  std::vector<Batch<T>> batches;
  for (std::size_t begin = 0; begin < entries.size(); begin += kMostEntries) {
    const std::size_t count = std::min(kMostEntries, entries.size() - begin);
    const std::vector<bool> failing = network.failing_of(count);
    Batch<T>& batch = batches.emplace_back();
    for (std::size_t i = 0; i < count; ++i) {
      if (failing[i]) batch.all = false;
      if (!failing[i] && (batch.all || !in_order)) {
        batch.entries.push_back(std::move(entries[begin + i]));
      }
    }
    if (in_order && !batch.all) return batches;
  }
  return batches;
}

asio::awaitable<void> send_batch(std::shared_ptr<Queues> queues, Batch<SendRequest> batch) {
  std::vector<SendRequest> all;
  for (SendRequest& request : batch.entries) {
    queues->sent(request);
    if (queues->copies) {
      for (SendRequest& copy : queues->copies(request)) all.push_back(std::move(copy));
    } else {
      all.push_back(std::move(request));
    }
  }
  co_await queues->messages.backend()->send(std::move(all));
  batch.say_what_failed();
}

asio::awaitable<void> acknowledge_batch(std::shared_ptr<Queues> queues, Batch<Delivery> batch) {
  for (Delivery& delivery : batch.entries) {
    queues->acknowledged(delivery);
    co_await queues->messages.backend()->acknowledge(std::move(delivery));
  }
  batch.say_what_failed();
}

// Those that were hidden.
asio::awaitable<std::vector<Delivery>> hide_all(std::shared_ptr<Queues> queues,
                                                std::vector<Delivery> deliveries) {
  std::erase_if(deliveries,
                [&](const Delivery& it) { return !queues->messages.hide(it, kHidden); });
  co_return deliveries;
}

asio::awaitable<void> hide_anew(std::shared_ptr<Queues> queues, std::shared_ptr<Network> network,
                                std::shared_ptr<InHand> in_hand) {
  std::vector<Delivery> asked;
  for (const InHand::Held& held : in_hand->all) asked.push_back(held.delivery);
  const auto until = network->clock().monotonic() + kHidden;
  auto hiding = network->call<std::vector<Delivery>>(
      "hide", [queues, asked = std::move(asked)] { return hide_all(queues, asked); });
  const std::vector<Delivery> hidden = co_await std::move(hiding);
  for (const Delivery& delivery : hidden) {
    const auto held = in_hand->find(delivery);
    if (held != in_hand->all.end()) held->until = until;
  }
}

// For as long as anything is in hand.
asio::awaitable<void> keep_hidden(std::shared_ptr<Queues> queues, std::shared_ptr<Network> network,
                                  std::shared_ptr<InHand> in_hand) {
  while (!in_hand->all.empty()) {
    co_await network->clock().sleep_for(kHideEvery);
    try {
      auto hiding = hide_anew(queues, network, in_hand);
      co_await std::move(hiding);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): soon again
    }
  }
  in_hand->is_kept = false;
}

class Queue final : public TransportBackend {
 public:
  Queue(std::shared_ptr<Queues> queues, std::shared_ptr<Network> network, bool holds)
      : queues_(std::move(queues)), network_(std::move(network)), holds_(holds) {}

  std::string describe() const override { return "simulation:"; }
  asio::awaitable<void> subscribe(Subscription subscription) override {
    return inner().subscribe(std::move(subscription));
  }
  asio::awaitable<void> send(std::vector<SendRequest> requests) override {
    const bool in_order = queues_->in_order;
    std::exception_ptr failure;
    for (auto& batch : in_batches(std::move(requests), *network_, in_order)) {
      auto sending = network_->call<void>("send", [queues = queues_, batch = std::move(batch)] {
        return send_batch(queues, batch);
      });
      try {
        co_await std::move(sending);
      } catch (const Error&) {
        failure = std::current_exception();
      }
      if (failure && in_order) break;
    }
    if (failure) std::rethrow_exception(failure);
  }
  asio::awaitable<std::vector<Delivery>> receive(std::string endpoint, std::size_t most) override {
    if (!holds_) return take(std::move(endpoint), most);
    return take_in_hand(std::move(endpoint), most);
  }
  asio::awaitable<void> acknowledge(Delivery delivery) override {
    return acknowledge_all(std::vector<Delivery>(1, std::move(delivery)));
  }
  asio::awaitable<void> acknowledge_all(std::vector<Delivery> deliveries) override {
    for (const Delivery& delivery : deliveries) in_hand_->let_go(delivery);
    return acknowledge_these(std::move(deliveries));
  }
  asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override {
    in_hand_->let_go(delivery);
    return network_->call<void>("give back",
                                [queues = queues_, delivery = std::move(delivery), how] {
                                  return queues->messages.backend()->give_back(delivery, how);
                                });
  }
  std::chrono::nanoseconds may_hold(const Delivery& delivery) const override {
    const auto held = in_hand_->find(delivery);
    if (held == in_hand_->all.end() || held->until <= network_->clock().monotonic()) return {};
    ++queues_->holds;
    return kMayHold;
  }
  std::chrono::milliseconds max_delay() const override { return kMaxDelay; }

 private:
  TransportBackend& inner() const { return *queues_->messages.backend(); }

  asio::awaitable<void> acknowledge_these(std::vector<Delivery> deliveries) {
    for (auto& batch : in_batches(std::move(deliveries), *network_, false)) {
      auto acknowledging =
          network_->call<void>("acknowledge", [queues = queues_, batch = std::move(batch)] {
            return acknowledge_batch(queues, batch);
          });
      co_await std::move(acknowledging);
    }
  }

  // The wait is the service's. What it hands out and nobody hears of comes back by itself.
  asio::awaitable<std::vector<Delivery>> take(std::string endpoint, std::size_t most) {
    return network_->ask<std::vector<Delivery>>(
        "receive", [queues = queues_, endpoint = std::move(endpoint), most] {
          return queues->messages.backend()->receive(endpoint, most);
        });
  }
  asio::awaitable<std::vector<Delivery>> take_in_hand(std::string endpoint, std::size_t most) {
    const std::shared_ptr<InHand> in_hand = in_hand_;
    const std::shared_ptr<Queues> queues = queues_;
    const std::shared_ptr<Network> network = network_;
    auto taking = take(std::move(endpoint), most);
    std::vector<Delivery> taken = co_await std::move(taking);
    const auto until = network->clock().monotonic() + kHidden;
    for (const Delivery& delivery : taken) in_hand->all.push_back({delivery, until});
    if (!std::exchange(in_hand->is_kept, true)) {
      const asio::any_io_executor executor = co_await asio::this_coro::executor;
      asio::co_spawn(executor, keep_hidden(queues, network, in_hand), asio::detached);
    }
    co_return taken;
  }

  const std::shared_ptr<Queues> queues_;
  const std::shared_ptr<Network> network_;
  const bool holds_;
  const std::shared_ptr<InHand> in_hand_ = std::make_shared<InHand>();
};

}  // namespace

Transport over_network(std::shared_ptr<Queues> queues, std::shared_ptr<Network> network,
                       bool holds) {
  return Transport(std::make_shared<Queue>(std::move(queues), std::move(network), holds));
}

}  // namespace sagabus::testing::simulation
