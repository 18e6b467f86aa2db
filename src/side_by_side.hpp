// Many small requests at once, but not too many.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <exception>
#include <vector>

namespace sagabus::detail {

// How operations ended.
struct Outcomes {
  std::uint64_t count = 0;       // of those that gave true
  std::exception_ptr failure{};  // of one that failed; null where none did
};

// Runs operations, some 16 at a time, and waits for their end. After a failure no more are begun.
// Each runs apart from its caller, whose cancellation would reach it on threads that are not its
// own: those that have begun go on when the caller is cancelled, so each must own what it uses. A
// single one runs in its caller. Throws system_error(operation_aborted) when cancelled.
boost::asio::awaitable<Outcomes> run_side_by_side(
    std::vector<boost::asio::awaitable<bool>> operations);

}  // namespace sagabus::detail
