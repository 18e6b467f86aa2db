// What a store of claims refuses to be built with.
#include <gmock/gmock.h>

#include <functional>

#include "sagabus/s3/claim_store.hpp"
#include "sagabus/sqs/transport.hpp"

namespace sagabus::s3 {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

ClaimStoreOptions options() {
  ClaimStoreOptions out;
  out.bucket = "shop";
  out.region = "us-east-1";
  out.credentials = aws::static_credentials("test", "test");
  out.environment = aws::fixed_environment({});
  return out;
}

TEST(S3Options, NeedNothingButABucketAndARegion) {
  const ClaimStore store(options());
  EXPECT_EQ(store.describe(), "s3://shop/claims");
  ClaimStoreOptions root = options();
  root.prefix = "";
  EXPECT_EQ(ClaimStore(root).describe(), "s3://shop");
}

TEST(S3Options, AsTheGuideHasThem) {
  // [claims]
  sagabus::s3::ClaimStoreOptions bucket;
  bucket.bucket = "shop-messages";
  bucket.region = "eu-central-1";
  sagabus::sqs::TransportOptions options;
  options.region = "eu-central-1";
  options.claims = std::make_shared<sagabus::s3::ClaimStore>(bucket);
  // [claims]
  EXPECT_EQ(options.claims->describe(), "s3://shop-messages/claims");
}

TEST(S3Options, WrongOnesAreRefusedByName) {
  const auto refuses = [](const std::function<void(ClaimStoreOptions&)>& spoil, const char* field,
                          const char* value) {
    ClaimStoreOptions wrong = options();
    spoil(wrong);
    try {
      const ClaimStore store(std::move(wrong));
      ADD_FAILURE() << field;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(field), HasSubstr(value)));
    }
  };
  refuses([](auto& o) { o.bucket = ""; }, "s3: bucket", "3 to 63");
  refuses([](auto& o) { o.bucket = "Shop"; }, "s3: bucket", "Shop");
  refuses([](auto& o) { o.prefix = "a/../b"; }, "s3: prefix", "a/../b");
  refuses([](auto& o) { o.region = "nowhere at all"; }, "region", "nowhere at all");
  refuses([](auto& o) { o.endpoint = "ftp://x"; }, "endpoint", "ftp://x");
  refuses([](auto& o) { o.max_attempts = -1; }, "max_attempts", "-1");
  refuses([](auto& o) { o.max_connections = 0; }, "s3: max_connections", "0");
  refuses([](auto& o) { o.attempt_timeout = 0ms; }, "s3: attempt_timeout", "0 ms");
  refuses([](auto& o) { o.deadline = 0ms; }, "s3: deadline", "1 ms or more");
  refuses([](auto& o) { o.environment = nullptr; }, "s3: environment", "null");
  refuses([](auto& o) { o.ambient.clock = nullptr; }, "s3: ambient.clock", "missing");
}

}  // namespace
}  // namespace sagabus::s3
