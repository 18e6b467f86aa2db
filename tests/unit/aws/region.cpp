#include "aws/region.hpp"

#include <sys/stat.h>

#include <stdexcept>

#include "sagabus/aws/client.hpp"
#include "unit/aws/another_user.hpp"
#include "unit/aws/credentials_support.hpp"

namespace sagabus::aws {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Region, IsTakenFromTheOptionThenTheEnvironment) {
  const auto environment =
      fixed_environment({{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "eu-west-2"}});
  EXPECT_EQ(resolve_region("us-east-1", environment), "us-east-1");
  EXPECT_EQ(resolve_region("", environment), "eu-west-1");
  EXPECT_EQ(resolve_region("", fixed_environment({{"AWS_DEFAULT_REGION", "eu-west-2"}})),
            "eu-west-2");
}

TEST(Region, IsRefusedWhereMissingOrMalformed) {
  const auto none = fixed_environment({});
  EXPECT_THAT([&] { resolve_region("", none); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("region: not set")));
  for (const char* bad : {"us east", "US-EAST-1", "-us", "us-", "a.b", "x@y/"}) {
    EXPECT_THAT([&] { resolve_region(bad, none); },
                ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("region"), HasSubstr(bad))));
  }
  EXPECT_THAT(
      [] {
        resolve_region("", fixed_environment({{"AWS_REGION", "a_b"}}));
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("AWS_REGION")));
}

class FoundRegion : public CredentialsTest {};

TEST_F(FoundRegion, IsThatOfTheProfile) {
  write(".aws/config",
        "[default]\nregion = eu-west-1\n[profile p]\nregion = eu-west-2\n[profile none]\n"
        "[profile bad]\nregion = EU\n");
  EXPECT_EQ(find_region("", options()), "eu-west-1");
  EXPECT_EQ(resolve_region("", options().environment), "eu-west-1");
  variables_["AWS_PROFILE"] = "p";
  EXPECT_EQ(find_region("", options()), "eu-west-2");
  variables_["AWS_PROFILE"] = "bad";
  EXPECT_THAT([&] { find_region("", options()); },
              ThrowsMessage<std::invalid_argument>(
                  AllOf(HasSubstr("region of the profile bad"), HasSubstr("\"EU\""))));
  for (const char* name : {"none", "other"}) {
    variables_["AWS_PROFILE"] = name;
    EXPECT_THAT([&] { find_region("", options()); },
                ThrowsMessage<std::invalid_argument>(HasSubstr("AWS_EC2_METADATA_DISABLED")));
  }
  variables_["AWS_CONFIG_FILE"] = folder_.path().string();
  EXPECT_THAT([&] { find_region("", options()); },
              ThrowsMessage<std::invalid_argument>(HasSubstr(folder_.path().string())));
}

TEST_F(FoundRegion, IsNotLookedForInDefaultFilesThatMayNotBeRead) {
  const std::string file = write(".aws/config", "[default]\nregion = eu-west-1\n");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  const AnotherUser root_could_read_it;
  for (const auto find :
       {+[](const CredentialsOptions& o) { return find_region("", o); },
        +[](const CredentialsOptions& o) { return resolve_region("", o.environment); }}) {
    EXPECT_THAT([&] { find(options()); }, ThrowsMessage<std::invalid_argument>(AllOf(
                                              HasSubstr("region: not set; set the option"),
                                              HasSubstr(file), HasSubstr("Permission denied"))));
  }
  variables_["AWS_CONFIG_FILE"] = file;
  EXPECT_THAT([&] { find_region("", options()); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("not set, and cannot read " + file)));
}

TEST_F(FoundRegion, IsThatOfTheInstanceWhereNothingElseSays) {
  std::string region = "eu-north-1";
  const StandIn service([&](const std::string& request) {
    if (request.starts_with("PUT")) return StandIn::Answer{200, "T"};
    EXPECT_THAT(request, HasSubstr("GET /latest/meta-data/placement/region "));
    return StandIn::Answer{region.empty() ? 404 : 200, region};
  });
  variables_["AWS_EC2_METADATA_DISABLED"] = "false";
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = service.url();
  EXPECT_EQ(find_region("", options()), "eu-north-1");
  EXPECT_EQ(find_region("eu-west-1", options()), "eu-west-1");
  EXPECT_THAT(service.requests(), testing::SizeIs(2));
  ClientOptions client;
  client.environment = options().environment;
  EXPECT_EQ(Client(kDynamoDb, client).region(), "eu-north-1");
  for (const char* bad : {"", "<html>"}) {
    region = bad;
    EXPECT_THAT([&] { find_region("", options()); },
                ThrowsMessage<std::invalid_argument>(HasSubstr("instance metadata")));
  }
}

}  // namespace
}  // namespace sagabus::aws
