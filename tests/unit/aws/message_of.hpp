// What an error says that a test expects.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace sagabus::aws {

// Empty, and the test has failed, where `action` does not throw a `Thrown`.
template <class Thrown, class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Thrown& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace sagabus::aws
