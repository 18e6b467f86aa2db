// How often this thread asks for memory. Whoever links this has operator new and aligned_alloc,
// where Asio gets its coroutines from, replaced. Under a sanitizer nothing is counted.
#pragma once

#include <cstdint>

namespace sagabus {

std::uint64_t allocations_of_this_thread() noexcept;

}  // namespace sagabus
