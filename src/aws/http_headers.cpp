#include "aws/http_client.hpp"

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

}  // namespace

void HttpHeaders::add(std::string_view name, std::string_view value) {
  if (places_.empty()) {  // enough for what AWS sends
    text_.reserve(512);
    places_.reserve(12);
  }
  const auto at = static_cast<std::uint32_t>(text_.size());
  text_.append(name).append(value);
  places_.push_back(
      {at, at + static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(text_.size())});
}

std::string_view HttpHeaders::find(std::string_view name) const {
  const std::string_view text = text_;
  for (const Place& place : places_) {
    if (equal_ignoring_case(text.substr(place.name, place.value - place.name), name)) {
      return text.substr(place.value, place.end - place.value);
    }
  }
  return {};
}

void HttpHeaders::clear() {
  text_.clear();
  places_.clear();
}

}  // namespace sagabus::aws
