// The messages that this process has received and not let go of, and until when each is its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sagabus::sqs {

class Endpoint;

// The receipt of a delivery. Times are of the monotonic clock. Where an answer was long on its way,
// the service's own end may come before ours: receipts tell it apart.
class Lease {
 public:
  struct Terms {
    std::chrono::nanoseconds taken{};
    std::chrono::nanoseconds visibility{};  // granted, and asked for at each renewal
    std::chrono::nanoseconds most{};        // after `taken`
  };

  Lease(std::shared_ptr<Endpoint> endpoint, std::string receipt_handle, std::string message_id,
        Terms terms)
      : endpoint_(std::move(endpoint)),
        receipt_handle_(std::move(receipt_handle)),
        message_id_(std::move(message_id)),
        terms_(terms),
        until_((terms.taken + terms.visibility).count()) {}

  const std::shared_ptr<Endpoint>& endpoint() const noexcept { return endpoint_; }
  const std::string& receipt_handle() const noexcept { return receipt_handle_; }
  const std::string& message_id() const noexcept { return message_id_; }

  // Lets go of the message, once. True where it was this process's at that time: what is asked of
  // the service with its receipt then is about this delivery and no later one. From any thread.
  bool end(std::chrono::nanoseconds now) noexcept {
    return held_.exchange(false) && now.count() < until_;
  }
  bool is_held() const noexcept { return held_; }
  std::chrono::nanoseconds taken() const noexcept { return terms_.taken; }

  // For how much longer it will be renewed while it is held. From any thread.
  std::chrono::nanoseconds left(std::chrono::nanoseconds now) const noexcept;

  // The rest is for the engine's thread.

  // When it has to be renewed: after 70 % of its time; never where it has all it may have.
  std::chrono::nanoseconds renew_at() const noexcept;
  // Which visibility timeout to ask for at `now`: whole seconds, 0 where there is none left.
  std::chrono::seconds renewal(std::chrono::nanoseconds now) const noexcept;
  void renewed(std::chrono::nanoseconds asked_at, std::chrono::seconds visibility) noexcept {
    if (until_ != kLost) until_ = (asked_at + visibility).count();
  }
  // It is somebody else's by now, for good.
  void lost() noexcept { until_ = kLost; }
  // Letting go of it has failed: it is in hand again.
  void take_back() noexcept { held_ = true; }
  bool renewing = false;

 private:
  static constexpr std::int64_t kLost = 0;

  const std::shared_ptr<Endpoint> endpoint_;
  const std::string receipt_handle_;
  const std::string message_id_;
  const Terms terms_;
  std::atomic<std::int64_t> until_;
  std::atomic<bool> held_{true};
};

// Only the engine's thread uses it.
class InHand {
 public:
  // `on_first` is called where something is in hand again.
  void start(std::function<void()> on_first) { on_first_ = std::move(on_first); }

  void add(const std::shared_ptr<Lease>& lease) {
    const bool first = leases_.empty();
    leases_.push_back(lease);
    if (first && on_first_) on_first_();
  }

  // Those to be renewed now. Forgets those that are let go of, also by being dropped.
  std::vector<std::shared_ptr<Lease>> due(std::chrono::nanoseconds now);

  bool empty() const noexcept { return leases_.empty(); }

 private:
  std::vector<std::weak_ptr<Lease>> leases_;
  std::function<void()> on_first_;
};

}  // namespace sagabus::sqs
