#include "sagabus/error.hpp"

#include <gtest/gtest.h>

namespace sagabus {
namespace {

TEST(Error, AConflictNamesBothVersions) {
  const ConcurrencyError error("s-1", 3, 5);
  EXPECT_STREQ(error.what(), "saga s-1: expected version 3, found 5");
  EXPECT_EQ(error.saga_id(), "s-1");
  EXPECT_EQ(error.expected(), 3U);
  EXPECT_EQ(error.actual(), 5U);
  EXPECT_STREQ(ConcurrencyError("s-1", 3, 3).what(),
               "saga s-1: expected version 3, found that of another life");
}

TEST(Error, ATooLargeStateNamesItsLargestFields) {
  const StateTooLarge error("s-1", 500'000, 409'600, {{"items", 400'000}, {"note", 1'000}});
  EXPECT_STREQ(error.what(),
               "saga s-1: an item of 500000 bytes is over the limit of 409600; largest fields: "
               "items (400000 bytes), note (1000 bytes)");
  EXPECT_EQ(error.bytes(), 500'000U);
  EXPECT_EQ(error.limit(), 409'600U);
  EXPECT_EQ(error.largest_fields().size(), 2U);
  EXPECT_STREQ(StateTooLarge("s", 2, 1, {}).what(),
               "saga s: an item of 2 bytes is over the limit of 1");
}

TEST(Error, TheTreeHasOneRoot) {
  ServiceInfo service;
  service.code = "ThrottlingException";
  service.attempts = 4;
  try {
    throw Throttled("slow down", service);
  } catch (const TransientError& e) {
    EXPECT_EQ(e.service().code, "ThrottlingException");
    EXPECT_EQ(e.service().attempts, 4);
  }
  EXPECT_THROW(throw NotFound("x"), Error);
  EXPECT_THROW(throw AlreadyExists("x"), Error);
  EXPECT_THROW(throw AccessDenied("x"), Error);
  EXPECT_THROW(throw TableNotFound("x"), Error);
  EXPECT_THROW(throw ValidationError("x"), Error);
  EXPECT_THROW(throw Unsupported("x"), Error);
  EXPECT_THROW(throw Error("x"), std::runtime_error);
}

}  // namespace
}  // namespace sagabus
