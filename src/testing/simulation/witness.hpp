// Sees every write, send and acknowledgement of a simulation, and says what is not as it must be,
// whatever the sagas are.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/store.hpp"
#include "sagabus/testing/virtual_clock.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::testing::simulation {

struct WitnessOptions {
  std::shared_ptr<VirtualClock> clock{};
  // No instance expires sooner than this after its last change, by the clock of whoever made that.
  // Empty: none does.
  std::optional<std::chrono::milliseconds> ttl{};
  std::function<void(const Instance&, const std::string& id)> taken{};  // a message was taken in
  // Whether what acknowledges such a message must have taken it in.
  std::function<bool(const Envelope&)> never_ignored{};
};

class Witness {
 public:
  explicit Witness(WitnessOptions options) : options_(std::move(options)) {}

  // That was there before all.
  void planted(const Instance& instance);

  // At each of these, when it is carried out.
  void committed(const CommitRequest& request);
  void sent(const SendRequest& request);
  void acknowledged(const Delivery& delivery);

  // Nothing is on its way any more, and nothing is left to be done.
  void at_rest();

  // Of those that have begun after another had expired.
  std::uint64_t second_lives() const noexcept { return second_lives_; }

  void report(std::string problem);
  const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  template <class T>
  using ById = boost::unordered_flat_map<std::string, T>;
  using Ids = boost::unordered_flat_set<std::string>;

  struct Life {  // of an instance, as it was written last
    std::string name;
    std::uint64_t version = 0;
    std::string birth;
    bool completed = false;
    TimePoint updated_at{};  // by its writer's clock
    std::vector<Timer> timers;
    std::deque<std::string> inbox;
    Ids taken;    // ever
    Ids entered;  // what the entries of its outbox were made by, ever
  };
  struct Effect {  // a message that was committed
    std::string type;
    std::string cause;  // the message that its step took in
    bool cancelled = false;
    std::optional<TimePoint> sent;  // the last time
  };

  void note_version(Life& life, const Instance& next);
  void note_taken(Life& life, const Instance& next);
  void check_firing(const Life& life, const Instance& next, const std::string& id);
  void note_effects(Life& life, const Bookkeeping& books);
  void note_timeout(const Envelope& envelope);
  void note_effect_sent(const SendRequest& request);

  const WitnessOptions options_;
  ById<Life> lives_;            // by saga id
  ById<Effect> effects_;        // by the message's id
  ById<TimePoint> on_its_way_;  // when messages were last sent or acknowledged
  Ids taken_;                   // by any instance
  Ids buried_;
  Ids tokens_;         // of all timeouts that were ever set
  ById<Timer> fired_;  // by the id of the message that brings it
  std::uint64_t second_lives_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace sagabus::testing::simulation
