// Small helpers for tests of errors.
#pragma once

#include <gtest/gtest.h>

#include <string>

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

}  // namespace sagabus::test
