#include "s3/address.hpp"

#include <gmock/gmock.h>

namespace sagabus::s3 {
namespace {

using aws::fixed_environment;

aws::Endpoint on_aws() {
  return aws::resolve_endpoint(aws::kS3, "eu-central-1", {}, fixed_environment({}));
}

TEST(S3Address, OnAwsABucketHasAHostOfItsOwn) {
  const Address address = address_of(on_aws(), true, "shop", "claims");
  EXPECT_EQ(address.url, "https://shop.s3.eu-central-1.amazonaws.com/");
  EXPECT_EQ(address.path, "/claims/");
  EXPECT_EQ(address_of(on_aws(), true, "shop", "").path, "/");
}

// A certificate holds for one label.
TEST(S3Address, OneWhoseNameHasDotsIsAPath) {
  const Address address = address_of(on_aws(), true, "shop.example", "claims");
  EXPECT_EQ(address.url, "https://s3.eu-central-1.amazonaws.com/");
  EXPECT_EQ(address.path, "/shop.example/claims/");
}

TEST(S3Address, BehindAnAddressThatIsConfiguredABucketIsAPath) {
  const aws::Endpoint local = aws::parse_endpoint("endpoint", "http://localhost:4566/s3");
  const Address address = address_of(local, false, "shop", "a b/c%d");
  EXPECT_EQ(address.url, "http://localhost:4566/s3");
  EXPECT_EQ(address.path, "/shop/a%20b/c%25d/");
}

TEST(S3Address, TellsAwssOwnFromAnother) {
  EXPECT_TRUE(is_aws(on_aws(), "eu-central-1", fixed_environment({})));
  EXPECT_FALSE(is_aws(aws::parse_endpoint("", "http://localhost:4566"), "eu-central-1",
                      fixed_environment({})));
  // Whatever the environment says of others.
  EXPECT_TRUE(is_aws(on_aws(), "eu-central-1",
                     fixed_environment({{"AWS_ENDPOINT_URL", "http://localhost:4566"},
                                        {"AWS_ENDPOINT_URL_S3", "http://localhost:4566"}})));
}

TEST(S3Address, FipsAndBothStacksHaveHostsOfTheirOwn) {
  const auto host = [](std::map<std::string, std::string> variables) {
    return aws::resolve_endpoint(aws::kS3, "us-east-1", {}, fixed_environment(variables)).host;
  };
  EXPECT_EQ(host({{"AWS_USE_FIPS_ENDPOINT", "true"}}), "s3-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(host({{"AWS_USE_DUALSTACK_ENDPOINT", "true"}}), "s3.dualstack.us-east-1.amazonaws.com");
  EXPECT_EQ(host({{"AWS_USE_FIPS_ENDPOINT", "true"}, {"AWS_USE_DUALSTACK_ENDPOINT", "true"}}),
            "s3-fips.dualstack.us-east-1.amazonaws.com");
}

TEST(S3Address, KnowsABucketsName) {
  for (const std::string& name : {std::string("abc"), std::string("a-b.c"), std::string("1.2.3"),
                                  std::string("a1.2.3.4"), std::string(63, 'a')}) {
    EXPECT_TRUE(is_bucket_name(name)) << name;
  }
  for (const std::string& name :
       {std::string("ab"), std::string(64, 'a'), std::string("Shop"), std::string("a_b"),
        std::string("-ab"), std::string("ab-"), std::string(".ab"), std::string("ab."),
        std::string("a..b"), std::string("10.0.0.1"), std::string("a/b"), std::string("a b"),
        std::string("a\nb")}) {
    EXPECT_FALSE(is_bucket_name(name)) << name;
  }
}

TEST(S3Address, KnowsAPrefix) {
  for (const std::string& prefix : {std::string(), std::string("claims"), std::string("a/b c/d.e"),
                                    std::string("%2e"), std::string(512, 'a')}) {
    EXPECT_TRUE(is_prefix(prefix)) << prefix;
  }
  for (const std::string& prefix :
       {std::string("/"), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("."), std::string(".."), std::string("a/../b"), std::string("a/./b"),
        std::string("a\nb"), std::string("gr\xc3\xbc"), std::string(513, 'a')}) {
    EXPECT_FALSE(is_prefix(prefix)) << prefix;
  }
}

}  // namespace
}  // namespace sagabus::s3
