// What depends on time: visibility, giving back, delays, deduplication, cancellation.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <set>

#include "sagabus/conformance/transport.hpp"

namespace sagabus::testing {

void link_transport_timing_conformance() {}

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using Ids = std::vector<std::string>;

constexpr milliseconds kShort(500);
constexpr milliseconds kLong(4000);  // longer than the visibility timeout of 2 s

SendRequest request_to(std::string endpoint, EnvelopePtr envelope) {
  SendRequest request;
  request.endpoint = std::move(endpoint);
  request.envelope = std::move(envelope);
  return request;
}

GiveBack after(milliseconds delay, bool failed) {
  GiveBack how;
  how.delay = delay;
  how.failed = failed;
  return how;
}

// The one delivery that is expected; throws, and so fails the test, where there are others.
Delivery only(std::vector<Delivery> batch) {
  if (batch.size() != 1) throw std::runtime_error(fmt::format("{} deliveries", batch.size()));
  return std::move(batch.front());
}

TEST_P(TransportConformance, AReceivedMessageIsHidden) {
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", message("m1"));
    const std::vector<Delivery> first = co_await receive("a");
    const std::vector<Delivery> second = co_await receive("a");
    EXPECT_EQ(first.size(), 1U);
    EXPECT_EQ(second.size(), 0U);
  }());
}

TEST_P(TransportConformance, AnAcknowledgedMessageIsGone) {
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", message("m1"));
    const Delivery delivery = only(co_await receive("a"));
    co_await backend().acknowledge(delivery);
    co_await backend().acknowledge(delivery);  // harmless
    const std::vector<Delivery> later = co_await receive("a", kLong);
    EXPECT_EQ(later.size(), 0U);
  }());
}

TEST_P(TransportConformance, AMessageWhoseTimeRanOutIsDeliveredAgain) {
  run([&]() -> asio::awaitable<void> {
    const EnvelopePtr sent = message("m1");
    co_await send_to("a", sent);
    const Delivery first = only(co_await receive("a"));
    const TimePoint taken_at = now();
    const Delivery second = only(co_await receive("a", kLong));
    EXPECT_GE(now() - taken_at, milliseconds(1900));
    EXPECT_LE(now() - taken_at, milliseconds(3500));
    EXPECT_TRUE(second.redelivered);
    EXPECT_EQ(second.failures, 0U);
    EXPECT_EQ(second.envelope->id, sent->id);
    EXPECT_EQ(second.envelope->timestamp, sent->timestamp);
    co_await backend().acknowledge(second);
    const std::vector<Delivery> later = co_await receive("a", kLong);
    EXPECT_EQ(later.size(), 0U);
  }());
}

TEST_P(TransportConformance, AStaleReceiptDoesNothing) {
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", message("m1"));
    const Delivery first = only(co_await receive("a"));
    const Delivery second = only(co_await receive("a", kLong));
    co_await backend().acknowledge(first);
    co_await backend().give_back(first, after(milliseconds(0), true));
    const std::vector<Delivery> meanwhile = co_await receive("a");
    EXPECT_EQ(meanwhile.size(), 0U);  // it is still with the second
    const Delivery third = only(co_await receive("a", kLong));
    EXPECT_EQ(third.failures, 0U);
    co_await backend().acknowledge(third);
    co_await backend().acknowledge(second);
    const std::vector<Delivery> later = co_await receive("a", kLong);
    EXPECT_EQ(later.size(), 0U);
  }());
}

TEST_P(TransportConformance, AMessageThatIsGivenBackComesAtOnce) {
  run([&]() -> asio::awaitable<void> {
    const EnvelopePtr sent = message("m1");
    co_await send_to("a", sent);
    const Delivery first = only(co_await receive("a"));
    co_await backend().give_back(first, after(milliseconds(0), false));
    co_await backend().acknowledge(first);  // too late: harmless
    const Delivery second = only(co_await receive("a"));
    EXPECT_FALSE(second.redelivered);  // nothing was in doubt
    EXPECT_EQ(second.failures, 0U);
    EXPECT_EQ(*second.envelope, *sent);
    co_await backend().acknowledge(second);
    co_await backend().give_back(second, after(milliseconds(0), true));  // harmless too
    const std::vector<Delivery> later = co_await receive("a", kLong);
    EXPECT_EQ(later.size(), 0U);
  }());
}

