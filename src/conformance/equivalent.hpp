// When two Values hold the same, though a store or a transport has its own form for them.
#pragma once

#include <gtest/gtest.h>

#include "sagabus/value.hpp"

namespace sagabus::testing {

// Members may come in any order, a number as an integer or as a double of that very value, bytes as
// their base64, and -0.0 as 0. Everything else must be as it was. Says where they differ.
::testing::AssertionResult is_equivalent(const Value& found, const Value& expected);

}  // namespace sagabus::testing
