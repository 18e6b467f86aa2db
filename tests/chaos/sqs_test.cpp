// A transport on SQS whose network does everything that a network may do, and a service that is
// away for half a minute.
//
//   SAGABUS_MESSAGES   how many pass through the mix (800)
//   SAGABUS_SEED       draws the mishaps (a new one each time, printed)
#include <fmt/ranges.h>

#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "chaos/chaos_proxy.hpp"
#include "integration/sqs_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/error.hpp"
#include "support/number_from.hpp"

namespace sagabus::chaos {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

constexpr unsigned kKeys = 25;
constexpr unsigned kReceivers = 4;
constexpr double kSqsMishapRate = 0.04;
constexpr auto kSqsPatience = 120s;
using SteadyTime = std::chrono::steady_clock::time_point;

// What came, in its order, by key.
class Arrivals {
 public:
  explicit Arrivals(std::size_t expected) : missing_(expected) {}
  void add(const Delivery& delivery) {
    const std::lock_guard lock(mutex_);
    const Envelope& envelope = *delivery.envelope;
    if (!seen_.insert(envelope.id).second) {
      ++repeats_;
      return;
    }
    const auto number = envelope.payload.find("number")->if_int64();
    int& last = last_[envelope.partition_key];
    if (static_cast<int>(*number) != ++last) {
      problems_.push_back(
          fmt::format("{} after {} of {}", *number, last - 1, envelope.partition_key));
    }
    --missing_;
  }
  bool all_here() {
    const std::lock_guard lock(mutex_);
    return missing_ == 0;
  }
  std::size_t repeats() {
    const std::lock_guard lock(mutex_);
    return repeats_;
  }
  std::vector<std::string> problems() {
    const std::lock_guard lock(mutex_);
    return problems_;
  }

 private:
  std::mutex mutex_;
  std::size_t missing_;
  std::size_t repeats_ = 0;
  std::set<std::string> seen_;
  std::map<std::string, int> last_;
  std::vector<std::string> problems_;
};

class SqsChaos : public sqs::SqsTest {
 protected:
  SqsChaos() : proxy_(test::sqs_endpoint()) {}

  sqs::ClientOptions through_proxy() {
    sqs::ClientOptions client = client_options();
    client.endpoint = proxy_.endpoint();
    client.attempt_timeout = 1500ms;  // an answer may be slow where all tests run beside it
    client.connect_timeout = 1000ms;
    return client;
  }
  sqs::TransportOptions disturbed() {
    sqs::TransportOptions out = options();
    out.client = sqs::Client(through_proxy());
    out.visibility_timeout = 2s;
    out.wait_time = 1s;
    return out;
  }

  // Sends until it is sent: a repeat bears the same id.
  static void send_surely(const sqs::Transport& transport, const SendRequest& request,
                          SteadyTime end) {
    while (std::chrono::steady_clock::now() < end) {
      try {
        std::vector<SendRequest> one(1, request);
        return sync_wait(transport.backend()->send(std::move(one)));
      } catch (const TransientError&) {  // NOLINT(bugprone-empty-catch): once more
      }
    }
  }

  static void receive_until(const sqs::Transport& transport, Arrivals& arrivals, unsigned seed,
                            SteadyTime end) {
    std::mt19937 random(seed);
    while (!arrivals.all_here() && std::chrono::steady_clock::now() < end) {
      try {
        std::vector<Delivery> back;
        for (Delivery& delivery : receive_within(transport, 2s)) {
          const bool follows = std::any_of(back.begin(), back.end(), [&](const Delivery& it) {
            return it.order_key == delivery.order_key;
          });
          if (follows || random() % 20 == 0) {  // before it is looked at
            back.push_back(std::move(delivery));
            continue;
          }
          arrivals.add(delivery);
          sync_wait(transport.backend()->acknowledge(std::move(delivery)));
        }
        for (; !back.empty(); back.pop_back()) {  // the last first
          sync_wait(transport.backend()->give_back(std::move(back.back()), {}));
        }
      } catch (const TransientError&) {
        std::this_thread::sleep_for(10ms);
      }
    }
  }

  // Many messages of several keys, sent to that endpoint; empty: published.
  void send_through_the_mix(const sqs::TransportOptions& options, const std::string& to);