TEST_P(TransportConformance, AMessageIsGivenBackWithADelay) {
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", message("m1"));
    co_await backend().give_back(only(co_await receive("a")), after(milliseconds(1500), false));
    const TimePoint given_back_at = now();
    const std::vector<Delivery> early = co_await receive("a", milliseconds(1000));
    EXPECT_EQ(early.size(), 0U);
    const Delivery later = only(co_await receive("a", kLong));
    EXPECT_GE(now() - given_back_at, milliseconds(1400));
    EXPECT_LE(now() - given_back_at, milliseconds(3500));
    EXPECT_EQ(later.envelope->id, "m1");
  }());
}

TEST_P(TransportConformance, OnlyFailuresCount) {
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", message("m1"));
    unsigned failures = 0;
    for (const bool failed : {true, false, true, true, false}) {
      const Delivery delivery = only(co_await receive("a"));
      EXPECT_EQ(delivery.failures, failures);
      co_await backend().give_back(delivery, after(milliseconds(0), failed));
      if (failed) ++failures;
    }
    const Delivery lost = only(co_await receive("a"));  // runs out of time, which does not count
    EXPECT_EQ(lost.failures, 3U);
    const Delivery last = only(co_await receive("a", kLong));
    EXPECT_EQ(last.failures, 3U);
  }());
}

TEST_P(TransportConformance, WhatIsGivenBackAsUncertainStaysSo) {
  run([&]() -> asio::awaitable<void> {
    co_await send_to("a", message("m1"));
    const Delivery first = only(co_await receive("a"));
    EXPECT_FALSE(first.redelivered);
    GiveBack uncertain;
    uncertain.uncertain = true;
    co_await backend().give_back(first, uncertain);
    const Delivery second = only(co_await receive("a"));
    EXPECT_TRUE(second.redelivered);
    co_await backend().give_back(second, after(milliseconds(0), true));
    const Delivery third = only(co_await receive("a"));
    EXPECT_TRUE(third.redelivered);
    co_await backend().acknowledge(third);
  }());
}

TEST_P(TransportConformance, AnEndpointDoesNotSeeWhatAnotherDoes) {
  run([&]() -> asio::awaitable<void> {
    const Ids types{"T"};
    co_await subscribe("a", types);
    co_await subscribe("b", types);
    co_await publish(message("m1"));
    const Delivery of_a = only(co_await receive("a"));
    co_await backend().acknowledge(of_a);
    const Delivery of_b = only(co_await receive("b"));
    EXPECT_FALSE(of_b.redelivered);
    co_await backend().give_back(of_b, after(milliseconds(0), true));
    const Delivery again = only(co_await receive("b"));
    EXPECT_EQ(again.failures, 1U);
  }());
}

TEST_P(TransportConformance, ADeduplicationKeyCountsOncePerEndpoint) {
  if (!GetParam().deduplicates) GTEST_SKIP() << "a transport that drops nothing";
  run([&]() -> asio::awaitable<void> {
    const Ids types{"T"};
    co_await subscribe("a", types);
    co_await subscribe("b", types);
    SendRequest request = request_to("", message("m1"));
    request.deduplication_key = "key 1";
    co_await send(request);
    co_await send(request);
    const Ids first_of_a = co_await receive_all("a");
    EXPECT_EQ(first_of_a, Ids{"m1"});
    co_await send(request);  // also after it was acknowledged
    SendRequest direct = request_to("c", message("m1"));
    direct.deduplication_key = "key 1";
    co_await send(direct);
    const Ids more_of_a = co_await receive_all("a");
    const Ids of_b = co_await receive_all("b");
    const Ids of_c = co_await receive_all("c");
    EXPECT_EQ(more_of_a, Ids{});
    EXPECT_EQ(of_b, Ids{"m1"});
    EXPECT_EQ(of_c, Ids{"m1"});
  }());
}

