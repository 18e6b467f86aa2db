// The order by key, of transports that keep one.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "sagabus/conformance/transport.hpp"

namespace sagabus::testing {

void link_transport_order_conformance() {}

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using Ids = std::vector<std::string>;

constexpr milliseconds kPastVisibility(4000);  // longer than the visibility timeout of 2 s

#define SAGABUS_NEEDS_ORDER_BY_KEY() \
  if (!GetParam().ordered_by_key) GTEST_SKIP() << "this transport keeps no order by key"

// "a1" has the key "a".
EnvelopePtr keyed(const EnvelopePtr& message) {
  auto copy = std::make_shared<Envelope>(*message);
  copy->partition_key = message->id.substr(0, 1);
  return copy;
}

Ids ids_of(const std::vector<Delivery>& batch) {
  Ids ids;
  for (const Delivery& delivery : batch) ids.push_back(delivery.envelope->id);
  return ids;
}

Ids of_key(const Ids& ids, char key) {
  Ids out;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(out),
               [&](const std::string& id) { return id.front() == key; });
  return out;
}

GiveBack after(milliseconds delay) {
  GiveBack how;
  how.delay = delay;
  return how;
}

// The one delivery that is expected; throws, and so fails the test, where there are others.
Delivery sole(std::vector<Delivery> batch) {
  if (batch.size() != 1) throw std::runtime_error(fmt::format("{} deliveries", batch.size()));
  return std::move(batch.front());
}

// As who receives must do it: the last first, so that none overtakes another.
asio::awaitable<void> give_all_back(TransportBackend& backend, std::vector<Delivery> batch,
                                    GiveBack how) {
  for (std::size_t i = batch.size(); i-- > 0;) {
    const GiveBack at_once;
    co_await backend.give_back(std::move(batch[i]), i == 0 ? how : at_once);
  }
}

TEST_P(TransportConformance, MessagesOfOneKeyComeInTheirOrder) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    Ids sent;
    for (int i = 0; i < 30; ++i) {
      sent.push_back(fmt::format("{}{}", "abc"[i % 3], i));
      co_await send_to("e", keyed(message(sent.back())));
    }
    Ids received;
    for (;;) {
      std::vector<Delivery> batch = co_await receive("e", milliseconds(500), 4);
      if (batch.empty()) break;
      const Ids ids = ids_of(batch);
      received.insert(received.end(), ids.begin(), ids.end());
      for (Delivery& delivery : batch) co_await backend().acknowledge(std::move(delivery));
    }
    EXPECT_EQ(received.size(), sent.size());
    for (const char key : {'a', 'b', 'c'}) EXPECT_EQ(of_key(received, key), of_key(sent, key));
  }());
}

TEST_P(TransportConformance, NoneComesToAnotherReceiverBeforeAnEarlierOneIsDone) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    co_await send_to("e", keyed(message("a1")));
    const Delivery first = sole(co_await receive("e", milliseconds(500), 1));
    co_await send_to("e", keyed(message("a2")));
    co_await send_to("e", keyed(message("b1")));
    const std::vector<Delivery> meanwhile = co_await receive("e");
    EXPECT_EQ(ids_of(meanwhile), Ids{"b1"});
    co_await backend().acknowledge(first);
    const std::vector<Delivery> then = co_await receive("e");
    EXPECT_EQ(ids_of(then), Ids{"a2"});
  }());
}

TEST_P(TransportConformance, WhatIsGivenBackComesBeforeTheLaterOnesOfItsKey) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    for (const char* id : {"a1", "a2", "a3"}) co_await send_to("e", keyed(message(id)));
    std::vector<Delivery> batch = co_await receive("e", milliseconds(500), 2);
    EXPECT_EQ(ids_of(batch).at(0), "a1");
    auto returning = give_all_back(backend(), std::move(batch), after(milliseconds(0)));
    co_await std::move(returning);
    const Ids all = co_await receive_all("e");
    EXPECT_EQ(all, (Ids{"a1", "a2", "a3"}));
  }());
}

TEST_P(TransportConformance, ADelayHoldsUpItsKeyAlone) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    for (const char* id : {"a1", "a2", "a3"}) co_await send_to("e", keyed(message(id)));
    std::vector<Delivery> batch = co_await receive("e", milliseconds(500), 10);
    const TimePoint given_back_at = now();
    auto returning = give_all_back(backend(), std::move(batch), after(milliseconds(1500)));
    co_await std::move(returning);
    co_await send_to("e", keyed(message("b1")));
    const std::vector<Delivery> meanwhile = co_await receive("e", milliseconds(800));
    EXPECT_EQ(ids_of(meanwhile), Ids{"b1"});
    co_await send_to("e", keyed(message("a4")));
    std::vector<Delivery> next = co_await receive("e", kPastVisibility);
    EXPECT_GE(now() - given_back_at, milliseconds(1400));
    Ids all = ids_of(next);
    for (Delivery& delivery : next) co_await backend().acknowledge(std::move(delivery));
    const Ids rest = co_await receive_all("e");
    all.insert(all.end(), rest.begin(), rest.end());
    EXPECT_EQ(of_key(all, 'a'), (Ids{"a1", "a2", "a3", "a4"}));
  }());
}