  ChaosProxy proxy_;
};

void SqsChaos::send_through_the_mix(const sqs::TransportOptions& options, const std::string& to) {
  const unsigned seed = test::number_from("SAGABUS_SEED", std::random_device()());
  const unsigned messages = test::number_from("SAGABUS_MESSAGES", 800);
  std::cout << "SAGABUS_SEED=" << seed << std::endl;
  const sqs::Transport sender(options);
  const sqs::Transport receiver(options);
  sync_wait(receiver.backend()->subscribe({.endpoint = "a", .types = {"Taken"}}));
  Arrivals arrivals(messages);
  proxy_.plan().mix(seed, kSqsMishapRate);
  const SteadyTime end = std::chrono::steady_clock::now() + kSqsPatience;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kReceivers; ++i) {
    threads.emplace_back([&, i] { receive_until(receiver, arrivals, seed + i, end); });
  }
  // Each key's messages are one thread's: the order is theirs to keep.
  for (unsigned part = 0; part < kReceivers; ++part) {
    threads.emplace_back([&, part] {
      for (unsigned n = 0; n < messages; ++n) {
        const unsigned key = n % kKeys;
        if (key % kReceivers != part) continue;
        Envelope message = envelope(fmt::format("m{}", n), fmt::format("k{}", key));
        message.payload = Value(Object{{"number", Value(static_cast<int>(n / kKeys + 1))}});
        send_surely(sender, request(std::move(message), to), end);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  proxy_.plan().mix(seed, 0);
  EXPECT_TRUE(arrivals.all_here());
  EXPECT_THAT(arrivals.problems(), IsEmpty());
  unsigned mishaps = 0;
  for (std::size_t i = 1; i < kMishaps; ++i) mishaps += proxy_.count(static_cast<Mishap>(i));
  EXPECT_GT(mishaps, messages / 100);
  fmt::print("{} messages, {} delivered again, {} mishaps\n", messages, arrivals.repeats(),
             mishaps);
  const sqs::Usage usage = sender.usage();
  EXPECT_EQ(usage.requests.contains("SendMessageBatch"), !to.empty());
  EXPECT_EQ(usage.requests.contains("PublishBatch"), to.empty());
}

TEST_F(SqsChaos, EveryMessageComesInTheOrderOfItsKey) {
  send_through_the_mix(disturbed(), "a");
}

TEST_F(SqsChaos, SoDoesEveryMessageThatComesByATopic) {
  sqs::TransportOptions with_topics = disturbed();
  with_topics.topics.enabled = true;
  with_topics.topics.client = sqs::TopicClient(through_proxy());
  send_through_the_mix(with_topics, "");
}

struct Rung {
  std::string bell;
};
SAGABUS_MESSAGE(Rung, bell)

// Refused, then never answered, then throttled: 30 s in all.
TEST_F(SqsChaos, ABusOutlivesAnOutage) {
  std::mutex mutex;
  std::set<std::string> heard;
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return heard.size();
  };
  const sqs::Transport transport(disturbed());
  BusOptions here;
  here.transport = transport;
  here.services = {Service("ringer").on<Rung>([&](const Rung& m, MessageContext&) {
    const std::lock_guard lock(mutex);
    heard.insert(m.bell);
  })};
  here.threads = 2;
  Bus bus(std::move(here));
  sync_wait(bus.start());
  std::size_t published = 0;
  std::size_t refused = 0;
  const auto publish_for = [&](std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      const Rung bell{fmt::format("bell-{}", published)};
      PublishOptions once;
      once.id = bell.bell;
      try {
        sync_wait(bus.publish(bell, std::move(once)));
        ++published;
      } catch (const TransientError&) {
        ++refused;
      }
      std::this_thread::sleep_for(5ms);
    }
  };
  publish_for(1s);
  const auto receives = [&] { return transport.usage().requests.at("ReceiveMessage"); };
  const std::uint64_t before = receives();
  proxy_.plan().inflict(Mishap::reset_before_request, 50);  // of connections that are open
  proxy_.close_door();
  publish_for(30s);
  EXPECT_GT(refused, 0U);
  proxy_.plan().inflict(Mishap::stall_before_server, 20);
  proxy_.open_door();
  publish_for(10s);
  proxy_.plan().inflict(Mishap::throttle, 20);
  publish_for(5s);
  EXPECT_LT(receives() - before, 600U);  // each second three attempts, twice or so: no busy loop
  const auto end = std::chrono::steady_clock::now() + kSqsPatience;
  while (count() < published && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(count(), published);
  sync_wait(bus.stop());
  fmt::print("{} published, {} tries refused, {} requests\n", published, refused,
             transport.usage().total_requests());
}

}  // namespace
}  // namespace sagabus::chaos
