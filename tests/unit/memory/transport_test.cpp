#include "sagabus/memory/transport.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <stdexcept>

#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus {
namespace {

using namespace std::chrono_literals;

std::string option_error(memory::TransportOptions options) {
  try {
    memory::Transport transport(std::move(options));
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "<no error>";
}

EnvelopePtr message(std::string id) {
  Envelope e;
  e.id = std::move(id);
  e.type = "T";
  return std::make_shared<const Envelope>(std::move(e));
}

void send(const Transport& transport, std::string id, std::string key = {}, TimePoint due = {}) {
  SendRequest request;
  request.envelope = message(std::move(id));
  request.endpoint = "a";
  request.deduplication_key = std::move(key);
  request.not_before = due;
  std::vector<SendRequest> requests;
  requests.push_back(std::move(request));
  sync_wait(transport.backend()->send(std::move(requests)));
}

TEST(MemoryTransport, ChecksItsOptions) {
  EXPECT_EQ(option_error({.visibility_timeout = 0ms}),
            "visibility_timeout: 0 ms, expected more than 0");
  EXPECT_EQ(option_error({.deduplication_window = -1ms}),
            "deduplication_window: -1 ms, expected 0 or more");
  EXPECT_EQ(option_error({.visibility_timeout = std::chrono::milliseconds::max()}).substr(0, 18),
            "visibility_timeout");
  EXPECT_EQ(option_error({.ambient = {.clock = nullptr}}), "ambient.clock: missing");
  EXPECT_EQ(option_error({.ambient = {.random = nullptr}}), "ambient.random: missing");
  EXPECT_EQ(option_error(memory::TransportOptions{}), "<no error>");
}

// An alarm that outlived its receiver kept its context busy until a message came due: for hours.
TEST(MemoryTransport, AReceiverThatIsCancelledLeavesNoAlarmBehind) {
  const auto clock = std::make_shared<testing::VirtualClock>();
  const memory::Transport transport{{.ambient = {.clock = clock}}};
  send(transport, "m", "", clock->now() + 1h);
  for (int turns = 0; turns < 5; ++turns) {
    boost::asio::io_context context(1);
    boost::asio::cancellation_signal signal;
    bool aborted = false;
    boost::asio::co_spawn(
        context, transport.backend()->receive("a", 1),
        boost::asio::bind_cancellation_slot(signal.slot(), [&](const std::exception_ptr& error,
                                                               const std::vector<Delivery>& taken) {
          aborted = error && taken.empty();
        }));
    for (int i = 0; i < turns; ++i) context.poll_one();
    signal.emit(boost::asio::cancellation_type::terminal);
    while (context.poll() != 0) {
    }
    EXPECT_TRUE(aborted) << turns;
    EXPECT_TRUE(context.stopped()) << turns;  // it has no work left
  }
}

TEST(MemoryTransport, RefusesAMessageWithoutAnEnvelope) {
  const memory::Transport transport;
  std::vector<SendRequest> requests(2);
  requests[0].envelope = message("m1");
  requests[0].endpoint = "a";
  EXPECT_THROW(sync_wait(transport.backend()->send(requests)), ValidationError);
  EXPECT_EQ(transport.pending("a"), 0U);
}

TEST(MemoryTransport, CanBeLookedInto) {
  Ambient ambient;
  ambient.clock = std::make_shared<testing::VirtualClock>();
  memory::Transport transport{{.ambient = ambient}};
  EXPECT_EQ(transport.pending("a"), 0U);
  EXPECT_TRUE(transport.peek("a").empty());
  EXPECT_TRUE(transport.drain("a").empty());
  send(transport, "m1");
  send(transport, "late", {}, ambient.clock->now() + 1h);
  send(transport, "m2");
  send(transport, "m3");
  const std::vector<Delivery> out = sync_wait(transport.backend()->receive("a", 1));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(transport.pending("a"), 4U);
  const std::vector<EnvelopePtr> waiting = transport.peek("a");
  ASSERT_EQ(waiting.size(), 3U);
  EXPECT_EQ(waiting[0]->id, "m2");
  EXPECT_EQ(waiting[2]->id, "late");
  EXPECT_EQ(transport.drain("a").size(), 3U);
  EXPECT_EQ(transport.pending("a"), 1U);
  sync_wait(transport.backend()->acknowledge(out[0]));
  EXPECT_EQ(transport.pending("a"), 0U);
}

TEST(MemoryTransport, WhatIsInHandIsHiddenForAsLongAsIsSaid) {
  const auto clock = std::make_shared<testing::VirtualClock>();
  memory::Transport transport{{.ambient = {.clock = clock}}};
  for (const char* id : {"m1", "m2", "m3"}) send(transport, id);
  const std::vector<Delivery> out = sync_wait(transport.backend()->receive("a", 3));
  ASSERT_EQ(out.size(), 3U);
  EXPECT_TRUE(transport.hide(out[0], 90s));
  EXPECT_TRUE(transport.hide(out[1], 10s));
  sync_wait(transport.backend()->acknowledge(out[2]));
  EXPECT_FALSE(transport.hide(out[2], 90s));

  // A receiver waits for the one whose time is shorter now than when it began to wait.
  boost::asio::io_context context(1);
  std::vector<std::string> came;
  for (int i = 0; i < 4; ++i) {
    boost::asio::co_spawn(context, transport.backend()->receive("a", 1),
                          [&](const std::exception_ptr&, const std::vector<Delivery>& taken) {
                            for (const Delivery& it : taken) came.push_back(it.envelope->id);
                          });
  }
  context.poll();
  EXPECT_TRUE(transport.hide(out[1], 5s));
  context.poll();
  const auto came_by = [&](std::chrono::seconds time) {
    clock->advance(time - clock->monotonic());
    context.poll();
    return came;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(came_by(4s), Ids{});
  EXPECT_EQ(came_by(5s), Ids{"m2"});
  EXPECT_FALSE(transport.hide(out[1], 90s));  // it is another delivery's now
  EXPECT_EQ(came_by(34s), Ids{"m2"});
  EXPECT_EQ(came_by(35s), (Ids{"m2", "m2"}));
  EXPECT_EQ(came_by(65s), (Ids{"m2", "m2", "m2"}));
  EXPECT_EQ(came_by(89s), (Ids{"m2", "m2", "m2"}));
  EXPECT_EQ(came_by(90s), (Ids{"m2", "m2", "m2", "m1"}));
}

TEST(MemoryTransport, KeysAreBoundedInNumber) {
  memory::Transport transport{{.deduplication_limit = 3}};
  for (const char* key : {"1", "2", "3", "4"}) send(transport, "m", key);
  EXPECT_EQ(transport.pending("a"), 4U);
  send(transport, "m", "2");  // still remembered
  EXPECT_EQ(transport.pending("a"), 4U);
  send(transport, "m", "1");  // the oldest has left
  EXPECT_EQ(transport.pending("a"), 5U);
}

TEST(MemoryTransport, WithoutAWindowNothingIsRemembered) {
  memory::Transport no_window{{.deduplication_window = 0ms}};
  memory::Transport no_keys{{.deduplication_limit = 0}};
  for (const memory::Transport& transport : {no_window, no_keys}) {
    send(transport, "m", "key");
    send(transport, "m", "key");
    EXPECT_EQ(transport.pending("a"), 2U);
  }
}

TEST(MemoryTransport, TakesTheFarthestTimes) {
  memory::Transport transport;
  send(transport, "never", {}, TimePoint::max());
  send(transport, "long ago", {}, TimePoint::min() + 1ms);
  EXPECT_EQ(transport.pending("a"), 2U);
  EXPECT_EQ(sync_wait(transport.backend()->receive("a", 5)).size(), 1U);
}

TEST(MemoryTransport, AWaitingReceiverMayOutliveItsExecutor) {
  memory::Transport transport;
  send(transport, "m1");
  const std::vector<Delivery> out = sync_wait(transport.backend()->receive("a", 1));
  {
    boost::asio::io_context context;
    for (int i = 0; i < 3; ++i) {
      boost::asio::co_spawn(context, transport.backend()->receive("a", 1), boost::asio::detached);
    }
    context.poll();
    send(transport, "m2");  // wakes one of them, which never runs again
  }
  EXPECT_EQ(sync_wait(transport.backend()->receive("a", 1)).size(), 1U);
}

TEST(MemoryTransport, AWaitingReceiverMayOutliveTheTransport) {
  boost::asio::io_context context;
  {
    memory::Transport transport;
    boost::asio::co_spawn(context, transport.backend()->receive("a", 1), boost::asio::detached);
    context.poll();
  }
}

TEST(MemoryTransport, ADeliveryMayOutliveTheTransport) {
  std::vector<Delivery> out;
  {
    memory::Transport transport;
    send(transport, "m1");
    send(transport, "m2");
    out = sync_wait(transport.backend()->receive("a", 1));
  }
  EXPECT_EQ(out[0].envelope->id, "m1");
}

}  // namespace
}  // namespace sagabus
