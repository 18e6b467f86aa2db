// Who gets which message, and how it looks.
#include "sagabus/conformance/transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>
#include <ostream>
#include <set>
#include <thread>

#include "conformance/concurrent.hpp"
#include "conformance/equivalent.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::testing {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

// So that the linker takes all files of the suite where it takes this one.
void link_transport_order_conformance();
void link_transport_timing_conformance();

void PrintTo(const TransportFactory&, std::ostream* out) {
  *out << "a transport";
}

TransportConformance::TransportConformance()
    : clock_(std::make_shared<VirtualClock>()), nonce_(new_nonce(*system_random())) {
  link_transport_order_conformance();
  link_transport_timing_conformance();
  if (GetParam().virtual_clock) ambient_.clock = clock_;
  settings_.ambient = ambient_;
  transport_ = GetParam().make(settings_);
}

// A program may use the virtual clock alone.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TransportConformance);

TransportConformance::~TransportConformance() = default;

void TransportConformance::run(asio::awaitable<void> test) {
  asio::io_context context(1);
  bool done = false;
  std::exception_ptr failure;
  asio::co_spawn(context, std::move(test), [&](std::exception_ptr error) {
    done = true;
    failure = std::move(error);
  });
  const auto deadline = std::chrono::steady_clock::now() + seconds(60);
  while (!done) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the test hangs");
    if (context.poll() > 0) continue;
    if (!GetParam().virtual_clock) {
      context.run_one_for(seconds(1));
    } else if (context.run_one_for(GetParam().quiet_time) == 0 && !clock_->advance_to_next()) {
      context.run_one_for(milliseconds(10));
    }
  }
  if (failure) std::rethrow_exception(failure);
}

std::string TransportConformance::endpoint(std::string_view name) const {
  return fmt::format("{}-{}", name, nonce_);
}

std::string TransportConformance::type(std::string_view name) const {
  return fmt::format("{}-{}", name, nonce_);
}

asio::awaitable<void> TransportConformance::subscribe(std::string endpoint_name,
                                                      std::vector<std::string> type_names) {
  Subscription subscription;
  subscription.endpoint = endpoint(endpoint_name);
  for (const std::string& name : type_names) subscription.types.push_back(type(name));
  co_await backend().subscribe(std::move(subscription));
}

EnvelopePtr TransportConformance::message(std::string id, std::string type_name) const {
  Envelope e;
  e.id = std::move(id);
  e.type = type(type_name);
  e.payload = Value(Object{{"number", Value(1)}});
  e.timestamp = now();
  return std::make_shared<const Envelope>(std::move(e));
}

asio::awaitable<void> TransportConformance::send(SendRequest request) {
  if (!request.endpoint.empty()) request.endpoint = endpoint(request.endpoint);
  std::vector<SendRequest> requests;
  requests.push_back(std::move(request));
  co_await backend().send(std::move(requests));
}

asio::awaitable<void> TransportConformance::send_to(std::string endpoint_name,
                                                    EnvelopePtr envelope) {
  SendRequest request;
  request.envelope = std::move(envelope);
  request.endpoint = std::move(endpoint_name);
  co_await send(std::move(request));
}

asio::awaitable<void> TransportConformance::publish(EnvelopePtr envelope) {
  co_await send_to(std::string(), std::move(envelope));
}

asio::awaitable<std::vector<Delivery>> TransportConformance::receive(std::string endpoint_name,
                                                                     milliseconds time,
                                                                     std::size_t most) {
  using namespace asio::experimental::awaitable_operators;
  auto deliveries = backend().receive(endpoint(endpoint_name), most);
  auto timeout = ambient_.clock->sleep_for(time);
  auto both = std::move(deliveries) || std::move(timeout);
  auto result = co_await std::move(both);
  if (result.index() == 1) co_return std::vector<Delivery>();
  co_return std::get<0>(std::move(result));
}

asio::awaitable<std::vector<std::string>> TransportConformance::receive_all(
    std::string endpoint_name) {
  std::vector<std::string> ids;
  for (;;) {
    std::vector<Delivery> deliveries = co_await receive(endpoint_name);
    if (deliveries.empty()) co_return ids;
    for (Delivery& delivery : deliveries) {
      ids.push_back(delivery.envelope ? delivery.envelope->id : delivery.malformed->problem);
      co_await backend().acknowledge(std::move(delivery));
    }
  }
}

asio::awaitable<void> TransportConformance::sleep(milliseconds time) {
  co_await ambient_.clock->sleep_for(time);
}