TEST_P(TransportConformance, AnotherKeyIsAnotherSending) {
  if (!GetParam().deduplicates) GTEST_SKIP() << "a transport that drops nothing";
  run([&]() -> asio::awaitable<void> {
    // The same message, sent anew: a retry, which is no repeat.
    std::vector<SendRequest> requests;
    for (const char* key : {"key 1", "key 2", "key 1", "", ""}) {
      SendRequest& request = requests.emplace_back(request_to(endpoint("a"), message("m1")));
      request.deduplication_key = key;
    }
    co_await backend().send(requests);
    const Ids ids = co_await receive_all("a");
    EXPECT_EQ(ids.size(), 3U);
  }());
}

TEST_P(TransportConformance, AKeyIsForgottenAfterTheWindow) {
  if (!GetParam().deduplicates || !GetParam().window_is_set)
    GTEST_SKIP() << "a window that a test cannot wait for";
  run([&]() -> asio::awaitable<void> {
    SendRequest request = request_to("a", message("m1"));
    request.deduplication_key = "key 1";
    co_await send(request);
    const Ids first = co_await receive_all("a");
    co_await sleep(milliseconds(3000));
    co_await send(request);
    const Ids within = co_await receive_all("a");
    co_await sleep(milliseconds(5500));
    co_await send(request);
    const Ids after_it = co_await receive_all("a");
    EXPECT_EQ(first, Ids{"m1"});
    EXPECT_EQ(within, Ids{});
    EXPECT_EQ(after_it, Ids{"m1"});
  }());
}

TEST_P(TransportConformance, AMessageIsNotDeliveredBeforeItsTime) {
  if (backend().max_delay() < milliseconds(3000)) GTEST_SKIP() << "no delays so long";
  run([&]() -> asio::awaitable<void> {
    SendRequest late = request_to("a", message("late"));
    const TimePoint due = now() + milliseconds(3000);
    late.not_before = due;
    SendRequest past = request_to("a", message("past"));
    past.not_before = now() - milliseconds(3000);
    co_await send(late);
    co_await send(past);
    const Ids early = co_await receive_all("a");
    EXPECT_EQ(early, Ids{"past"});
    EXPECT_LT(now(), due);
    const Delivery delivery = only(co_await receive("a", kLong));
    EXPECT_EQ(delivery.envelope->id, "late");
    EXPECT_GE(now(), due);
    EXPECT_LE(now(), due + milliseconds(1500));
  }());
}

// An earlier message must not wait for the time at which the receiver meant to wake.
TEST_P(TransportConformance, AWaitingReceiverWakesForTheEarliest) {
  if (backend().max_delay() < milliseconds(9000)) GTEST_SKIP() << "no delays so long";
  run([&]() -> asio::awaitable<void> {
    SendRequest late = request_to("a", message("late"));
    late.not_before = now() + milliseconds(9000);
    co_await send(late);
    std::vector<Delivery> received;
    TimePoint received_at{};
    auto executor = co_await asio::this_coro::executor;
    auto waiting = [&]() -> asio::awaitable<void> {
      received = co_await receive("a", milliseconds(8000));
      received_at = now();
    };
    asio::co_spawn(executor, waiting(), asio::detached);
    co_await sleep(milliseconds(200));
    SendRequest early = request_to("a", message("early"));
    const TimePoint due = now() + milliseconds(1000);
    early.not_before = due;
    co_await send(early);
    co_await sleep(milliseconds(8500));
    EXPECT_EQ(received.size(), 1U);
    if (received.size() != 1) co_return;
    EXPECT_EQ(received[0].envelope->id, "early");
    EXPECT_GE(received_at, due);
    EXPECT_LE(received_at, due + milliseconds(1500));
  }());
}

