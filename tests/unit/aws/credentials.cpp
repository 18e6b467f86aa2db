#include "sagabus/aws/credentials.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <sstream>
#include <stdexcept>

#include "sagabus/error.hpp"
#include "unit/aws/another_user.hpp"
#include "unit/aws/credentials_support.hpp"
#include "unit/aws/message_of.hpp"

namespace sagabus::aws {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(StaticCredentials, AreGivenAsTheyAre) {
  const Credentials credentials = run(static_credentials("AKID", "s3cret", "t0ken")->get());
  EXPECT_EQ(credentials.access_key_id, "AKID");
  EXPECT_EQ(credentials.secret_access_key, "s3cret");
  EXPECT_EQ(credentials.session_token, "t0ken");
  EXPECT_FALSE(credentials.expiration);
}

TEST(StaticCredentials, RefuseMalformedOnesByNameAndWithoutTheValue) {
  const auto refusal = [](std::string id, std::string secret, std::string token) {
    return message_of<std::invalid_argument>([&] { static_credentials(id, secret, token); });
  };
  EXPECT_THAT(refusal("", "s", ""), HasSubstr("access_key_id"));
  EXPECT_THAT(refusal("A", "", ""), HasSubstr("secret_access_key"));
  EXPECT_THAT(refusal("A B", "s", ""), HasSubstr("access_key_id"));
  EXPECT_THAT(refusal("A", "hidden\n", ""),
              AllOf(HasSubstr("secret_access_key"), Not(HasSubstr("hidden"))));
  EXPECT_THAT(refusal("A", "s", "tok\ten"), HasSubstr("session_token"));
  EXPECT_THAT(refusal("A", "s", "tok\xc3\xa9n"), HasSubstr("session_token"));
}

TEST(Credentials, NeverShowTheirSecrets) {
  Credentials credentials;
  credentials.access_key_id = "AKID";
  credentials.secret_access_key = "s3cret";
  credentials.session_token = "t0ken";
  std::ostringstream out;
  out << credentials;
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("AKID"), Not(HasSubstr("s3cret")), Not(HasSubstr("t0ken"))));
  EXPECT_THAT(testing::PrintToString(credentials), Not(HasSubstr("s3cret")));
}

TEST(EnvironmentCredentials, AreRead) {
  const auto provider = environment_credentials(fixed_environment(
      {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "S"}, {"AWS_SESSION_TOKEN", "T"}}));
  const Credentials credentials = run(provider->get());
  EXPECT_EQ(credentials.access_key_id, "A");
  EXPECT_EQ(credentials.secret_access_key, "S");
  EXPECT_EQ(credentials.session_token, "T");
}

TEST(EnvironmentCredentials, NameTheVariableThatIsMissingOrMalformed) {
  EXPECT_THAT(
      message_of<AccessDenied>([] {
        run(environment_credentials(fixed_environment({{"AWS_ACCESS_KEY_ID", "A"}}))->get());
      }),
      HasSubstr("AWS_SECRET_ACCESS_KEY is not set"));
  const auto malformed =
      fixed_environment({{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "line\nbreak"}});
  EXPECT_THAT(message_of<AccessDenied>([&] { run(environment_credentials(malformed)->get()); }),
              AllOf(HasSubstr("secret_access_key"), Not(HasSubstr("break"))));
}

class DefaultCredentials : public CredentialsTest {};

