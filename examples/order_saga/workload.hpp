// The orders of the demo. The n-th is always the same, but for the run that its id names.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "messages.hpp"

namespace orders {

std::string order_id(const std::string& run, std::size_t n);

OrderSubmitted make_order(const std::string& run, std::size_t n);

// How long after ordering the customer cancels, if at all.
std::optional<std::chrono::milliseconds> changes_mind_after(std::size_t n);

}  // namespace orders
