// Nothing that a talkative run prints holds a secret, whatever the services say.
#include <sys/stat.h>

#include <sstream>

#include "aws/digest.hpp"
#include "sagabus/aws/client.hpp"
#include "unit/aws/credentials_support.hpp"

namespace sagabus::aws {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

// What a service that does not like a signature answers: all that it was sent.
std::string quoted(std::string text) {
  std::string out;
  for (const char c : text) out += c == '\r' || c == '\n' || c == '"' || c == '<' ? ' ' : c;
  return out;
}

class Secrets : public CredentialsTest {
 protected:
  Secrets() {
    variables_["AWS_REGION"] = "us-east-1";
    variables_["AWS_MAX_ATTEMPTS"] = "3";
  }

  // Makes a call of DynamoDB with the credentials that are found, and notes all that is said of it.
  void call() {
    ClientOptions client;
    client.endpoint = dynamodb_.url();
    client.environment = options().environment;
    client.clock = clock_;
    client.logger =
        Logger([this](LogLevel, std::string_view line) { said_ << line << '\n'; }, LogLevel::debug);
    try {
      const Client aws(kDynamoDb, client);
      const Outcome outcome = run(aws.call("GetItem", "{}"));
      if (!outcome) said_ << outcome.error().message << outcome.error().code << '\n';
      if (!outcome) throw_service_error(outcome.error());
    } catch (const std::exception& error) {
      said_ << error.what() << '\n';
    }
    ++calls_;
  }
  void call_with(std::initializer_list<std::pair<const char*, std::string>> variables) {
    const auto before = variables_;
    for (const auto& [name, value] : variables) variables_[name] = value;
    call();
    variables_ = before;
  }

  std::ostringstream said_;
  int calls_ = 0;
  std::atomic<int> asked_ = 0;
  // Quotes the request, as an error at first, then as something that may pass, then as no JSON.
  const StandIn dynamodb_{[this](const std::string& request) {
    const std::string type = "com.amazon.coral.service#";
    switch (asked_++ % 3) {
      case 0:
        return StandIn::Answer{500, R"({"message":")" + quoted(request) + "\"}"};
      case 1:
        return StandIn::Answer{200, quoted(request)};
      default:
        return StandIn::Answer{403, R"({"__type":")" + type +
                                        R"(SignatureDoesNotMatch","message":")" + quoted(request) +
                                        "\"}"};
    }
  }};
  // Quotes the request as well, in each of the forms that services have.
  const StandIn json_{[](const std::string& request) {
    return StandIn::Answer{400, R"({"code":"E","message":")" + quoted(request) + "\"}"};
  }};
  const StandIn xml_{[](const std::string& request) {
    return StandIn::Answer{403, "<ErrorResponse><Error><Code>E</Code><Message>" + quoted(request) +
                                    "</Message></Error></ErrorResponse>"};
  }};
};

TEST_F(Secrets, AreInNothingThatIsSaid) {
  call_with({{"AWS_ACCESS_KEY_ID", "A"},
             {"AWS_SECRET_ACCESS_KEY", "s3cret-key"},
             {"AWS_SESSION_TOKEN", "s3cret-token"}});
  call_with({{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "s3cret key"}});
  call_with({{"AWS_SECRET_ACCESS_KEY", "s3cret-key"}});
  for (const StandIn* service : {&json_, &xml_, &dynamodb_}) {
    const std::string url = service->url();
    call_with({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url},
               {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "s3cret-container"}});
    call_with({{"AWS_ENDPOINT_URL_STS", url},
               {"AWS_ROLE_ARN", "r"},
               {"AWS_WEB_IDENTITY_TOKEN_FILE", write("token", "s3cret-web")}});
    write(".aws/config",
          "[default]\nrole_arn = r\nsource_profile = p\n[profile p]\naws_access_key_id = A\n"
          "aws_secret_access_key = s3cret-key\naws_session_token = s3cret-token\n");
    call_with({{"AWS_ENDPOINT_URL_STS", url}});
    write(".aws/config",
          "[default]\nsso_start_url = u\nsso_region = r\nsso_account_id = 1\nsso_role_name = r\n");
    write(".aws/sso/cache/" + sha1_hex("u") + ".json",
          R"({"accessToken":"s3cret-login","expiresAt":"2030-01-01T00:00:00Z"})");
    call_with({{"AWS_ENDPOINT_URL_SSO", url}});
    std::filesystem::remove(folder_.path() / ".aws/config");
  }
  for (const char* command :
       {"echo s3cret", "sh -c 'exit 3' s3cret", "/nowhere s3cret", "echo 's3cret",
        "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s3cret a\"}'"}) {
    write(".aws/config", "[default]\ncredential_process = " + std::string(command) + "\n");
    call();
  }
  EXPECT_EQ(calls_, 20);
  const std::string said = said_.str();
  EXPECT_THAT(said, Not(HasSubstr("s3cret")));
  EXPECT_THAT(log_, Not(HasSubstr("s3cret")));
  // The services did quote them, and were heard.
  EXPECT_THAT(said, HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(said, HasSubstr("X-Amz-Security-Token: ***"));
  EXPECT_THAT(said, HasSubstr("WebIdentityToken=***"));
  EXPECT_THAT(said, HasSubstr("x-amz-sso_bearer_token: ***"));
  EXPECT_THAT(said, HasSubstr("Authorization: ***"));
}

}  // namespace
}  // namespace sagabus::aws
