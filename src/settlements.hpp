// What is known of steps that are settled, that is, dispatched and acknowledged, so that their
// outbox entries may leave: this worker's own, and those of others by their watermarks.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sagabus/instance.hpp"
#include "sagabus/watermark.hpp"

namespace sagabus::detail {

// Safe from any thread.
class Settlements {
 public:
  // `worker` names this incarnation: no other, before or after, may bear the name.
  explicit Settlements(std::string worker) : worker_(std::move(worker)) {}
  Settlements(const Settlements&) = delete;
  Settlements& operator=(const Settlements&) = delete;

  const std::string& worker() const noexcept { return worker_; }

  // The step of one instance that takes this message in. Several sagas may take one message.
  struct StepKey {
    std::string_view saga_id;
    std::string_view message_id;
  };

  struct Number {
    std::uint64_t sequence = 0;
    bool was_in_doubt = false;  // an earlier commit under it may still be carried out
  };

  // The number of a step that is about to be committed. It stays open until it is settled. A step
  // that was in doubt goes on under the number that it had.
  Number begin(StepKey step);

  // The step is dispatched and acknowledged, or was never committed under this number.
  void settle(std::uint64_t sequence);

  // Nobody knows whether the step was committed. Its message will be redelivered: where that is to
  // this worker, the step is begun again, or its message is found in the inbox.
  void doubt(StepKey step, std::uint64_t sequence);
  std::uint64_t in_doubt(StepKey step) const;  // its number; 0: it is not

  // It was sent, and its message acknowledged.
  bool is_settled(const OutboxEntry& entry) const;

  // Those that must stay.
  std::vector<OutboxEntry> unsettled(const std::vector<OutboxEntry>& entries) const;

  // The watermark of this worker; empty where it has not gone on since the last call.
  std::optional<Watermark> news();

  // Called once when there are news, and again only after news() was called: from any thread, and
  // must not call back.
  void on_news(std::function<void()> call);

  // Whose watermarks are worth a look, since they may let some of these entries go. Each is named
  // once, until learn() is called for it or some time has passed.
  std::vector<std::string> to_look_up(const std::vector<OutboxEntry>& entries,
                                      std::chrono::nanoseconds now);
  void learn(const std::string& worker, std::optional<Watermark> watermark);

 private:
  // What another worker said last, and when it is worth asking again: sooner where it says more
  // each time, seldom where it has fallen silent.
  struct Other {
    Watermark watermark;
    std::chrono::nanoseconds next_look{0};
    std::chrono::nanoseconds interval{0};
  };
  using Doubts = std::map<std::pair<std::string, std::string>, std::uint64_t>;

  // With the mutex held.
  bool settled(const OutboxEntry& entry) const;
  Doubts::const_iterator find(StepKey step) const;

  const std::string worker_;
  mutable std::mutex mutex_;  // guards what follows
  std::uint64_t last_ = 0;
  boost::unordered_flat_set<std::uint64_t> open_;
  Doubts doubts_;  // by saga id and message id
  boost::unordered_flat_map<std::uint64_t, Doubts::const_iterator> doubted_;  // by number
  Watermark told_;
  bool has_news_ = false;
  std::function<void()> on_news_;
  boost::unordered_flat_map<std::string, Other> others_;
};

}  // namespace sagabus::detail
