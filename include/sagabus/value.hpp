// A value of the kinds that messages and states are made of: what JSON has, and bytes.
//
// Payloads and states travel through the bus as Values; a store or a transport turns them into its
// own form. Who only writes sagas never meets one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sagabus {

class Value;

using Bytes = std::vector<std::byte>;
using Array = std::vector<Value>;

// The members of an object, in the order in which they were written. Where a name stands twice, the
// last one counts.
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;

enum class ValueKind { null, boolean, int64, uint64, number, string, bytes, array, object };

// A plain value: copied deeply, compared deeply. Integers to 64 bits are exact; `uint64` holds only
// those that do not fit `int64`, so that equal numbers have one form.
class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  explicit Value(bool v) : data_(v) {}
  explicit Value(std::int64_t v) : data_(v) {}
  explicit Value(std::uint64_t v);
  explicit Value(int v) : data_(static_cast<std::int64_t>(v)) {}
  explicit Value(double v) : data_(v) {}
  explicit Value(std::string v) : data_(std::move(v)) {}
  explicit Value(std::string_view v) : data_(std::string(v)) {}
  explicit Value(const char* v) : data_(std::string(v)) {}
  explicit Value(Bytes v) : data_(std::move(v)) {}
  explicit Value(Array v) : data_(std::move(v)) {}
  explicit Value(Object v) : data_(std::move(v)) {}

  ValueKind kind() const noexcept { return static_cast<ValueKind>(data_.index()); }
  bool is_null() const noexcept { return kind() == ValueKind::null; }

  // Null where the value is of another kind.
  const bool* if_bool() const noexcept { return std::get_if<bool>(&data_); }
  const std::int64_t* if_int64() const noexcept { return std::get_if<std::int64_t>(&data_); }
  const std::uint64_t* if_uint64() const noexcept { return std::get_if<std::uint64_t>(&data_); }
  const double* if_double() const noexcept { return std::get_if<double>(&data_); }
  const std::string* if_string() const noexcept { return std::get_if<std::string>(&data_); }
  const Bytes* if_bytes() const noexcept { return std::get_if<Bytes>(&data_); }
  const Array* if_array() const noexcept { return std::get_if<Array>(&data_); }
  const Object* if_object() const noexcept { return std::get_if<Object>(&data_); }
  std::string* if_string() noexcept { return std::get_if<std::string>(&data_); }
  Array* if_array() noexcept { return std::get_if<Array>(&data_); }
  Object* if_object() noexcept { return std::get_if<Object>(&data_); }

  // The member of that name; null where there is none or this is no object.
  const Value* find(std::string_view name) const noexcept;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, Array,
               Object>
      data_;
};

// Read aloud in error texts: "null", "boolean", "number", "string", "bytes", "array", "object".
std::string_view kind_name(const Value& value) noexcept;

}  // namespace sagabus