TEST_P(TransportConformance, WhoseTimeRanOutComesBeforeTheLaterOnesOfItsKey) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    co_await send_to("e", keyed(message("a1")));
    sole(co_await receive("e", milliseconds(500), 1));
    co_await send_to("e", keyed(message("a2")));
    std::vector<Delivery> next = co_await receive("e", kPastVisibility, 1);
    EXPECT_EQ(ids_of(next), Ids{"a1"});
    for (Delivery& delivery : next) co_await backend().acknowledge(std::move(delivery));
    const Ids rest = co_await receive_all("e");
    EXPECT_EQ(rest, Ids{"a2"});
  }());
}

TEST_P(TransportConformance, ADeliveryNamesTheOrderItStandsIn) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    std::map<std::string, std::string> orders;
    for (const char* id : {"a1", "b1", "a2"}) {
      co_await send_to("e", keyed(message(id)));
      const Delivery delivery = sole(co_await receive("e"));
      orders[id] = delivery.order_key;
      co_await backend().acknowledge(delivery);
    }
    EXPECT_FALSE(orders["a1"].empty());
    EXPECT_EQ(orders["a1"], orders["a2"]);
    EXPECT_NE(orders["a1"], orders["b1"]);
  }());
}

// By the payload, where the subscription says so, whatever the partition key is; where it finds no
// order there, by that.
TEST_P(TransportConformance, ASubscriptionSaysWhatItsOrderGoesBy) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    Subscription subscription;
    subscription.endpoint = endpoint("e");
    subscription.types = {type("T")};
    subscription.order_by = [](const Envelope& envelope) {
      const auto order = envelope.headers.find("order");
      return order == envelope.headers.end() ? std::string() : order->second;
    };
    co_await backend().subscribe(std::move(subscription));
    std::map<std::string, std::string> orders;
    for (const char* id : {"a1", "b1", "c1", "d1", "d2"}) {
      auto envelope = std::make_shared<Envelope>(*keyed(message(id)));
      if (envelope->partition_key != "d") {
        envelope->headers["order"] = envelope->partition_key == "c" ? "two" : "one";
      }
      co_await publish(std::move(envelope));
      const Delivery delivery = sole(co_await receive("e"));
      orders[id] = delivery.order_key;
      co_await backend().acknowledge(delivery);
    }
    EXPECT_EQ(orders["a1"], orders["b1"]);
    EXPECT_NE(orders["a1"], orders["c1"]);
    EXPECT_EQ(orders["d1"], orders["d2"]);
    EXPECT_NE(orders["d1"], orders["a1"]);
  }());
}

// As dead letters are sent on: to another endpoint, which knows nothing of the first one's order.
TEST_P(TransportConformance, WhatIsSentOnKeepsTheOrderItStoodIn) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    co_await send_to("e", keyed(message("a1")));
    const Delivery delivery = sole(co_await receive("e"));
    for (const char* id : {"x1", "y1", "z1"}) {
      SendRequest request;
      request.endpoint = "on";
      request.envelope = keyed(message(id));
      if (request.envelope->partition_key != "z") request.order_key = delivery.order_key;
      co_await send(std::move(request));
    }
    std::vector<Delivery> batch = co_await receive("on", milliseconds(500), 1);
    EXPECT_EQ(ids_of(batch), Ids{"x1"});
    const std::vector<Delivery> meanwhile = co_await receive("on");
    EXPECT_EQ(ids_of(meanwhile), Ids{"z1"});
    for (Delivery& first : batch) co_await backend().acknowledge(std::move(first));
    const std::vector<Delivery> then = co_await receive("on");
    EXPECT_EQ(ids_of(then), Ids{"y1"});
  }());
}

TEST_P(TransportConformance, WhatHasNoKeyWaitsForNothing) {
  SAGABUS_NEEDS_ORDER_BY_KEY();
  run([&]() -> asio::awaitable<void> {
    co_await send_to("e", message("m1"));
    const Delivery first = sole(co_await receive("e", milliseconds(500), 1));
    co_await backend().give_back(first, after(milliseconds(1500)));
    co_await send_to("e", message("m2"));
    const std::vector<Delivery> meanwhile = co_await receive("e", milliseconds(800));
    EXPECT_EQ(ids_of(meanwhile), Ids{"m2"});
  }());
}

}  // namespace
}  // namespace sagabus::testing
