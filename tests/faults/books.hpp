// What plain handlers saw, order by order. They run in the test's own process, which nobody kills,
// and they count every message that reaches them: so the transport alone has to drop repeats.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "sagabus/service.hpp"

namespace sagabus::faults {

// Safe from any thread.
class Books {
 public:
  // Takes every message but the first of each order. Each order that ends has the next one placed,
  // until stop_ordering(). The books must outlive the bus that runs it.
  Service service();

  std::string next_order();  // its id; empty where no more are to be placed
  void stop_ordering();

  std::vector<std::string> orders() const;

  // A line for each order for which something did not happen just once; with `repeats`, not at all.
  std::vector<std::string> problems(bool repeats = false) const;

 private:
  using Account = std::map<std::string, int>;  // how often, by what happened

  void enter(const std::string& order, const std::string& what);

  mutable std::mutex mutex_;
  std::map<std::string, Account> accounts_;
  bool ordering_ = true;
};

}  // namespace sagabus::faults
