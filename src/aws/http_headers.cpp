#include "aws/http_client.hpp"

#include <cstring>

namespace sagabus::aws {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

struct Lengths {
  std::uint32_t name;
  std::uint32_t value;
};

}  // namespace

void HttpHeaders::add(std::string_view name, std::string_view value) {
  if (text_.empty()) text_.reserve(768);  // enough for what AWS sends
  const Lengths lengths{static_cast<std::uint32_t>(name.size()),
                        static_cast<std::uint32_t>(value.size())};
  text_.append(reinterpret_cast<const char*>(&lengths), sizeof lengths);
  text_.append(name).append(value);
}

std::string_view HttpHeaders::find(std::string_view name) const {
  const std::string_view text = text_;
  for (std::size_t at = 0; at < text.size();) {
    Lengths lengths;
    std::memcpy(&lengths, text.data() + at, sizeof lengths);
    at += sizeof lengths;
    if (equal_ignoring_case(text.substr(at, lengths.name), name)) {
      return text.substr(at + lengths.name, lengths.value);
    }
    at += std::size_t{lengths.name} + lengths.value;
  }
  return {};
}

void HttpHeaders::clear() {
  text_.clear();
}

}  // namespace sagabus::aws
