// Small helpers for tests of errors.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "sagabus/error.hpp"

namespace sagabus::test {

// The text of the ValidationError that the function throws; another text where it throws none.
template <class Function>
std::string error_of(Function&& function) {
  try {
    function();
  } catch (const ValidationError& e) {
    return e.what();
  }
  return "<no error>";
}

// Whether a text has a form in which `x` stands for any hexadecimal digit, `v` for 8, 9, a or b,
// and everything else for itself.
inline bool has_form(std::string_view text, std::string_view form) {
  constexpr std::string_view kHex = "0123456789abcdef";
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view allowed = form[i] == 'x'   ? kHex
                                     : form[i] == 'v' ? kHex.substr(8, 4)
                                                      : form.substr(i, 1);
    if (allowed.find(text[i]) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace sagabus::test
