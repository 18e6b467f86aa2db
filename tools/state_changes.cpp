#include "state_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sagabus/json.hpp"
#include "terminal.hpp"

namespace sagabus::tools {
namespace {

class Comparison {
 public:
  void compare(const std::string& path, const Value& before, const Value& after) {
    if (before == after) return;
    if (before.if_object() && after.if_object()) return compare_objects(path, before, after);
    const Array* const old = before.if_array();
    const Array* const now = after.if_array();
    if (old && now) return compare_arrays(path, *old, *now);
    changes_.push_back({path, before, after});
  }

  std::vector<StateChange> take() { return std::move(changes_); }

 private:
  static std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + '.' + std::string(name);
  }

  void compare_objects(const std::string& path, const Value& before, const Value& after) {
    for (const auto& [name, member] : *before.if_object()) {
      const Value* const now = after.find(name);
      now ? compare(join(path, name), member, *now)
          : changes_.push_back({join(path, name), member, std::nullopt});
    }
    for (const auto& [name, member] : *after.if_object()) {
      if (!before.find(name)) changes_.push_back({join(path, name), std::nullopt, member});
    }
  }

  void compare_arrays(const std::string& path, const Array& before, const Array& after) {
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      const std::string place = join(path, std::to_string(i));
      if (i >= after.size()) {
        changes_.push_back({place, before[i], std::nullopt});
      } else if (i >= before.size()) {
        changes_.push_back({place, std::nullopt, after[i]});
      } else {
        compare(place, before[i], after[i]);
      }
    }
  }

  std::vector<StateChange> changes_;
};

}  // namespace

std::vector<StateChange> changes_between(const Value& before, const Value& after) {
  Comparison comparison;
  comparison.compare("", before, after);
  return comparison.take();
}

void print_changes(const std::vector<StateChange>& changes) {
  for (const StateChange& it : changes) {
    const char* const sign = !it.before ? "+" : !it.after ? "-" : "~";
    const std::string before = it.before ? to_json(*it.before) : "";
    const std::string after = it.after ? to_json(*it.after) : "";
    fmt::print("  {} {}: {}{}{}\n", sign, escape_controls(it.path), escape_controls(before),
               it.before && it.after ? " -> " : "", escape_controls(after));
  }
}

Value to_value(const std::vector<StateChange>& changes) {
  Array out;
  for (const StateChange& it : changes) {
    Object change{{"path", Value(it.path)}};
    if (it.before) change.emplace_back("before", *it.before);
    if (it.after) change.emplace_back("after", *it.after);
    out.emplace_back(std::move(change));
  }
  return Value(std::move(out));
}

}  // namespace sagabus::tools
