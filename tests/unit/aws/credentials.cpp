#include "sagabus/aws/credentials.hpp"

#include <gmock/gmock.h>

#include <sstream>
#include <stdexcept>

#include "sagabus/error.hpp"
#include "unit/aws/run.hpp"

namespace sagabus::aws {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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

TEST(DefaultCredentials, SayWhatWasTriedAndWhyItFailed) {
  EXPECT_THAT(
      message_of<AccessDenied>([] { run(default_credentials(fixed_environment({}))->get()); }),
      AllOf(HasSubstr("environment"), HasSubstr("AWS_ACCESS_KEY_ID is not set")));
}

TEST(DefaultCredentials, TakeTheEnvironment) {
  const auto provider = default_credentials(
      fixed_environment({{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "S"}}));
  EXPECT_EQ(run(provider->get()).access_key_id, "A");
  EXPECT_EQ(run(provider->get()).access_key_id, "A");  // from the source that was found
}

}  // namespace
}  // namespace sagabus::aws
