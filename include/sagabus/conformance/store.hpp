// The tests that every store passes. For those who write a store of their own: link
// sagabus::testing, and in one file of a GoogleTest program:
//
//   static sagabus::testing::StoreFactory my_factory() {
//     return {.make = [](const sagabus::testing::StoreSettings& settings) {
//       return my::SagaStore{{.ambient = settings.ambient}};
//     }};
//   }
//   SAGABUS_STORE_CONFORMANCE(MyStore, my_factory());
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "sagabus/store.hpp"
#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus::testing {

// What a test wants of the store it is given.
struct StoreSettings {
  Ambient ambient;
  std::optional<double> ttl_days{};  // empty: completed instances do not expire
};

// How to make the store under test, and what can be asked of it.
struct StoreFactory {
  // Called some times in a test, each time for a handle of its own. Need not be empty: every test
  // uses saga names that nobody else uses. May throw; the test fails then.
  std::function<SagaStore(const StoreSettings&)> make;

  // All that make() returns within one test stand on the same instances (a file, a table).
  bool shared = false;

  // Instances expire by the clock of the settings. False: by the machine's own, and tests sleep
  // for some seconds.
  bool virtual_clock = true;

  // The most that one instance may hold in its state, in bytes, before StateTooLarge.
  std::size_t max_state_bytes = 64U * 1024 * 1024;
};

void PrintTo(const StoreFactory& factory, std::ostream* out);

// Instantiated by SAGABUS_STORE_CONFORMANCE.
class StoreConformance : public ::testing::TestWithParam<StoreFactory> {
 protected:
  StoreConformance();
  ~StoreConformance() override;

  SagaStore& make(std::optional<double> ttl_days = {});  // lives as long as the test
  SagaStore another() const;                             // a second handle, by make()
  void pass(std::chrono::seconds time);                  // lets time go by

  // A saga name that is this test's own, and an instance of that saga, ready to be inserted.
  std::string saga_name(std::string_view suffix = "") const;
  Instance instance(std::string_view correlation_id) const;
  InstanceKey key(std::string_view correlation_id) const;

  // What the bus does to start one, to write its next version, and to look at it.
  CommitResult start(std::string_view correlation_id);
  CommitResult commit(const Instance& current, Instance next);
  InstancePtr load(std::string_view correlation_id);
  // Every page of a listing, one after the other.
  std::vector<Instance> list(FindRequest request);
  // Through the store and back.
  Value round_trip(const Value& state);

  std::shared_ptr<VirtualClock> clock_;
  Ambient ambient_;
  SagaStore store_;

 private:
  std::string nonce_;
  std::optional<double> ttl_days_;
  int round_trips_ = 0;
};

}  // namespace sagabus::testing

// Names the tests StoreConformance.*, with `name`, an identifier, before them.
#define SAGABUS_STORE_CONFORMANCE(name, factory) \
  using ::sagabus::testing::StoreConformance;    \
  INSTANTIATE_TEST_SUITE_P(name, StoreConformance, ::testing::Values(factory))