namespace {

using Ids = std::vector<std::string>;

Ids sorted(Ids ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST_P(TransportConformance, SaysWhatItIs) {
  EXPECT_FALSE(backend().describe().empty());
  EXPECT_GE(backend().max_delay(), milliseconds(0));
}

TEST_P(TransportConformance, APublishedMessageReachesEverySubscriberOnce) {
  run([&]() -> asio::awaitable<void> {
    const Ids both{"T", "U"};
    const Ids only_t{"T"};
    const Ids only_u{"U"};
    co_await subscribe("a", both);
    co_await subscribe("b", only_t);
    co_await subscribe("c", only_u);
    co_await publish(message("m1", "T"));
    co_await publish(message("m2", "U"));
    const Ids of_a = co_await receive_all("a");
    const Ids of_b = co_await receive_all("b");
    const Ids of_c = co_await receive_all("c");
    EXPECT_EQ(sorted(of_a), (Ids{"m1", "m2"}));
    EXPECT_EQ(of_b, Ids{"m1"});
    EXPECT_EQ(of_c, Ids{"m2"});
  }());
}

TEST_P(TransportConformance, ATypeThatNobodyTakesIsNoError) {
  run([&]() -> asio::awaitable<void> {
    const Ids types{"T"};
    co_await subscribe("a", types);
    co_await publish(message("m1", "Unknown"));
    const Ids ids = co_await receive_all("a");
    EXPECT_EQ(ids, Ids{});
  }());
}

TEST_P(TransportConformance, AnEndpointThatIsNamedGetsTheMessageAlone) {
  run([&]() -> asio::awaitable<void> {
    const Ids types{"T"};
    co_await subscribe("a", types);
    co_await send_to("b", message("m1", "T"));  // which nobody has made known
    const Ids of_a = co_await receive_all("a");
    const Ids of_b = co_await receive_all("b");
    EXPECT_EQ(of_a, Ids{});
    EXPECT_EQ(of_b, Ids{"m1"});
  }());
}

TEST_P(TransportConformance, SubscribingAgainReplacesTheTypes) {
  run([&]() -> asio::awaitable<void> {
    const Ids before{"T", "U"};
    const Ids after{"U", "V", "V"};
    co_await subscribe("a", before);
    co_await subscribe("a", before);
    co_await subscribe("a", after);
    co_await publish(message("m1", "T"));
    co_await publish(message("m2", "U"));
    co_await publish(message("m3", "V"));
    const Ids ids = co_await receive_all("a");
    EXPECT_EQ(sorted(ids), (Ids{"m2", "m3"}));
  }());
}

TEST_P(TransportConformance, ManyMessagesInOneCall) {
  run([&]() -> asio::awaitable<void> {
    std::vector<SendRequest> requests;
    std::set<std::string> sent;
    for (int i = 0; i < 120; ++i) {
      SendRequest& request = requests.emplace_back();
      request.envelope = message(fmt::format("m{}", i));
      request.endpoint = endpoint(i % 2 ? "a" : "b");
      sent.insert(request.envelope->id);
    }
    co_await backend().send(std::move(requests));
    co_await backend().send(std::vector<SendRequest>());
    Ids ids = co_await receive_all("a");
    const Ids more = co_await receive_all("b");
    EXPECT_EQ(ids.size(), 60U);
    ids.insert(ids.end(), more.begin(), more.end());
    EXPECT_EQ(ids.size(), 120U);
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), sent);
  }());
}

TEST_P(TransportConformance, AnEndpointKeepsTheOrder) {
  if (!GetParam().ordered) GTEST_SKIP() << "this transport keeps no order";
  run([&]() -> asio::awaitable<void> {
    Ids sent;
    for (int i = 0; i < 100; ++i) {
      sent.push_back(fmt::format("m{}", i));
      co_await send_to("a", message(sent.back()));
    }
    Ids received;
    while (received.size() < sent.size()) {
      std::vector<Delivery> batch = co_await receive("a", milliseconds(500), 7);
      if (batch.empty()) break;
      EXPECT_LE(batch.size(), 7U);
      for (Delivery& delivery : batch) {
        received.push_back(delivery.envelope->id);
        co_await backend().acknowledge(std::move(delivery));
      }
    }
    EXPECT_EQ(received, sent);
  }());
}

TEST_P(TransportConformance, ReceivesAtMostWhatIsAskedFor) {
  run([&]() -> asio::awaitable<void> {
    for (int i = 0; i < 10; ++i) co_await send_to("a", message(fmt::format("m{}", i)));
    for (const std::size_t most : {1U, 2U, 3U}) {
      const std::vector<Delivery> batch = co_await receive("a", milliseconds(500), most);
      EXPECT_GE(batch.size(), 1U);
      EXPECT_LE(batch.size(), most);
    }
  }());
}

TEST_P(TransportConformance, AFirstDeliverySaysSo) {
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", message("m1"));
    const std::vector<Delivery> batch = co_await receive("a");
    EXPECT_EQ(batch.size(), 1U);
    if (batch.size() != 1) co_return;
    EXPECT_EQ(batch[0].failures, 0U);
    EXPECT_FALSE(batch[0].redelivered);
    EXPECT_EQ(batch[0].malformed, nullptr);
  }());
}