// The receiver that meant to wake in time leaves; another one that waits must take its place.
TEST_P(TransportConformance, WhoStillWaitsWakesInTheOthersPlace) {
  if (backend().max_delay() < milliseconds(1500)) GTEST_SKIP() << "no delays so long";
  run([&]() -> asio::awaitable<void> {
    std::vector<Delivery> received;
    TimePoint received_at{};
    auto executor = co_await asio::this_coro::executor;
    auto short_wait = [&]() -> asio::awaitable<void> { co_await receive("a", kShort); };
    auto long_wait = [&]() -> asio::awaitable<void> {
      received = co_await receive("a", milliseconds(8000));
      received_at = now();
    };
    asio::co_spawn(executor, short_wait(), asio::detached);
    asio::co_spawn(executor, long_wait(), asio::detached);
    asio::co_spawn(executor, short_wait(), asio::detached);
    co_await sleep(milliseconds(100));
    SendRequest late = request_to("a", message("late"));
    const TimePoint due = now() + milliseconds(1500);
    late.not_before = due;
    co_await send(late);
    co_await sleep(milliseconds(9000));
    EXPECT_EQ(received.size(), 1U);
    EXPECT_GE(received_at, due);
    EXPECT_LE(received_at, due + milliseconds(1500));
  }());
}

TEST_P(TransportConformance, CancellingAReceiveLosesNothing) {
  run([&]() -> asio::awaitable<void> {
    constexpr int kMessages = 60;
    std::multiset<std::string> received;
    auto executor = co_await asio::this_coro::executor;
    auto sender = [&]() -> asio::awaitable<void> {
      for (int i = 0; i < kMessages; ++i) {
        co_await send_to("a", message(fmt::format("m{}", i)));
        co_await sleep(milliseconds(1 + i % 3));
      }
    };
    asio::co_spawn(executor, sender(), asio::detached);
    // Waits that mostly end by cancellation, some of them just when a message comes.
    for (int i = 0; i < 4 * kMessages && received.size() < kMessages; ++i) {
      std::vector<Delivery> batch = co_await receive("a", milliseconds(1 + i % 2), 1);
      for (Delivery& delivery : batch) {
        received.insert(delivery.envelope->id);
        co_await backend().acknowledge(std::move(delivery));
      }
    }
    // What a cancelled receive had taken comes again when its time has run out.
    for (bool more = true; more;) {
      std::vector<Delivery> batch = co_await receive("a", kLong);
      more = !batch.empty();
      for (Delivery& delivery : batch) {
        received.insert(delivery.envelope->id);
        co_await backend().acknowledge(std::move(delivery));
      }
    }
    EXPECT_EQ(received.size(), static_cast<std::size_t>(kMessages));
    EXPECT_EQ(std::set<std::string>(received.begin(), received.end()).size(), received.size());
  }());
}

TEST_P(TransportConformance, ACancelledReceiveEndsAtOnce) {
  run([&]() -> asio::awaitable<void> {
    auto executor = co_await asio::this_coro::executor;
    asio::cancellation_signal signal;
    bool ended = false;
    bool threw = false;
    asio::co_spawn(executor, backend().receive(endpoint("a"), 1),
                   asio::bind_cancellation_slot(
                       signal.slot(), [&](const std::exception_ptr& e, std::vector<Delivery>) {
                         ended = true;
                         threw = e != nullptr;
                       }));
    co_await sleep(milliseconds(10));
    EXPECT_FALSE(ended);
    signal.emit(asio::cancellation_type::terminal);
    co_await sleep(GetParam().cancel_time);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(threw);
    // A message that comes afterwards goes to the next receiver.
    co_await send_to("a", message("m1"));
    const Delivery delivery = only(co_await receive("a"));
    EXPECT_EQ(delivery.envelope->id, "m1");
  }());
}

}  // namespace
}  // namespace sagabus::testing
