#include "sqs/in_hand.hpp"

#include <algorithm>

namespace sagabus::sqs {

using std::chrono::nanoseconds;
using std::chrono::seconds;

nanoseconds Lease::left(nanoseconds now) const noexcept {
  if (!held_ || now.count() >= until_) return nanoseconds::zero();
  return terms_.taken + terms_.most - now;
}

nanoseconds Lease::renew_at() const noexcept {
  const nanoseconds until(until_.load());
  if (until.count() == kLost || until >= terms_.taken + terms_.most) return nanoseconds::max();
  return until - terms_.visibility * 3 / 10;
}

seconds Lease::renewal(nanoseconds now) const noexcept {
  const nanoseconds left = terms_.taken + terms_.most - now;
  return std::max(seconds(0), std::chrono::floor<seconds>(std::min(terms_.visibility, left)));
}

std::vector<std::shared_ptr<Lease>> InHand::due(nanoseconds now) {
  std::vector<std::shared_ptr<Lease>> out;
  std::erase_if(leases_, [&](const std::weak_ptr<Lease>& weak) {
    std::shared_ptr<Lease> lease = weak.lock();
    if (!lease || !lease->is_held()) return true;
    if (!lease->renewing && lease->renew_at() <= now) out.push_back(std::move(lease));
    return false;
  });
  return out;
}

}  // namespace sagabus::sqs
