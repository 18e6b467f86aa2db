// What calls to a store cost there.
#pragma once

#include <cstdint>

namespace sagabus {

// Zero for stores that bill nobody. The units are those of the service's capacity; 0 where the
// store does not count them (dynamodb::StoreOptions::count_units).
struct Cost {
  std::uint64_t requests = 0;           // retries included
  std::uint64_t failed_conditions = 0;  // writes that were refused: they are billed too
  double read_units = 0;
  double write_units = 0;

  Cost& operator+=(const Cost& other) noexcept {
    requests += other.requests;
    failed_conditions += other.failed_conditions;
    read_units += other.read_units;
    write_units += other.write_units;
    return *this;
  }
};

}  // namespace sagabus
