// What calls to a store cost there.
#pragma once

#include <cstdint>

namespace sagabus {

// Zero for stores that bill nobody. The units are those of the service's capacity, for refused
// writes by the size of what was there; 0 where the store does not count them
// (dynamodb::StoreOptions::count_units). Calls that were cancelled are left out, since nobody heard
// what became of them.
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