TEST_F(DefaultCredentials, SayWhatWasTriedAndWhyItFailed) {
  EXPECT_THAT(failure<AccessDenied>(default_credentials(options())),
              AllOf(HasSubstr("environment: AWS_ACCESS_KEY_ID is not set"),
                    HasSubstr("; profile: there is no profile default in"),
                    HasSubstr("; web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set"),
                    HasSubstr("; container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                    HasSubstr("; instance metadata: AWS_EC2_METADATA_DISABLED is true")));
}

TEST_F(DefaultCredentials, TakeTheEnvironmentFirst) {
  write(".aws/credentials", "[default]\naws_access_key_id = P\naws_secret_access_key = S\n");
  EXPECT_EQ(run(default_credentials(options())->get()).access_key_id, "P");
  variables_["AWS_ACCESS_KEY_ID"] = "A";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s3cret";
  const auto provider = default_credentials(options());
  EXPECT_EQ(provider->source(), "");
  EXPECT_EQ(run(provider->get()).access_key_id, "A");
  EXPECT_EQ(run(provider->get()).access_key_id, "A");  // from the source that was found
  EXPECT_EQ(provider->source(), "environment");
}

// The next one could be somebody else.
TEST_F(DefaultCredentials, EndWithASourceThatIsSetUpAndFails) {
  const StandIn service([&](const std::string&) { return StandIn::Answer{200, document(60min)}; });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = service.url();
  EXPECT_EQ(run(default_credentials(options())->get()).access_key_id, "AKID");
  variables_["AWS_PROFILE"] = "missing";
  EXPECT_THAT(failure<AccessDenied>(default_credentials(options())),
              AllOf(HasSubstr("no AWS credentials from profile: there is no profile missing"),
                    HasSubstr("tried before: environment: AWS_ACCESS_KEY_ID is not set")));
  variables_["AWS_SECRET_ACCESS_KEY"] = "s3cret";
  EXPECT_THAT(failure<AccessDenied>(default_credentials(options())),
              HasSubstr("from environment: AWS_ACCESS_KEY_ID is not set"));
  EXPECT_THAT(service.requests(), testing::SizeIs(1));
}

// As where HOME is another user's.
TEST_F(DefaultCredentials, PassOverDefaultFilesThatMayNotBeRead) {
  const std::string file = write(".aws/credentials", "[default]\naws_access_key_id = s3cret\n");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  const StandIn service([&](const std::string&) { return StandIn::Answer{200, document(60min)}; });
  const AnotherUser root_could_read_it;
  EXPECT_THAT(failure<AccessDenied>(default_credentials(options())),
              AllOf(HasSubstr("; profile: there is no profile default in"), HasSubstr(file),
                    HasSubstr(": Permission denied); web identity:")));
  variables_["AWS_PROFILE"] = "mine";  // somebody relies on them
  EXPECT_THAT(failure<AccessDenied>(default_credentials(options())),
              AllOf(HasSubstr("from profile: there is no profile mine in"),
                    HasSubstr(": Permission denied)")));
  variables_.erase("AWS_PROFILE");
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = service.url();
  EXPECT_EQ(run(default_credentials(options())->get()).access_key_id, "AKID");
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = file;
  EXPECT_THAT(failure<AccessDenied>(default_credentials(options())),
              HasSubstr("from profile: cannot read " + file + ": Permission denied"));
  variables_.erase("AWS_SHARED_CREDENTIALS_FILE");
  EXPECT_THAT(failure<AccessDenied>(from_ini({.credentials_file = file}, options())),
              HasSubstr("cannot read " + file));
}

// Its later failure is an outage.
TEST_F(DefaultCredentials, StayWithTheSourceThatWasFound) {
  std::atomic<bool> away = false;
  const StandIn service([&](const std::string&) {
    return away ? StandIn::Answer{503, ""} : StandIn::Answer{200, document(60min)};
  });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = service.url();
  const auto provider = default_credentials(options());
  EXPECT_EQ(run(provider->get()).access_key_id, "AKID");
  EXPECT_EQ(provider->source(), "container");
  write(".aws/credentials", "[default]\naws_access_key_id = P\naws_secret_access_key = S\n");
  away = true;
  clock_->pass(55min);
  EXPECT_EQ(run(provider->get()).access_key_id, "AKID");
  clock_->pass(6min);
  EXPECT_THAT(failure<TransientError>(provider), HasSubstr("HTTP 503"));
}

}  // namespace
}  // namespace sagabus::aws
