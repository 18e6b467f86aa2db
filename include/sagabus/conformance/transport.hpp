// The tests that every transport passes. For those who write a transport of their own: link
// sagabus::testing, and in one file of a GoogleTest program:
//
//   static sagabus::testing::TransportFactory my_factory() {
//     return {.make = [](const sagabus::testing::TransportSettings& settings) {
//       return my::Transport{{.ambient = settings.ambient}};
//     }};
//   }
//   SAGABUS_TRANSPORT_CONFORMANCE(MyTransport, my_factory());
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/testing/virtual_clock.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::testing {

// What a test wants of the transport it is given.
struct TransportSettings {
  Ambient ambient;
  std::chrono::milliseconds visibility_timeout = std::chrono::seconds(2);
  std::chrono::milliseconds deduplication_window = std::chrono::seconds(5);
};

// How to make the transport under test, and what can be asked of it.
struct TransportFactory {
  // Called once in a test. Need not be empty: every test uses endpoints and types that nobody else
  // uses. May throw; the test fails then.
  std::function<Transport(const TransportSettings&)> make;

  // Every wait goes by the clock of the settings. False: by the machine's own, and tests sleep for
  // some seconds.
  bool virtual_clock = true;

  // How long nothing may happen in the program before virtual time goes on. Zero for a transport
  // that has no thread and no service of its own.
  std::chrono::milliseconds quiet_time = std::chrono::milliseconds(20);

  // Messages of an endpoint come in the order in which they were sent.
  bool ordered = true;

  // Messages of one key (Subscription::order_by, Envelope::partition_key) come in the order in
  // which they were sent, also where one is given back.
  bool ordered_by_key = false;

  // Drops what is sent twice under one key.
  bool deduplicates = true;

  // The deduplication window is that of the settings. False: one that tests cannot wait for.
  bool window_is_set = true;

  // How soon a receive that is cancelled must have ended.
  std::chrono::milliseconds cancel_time = std::chrono::milliseconds(100);

  // The largest message, in bytes of JSON.
  std::size_t max_message_bytes = 256U * 1024;
};

void PrintTo(const TransportFactory& factory, std::ostream* out);

// Instantiated by SAGABUS_TRANSPORT_CONFORMANCE.
class TransportConformance : public ::testing::TestWithParam<TransportFactory> {
 protected:
  TransportConformance();
  ~TransportConformance() override;

  // Runs the test's coroutine on this thread, and lets virtual time go on whenever nothing else
  // happens. Throws what it throws.
  void run(boost::asio::awaitable<void> test);

  // The steps that tests are made of; each is the transport's function with the test's own names.
  std::string endpoint(std::string_view name = "a") const;
  std::string type(std::string_view name = "T") const;
  boost::asio::awaitable<void> subscribe(std::string endpoint_name,
                                         std::vector<std::string> type_names);
  EnvelopePtr message(std::string id, std::string type_name = "T") const;
  boost::asio::awaitable<void> send(SendRequest request);
  boost::asio::awaitable<void> send_to(std::string endpoint_name, EnvelopePtr envelope);
  boost::asio::awaitable<void> publish(EnvelopePtr envelope);
  // What comes within the time; empty where nothing does.
  boost::asio::awaitable<std::vector<Delivery>> receive(
      std::string endpoint_name, std::chrono::milliseconds time = std::chrono::milliseconds(500),
      std::size_t most = 10);
  // The ids of what comes until nothing comes any more, acknowledged.
  boost::asio::awaitable<std::vector<std::string>> receive_all(std::string endpoint_name);
  boost::asio::awaitable<void> sleep(std::chrono::milliseconds time);
  TimePoint now() const { return ambient_.clock->now(); }
  TransportBackend& backend() const { return *transport_.backend(); }

  std::shared_ptr<VirtualClock> clock_;
  Ambient ambient_;
  TransportSettings settings_;
  Transport transport_;

 private:
  std::string nonce_;
};

}  // namespace sagabus::testing

// Names the tests TransportConformance.*, with `name`, an identifier, before them.
#define SAGABUS_TRANSPORT_CONFORMANCE(name, factory) \
  using ::sagabus::testing::TransportConformance;    \
  INSTANTIATE_TEST_SUITE_P(name, TransportConformance, ::testing::Values(factory))
