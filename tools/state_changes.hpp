// What is different in another state of an instance.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sagabus/value.hpp"

namespace sagabus::tools {

struct StateChange {
  std::string path;             // names of members, and places in lists from 0: "items.0.sku"
  std::optional<Value> before;  // empty: it was not there
  std::optional<Value> after;   // empty: it is not there any more
};

// Each member and each place in a list that differs, the innermost ones, in the order of `before`
// and then of `after`. The order of members makes no difference.
std::vector<StateChange> changes_between(const Value& before, const Value& after);

// A line each: "~ status: \"paid\" -> \"lost\"", "+ total: 5", "- note: null"; safe on a terminal.
void print_changes(const std::vector<StateChange>& changes);

// An array of {"path":...,"before":...,"after":...}; what is not there has no such member.
Value to_value(const std::vector<StateChange>& changes);

}  // namespace sagabus::tools
