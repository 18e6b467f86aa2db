// Attributes of one item, and which of them is wrong.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sagabus/value.hpp"

namespace sagabus::dynamodb {

// Outlived by the item. All throw ValidationError naming the attribute where it is of another type,
// or missing where it is required.
class AttributeReader {
 public:
  explicit AttributeReader(const boost::json::object& item) : item_(item) {}

  std::optional<Value> value(std::string_view name) const;
  std::optional<std::string> text(std::string_view name) const;
  std::string required_text(std::string_view name) const;
  std::optional<std::int64_t> whole(std::string_view name) const;
  std::int64_t required_whole(std::string_view name) const;
  bool flag(std::string_view name) const;  // false where there is none

 private:
  const boost::json::object& item_;
};

}  // namespace sagabus::dynamodb