TEST_P(TransportConformance, AnEnvelopeArrivesAsItWasSent) {
  auto e = std::make_shared<Envelope>(*message("id \"ü\" 🚀"));
  e->payload = Value(Object{
      {"null", Value()},
      {"yes", Value(true)},
      {"least", Value(std::numeric_limits<std::int64_t>::min())},
      {"most", Value(std::numeric_limits<std::uint64_t>::max())},
      {"double", Value(0.30000000000000004)},
      {"tiny", Value(5e-324)},
      {"huge", Value(1.7976931348623157e308)},
      {"text", Value("Grüße \"世界\" \\ \n 🚀")},
      {"empty", Value("")},
      {"bytes", Value(Bytes{std::byte{0}, std::byte{255}, std::byte{127}})},
      {"list", Value(Array{Value(1), Value("two"), Value(Array{}), Value(Object{})})},
      {"a.b \"c\" #", Value(Object{{"in", Value(Array{Value(Object{{"it", Value(-1)}})})}})}});
  e->headers = {
      {"x-saga-attempt", "2"}, {"traceparent", "00-abc-def-01"}, {"Ü", "\"ü\""}, {"empty", ""}};
  e->timestamp = TimePoint(milliseconds(1'767'225'600'123));
  e->partition_key = "customer/7 🚀";
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", e);
    const std::vector<Delivery> batch = co_await receive("a");
    EXPECT_EQ(batch.size(), 1U);
    if (batch.size() != 1 || !batch[0].envelope) co_return;
    const Envelope& found = *batch[0].envelope;
    EXPECT_EQ(found.id, e->id);
    EXPECT_EQ(found.type, e->type);
    EXPECT_EQ(found.headers, e->headers);
    EXPECT_EQ(found.timestamp, e->timestamp);
    EXPECT_EQ(found.partition_key, e->partition_key);
    EXPECT_TRUE(is_equivalent(found.payload, e->payload));
  }());
}

TEST_P(TransportConformance, PayloadsNeedNotBeObjects) {
  run([&]() -> asio::awaitable<void> {
    const std::vector<Value> payloads{Value(), Value(1), Value("text"), Value(Array{}),
                                      Value(Object{})};
    int number = 0;
    for (const Value& payload : payloads) {
      auto e = std::make_shared<Envelope>(*message(fmt::format("m{}", number++)));
      e->payload = payload;
      co_await send_to("a", std::move(e));
      std::vector<Delivery> batch = co_await receive("a");
      EXPECT_EQ(batch.size(), 1U);
      if (batch.size() != 1) co_return;
      EXPECT_TRUE(is_equivalent(batch[0].envelope->payload, payload));
      co_await backend().acknowledge(std::move(batch[0]));
    }
  }());
}

TEST_P(TransportConformance, TakesLargeMessages) {
  const std::size_t size = std::min<std::size_t>(200 * 1024, GetParam().max_message_bytes - 1024);
  auto e = std::make_shared<Envelope>(*message("m1"));
  e->payload = Value(Object{{"text", Value(std::string(size, 'x'))}});
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", e);
    const std::vector<Delivery> batch = co_await receive("a");
    EXPECT_EQ(batch.size(), 1U);
    if (batch.size() == 1) {
      EXPECT_EQ(*batch[0].envelope, *e);
    }
  }());
}

TEST_P(TransportConformance, AWaitingReceiverWakesWhenAnotherThreadSends) {
  asio::io_context context(1);
  std::vector<Delivery> received;
  asio::co_spawn(context, backend().receive(endpoint("a"), 10),
                 [&](const std::exception_ptr&, std::vector<Delivery> deliveries) {
                   received = std::move(deliveries);
                   context.stop();
                 });
  context.poll();  // the receiver waits now
  std::thread sender([&] { sync_wait(send_to("a", message("m1"))); });
  context.restart();
  context.run_for(seconds(20));
  sender.join();
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].envelope->id, "m1");
}

TEST_P(TransportConformance, ConcurrentReceiversGetEachMessageOnce) {
  constexpr int kMessages = 1000;
  constexpr int kSenders = 4;
  constexpr int kReceivers = 4;
  std::mutex mutex;
  std::multiset<std::string> received;
  std::atomic<int> running = kReceivers;
  const auto work = [&](int i) -> asio::awaitable<void> {
    if (i < kSenders) {
      for (int m = i; m < kMessages; m += kSenders) {
        co_await send_to("a", message(fmt::format("m{}", m)));
      }
      co_return;
    }
    for (bool stop = false; !stop;) {
      std::vector<Delivery> batch = co_await backend().receive(endpoint("a"), 5);
      for (Delivery& delivery : batch) {
        const bool stops = delivery.envelope->id.starts_with("stop");
        stop = stop || stops;
        {
          const std::lock_guard lock(mutex);
          if (!stops) received.insert(delivery.envelope->id);
          stop = stop || received.size() >= kMessages;
        }
        co_await backend().acknowledge(std::move(delivery));
      }
    }
    // The others may still wait: one message for each lets them end.
    const int others = --running;
    if (others > 0) co_await send_to("a", message(fmt::format("stop{}", others)));
  };
  run_concurrently(4, kSenders + kReceivers, work);
  EXPECT_EQ(received.size(), static_cast<std::size_t>(kMessages));
  EXPECT_EQ(std::set<std::string>(received.begin(), received.end()).size(), received.size());
}

}  // namespace
}  // namespace sagabus::testing
