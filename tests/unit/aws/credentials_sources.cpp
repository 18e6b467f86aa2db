// Each source of credentials, against a service that the test plays.
#include "aws/credentials_source.hpp"

#include <sys/stat.h>

#include "aws/digest.hpp"
#include "sagabus/aws/client.hpp"
#include "unit/aws/credentials_support.hpp"

namespace sagabus::aws {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

// The containers' service.

class ContainerCredentials : public CredentialsTest {
 protected:
  std::shared_ptr<CredentialsProvider> source(const std::string& url) {
    variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    return container_source(options());
  }
};

TEST_F(ContainerCredentials, AreReadWithTheTokenOfTheMoment) {
  const StandIn service([&](const std::string&) { return StandIn::Answer{200, document(60min)}; });
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "not this one";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = write("token", "one\n");
  const auto provider = source(service.url() + "v1/credentials?id=7");
  const Credentials credentials = run(provider->get());
  EXPECT_EQ(credentials.access_key_id, "AKID");
  EXPECT_EQ(credentials.secret_access_key, "s3cret");
  EXPECT_EQ(credentials.session_token, "s3cret-token");
  EXPECT_EQ(credentials.expiration, kTestNow + 1h);
  write("token", "two");
  run(provider->get());
  ASSERT_THAT(service.requests(), SizeIs(2));
  EXPECT_THAT(service.requests()[0], AllOf(StartsWith("GET /v1/credentials?id=7 HTTP/1.1\r\n"),
                                           HasSubstr("\r\nAuthorization: one\r\n")));
  EXPECT_THAT(service.requests()[1], HasSubstr("\r\nAuthorization: two\r\n"));
}

TEST_F(ContainerCredentials, NeedNoToken) {
  const StandIn service([&](const std::string&) { return StandIn::Answer{200, document(60min)}; });
  run(source(service.url())->get());
  EXPECT_THAT(service.requests(), ElementsAre(Not(HasSubstr("Authorization"))));
}

TEST_F(ContainerCredentials, AreNotSetUpWithoutAVariable) {
  EXPECT_THAT(failure<NotSetUp>(container_source(options())),
              HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI is set"));
}

// A token that travels in the clear to whomever the variable names would be anybody's.
TEST_F(ContainerCredentials, AreAskedOfNoStrangerInTheClear) {
  for (const char* url : {"http://example.com/", "http://10.0.0.1/", "http://169.254.170.3/",
                          "http://localhost.example.com/", "http://[fd00:ec2::24]/"}) {
    EXPECT_THAT(failure<AccessDenied>(source(url)), HasSubstr("nor this machine")) << url;
  }
  for (const char* url :
       {"http://localhost:1/", "http://127.0.0.2:1/", "http://[::1]:1/", "https://localhost:1/"}) {
    EXPECT_THAT(failure<TransientError>(source(url)), HasSubstr("3 attempts")) << url;
  }
}

TEST_F(ContainerCredentials, RefuseWhatWouldBreakARequest) {
  EXPECT_THAT(failure<AccessDenied>(source("http://localhost/a b")), HasSubstr("no URL"));
  EXPECT_THAT(failure<AccessDenied>(source("ftp://localhost/")), HasSubstr("FULL_URI"));
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "s3cret\r\nX-Evil: 1";
  EXPECT_THAT(failure<AccessDenied>(source("http://localhost/")), HasSubstr("control character"));
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_.path().string() + "/none";
  EXPECT_THAT(failure<AccessDenied>(source("http://localhost/")), HasSubstr("No such file"));
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "no slash";
  EXPECT_THAT(failure<AccessDenied>(source("http://localhost/")), HasSubstr("is no path"));
}

TEST_F(ContainerCredentials, MustEndAndNeedATokenWhereAFileHasIt) {
  const StandIn service([&](const std::string&) {
    return StandIn::Answer{200, R"({"AccessKeyId":"A","SecretAccessKey":"s3cret"})"};
  });
  EXPECT_THAT(failure<TransientError>(source(service.url())), HasSubstr("no expiration"));
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = write("token", "\n");
  EXPECT_THAT(failure<AccessDenied>(source(service.url())), HasSubstr("the file is empty"));
}

TEST_F(ContainerCredentials, SayWhyTheyWereRefused) {
  const StandIn service([&](const std::string&) {
    return StandIn::Answer{400, R"({"code":"BadId","message":"no such task\nat all"})"};
  });
  EXPECT_THAT(failure<AccessDenied>(source(service.url())),
              HasSubstr("HTTP 400 BadId: no such task"));
  EXPECT_THAT(service.requests(), SizeIs(1));
}

TEST_F(ContainerCredentials, AreAskedThreeTimes) {
  std::atomic<int> count = 0;
  const StandIn service([&](const std::string&) {
    return ++count < 3 ? StandIn::Answer{count == 1 ? 503 : -1, ""}
                       : StandIn::Answer{200, document(60min)};
  });
  EXPECT_EQ(run(source(service.url())->get()).access_key_id, "AKID");
  const StandIn broken([](const std::string&) { return StandIn::Answer{500, "s3cret"}; });
  EXPECT_THAT(failure<TransientError>(source(broken.url())), HasSubstr("HTTP 500 (3 attempts)"));
  EXPECT_THAT(broken.requests(), SizeIs(3));
}

TEST_F(ContainerCredentials, MayAnswerAnything) {
  const std::string good = document(60min);
  std::vector<std::string> bodies{
      "",
      "{",
      "[]",
      "null",
      R"("s3cret")",
      R"({"AccessKeyId":"A"})",
      R"({"AccessKeyId":"A","SecretAccessKey":"s3cret","Expiration":"soon"})",
      R"({"AccessKeyId":"A","SecretAccessKey":"s3cret","Expiration":7})",
      R"({"AccessKeyId":"A","SecretAccessKey":"s3cret\n","Token":"T"})",
      R"({"AccessKeyId":7,"SecretAccessKey":["s3cret"]})",
      std::string(100'000, '[')};
  for (std::size_t i = 0; i < good.size(); i += 7) bodies.push_back(good.substr(0, i));
  std::atomic<std::size_t> next = 0;
  const StandIn service([&](const std::string&) { return StandIn::Answer{200, bodies[next]}; });
  const auto provider = source(service.url());
  for (; next < bodies.size(); ++next) {
    EXPECT_THAT(failure<TransientError>(provider), HasSubstr("not a document with credentials"))
        << bodies[next];
  }
}

// The instances' service.

class InstanceCredentials : public CredentialsTest {
 protected:
  StandIn::Answer play(const std::string& request) const {
    if (request.starts_with("PUT /latest/api/token ")) {
      EXPECT_THAT(request, HasSubstr("X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
      return {200, "the-token"};
    }
    EXPECT_THAT(request, HasSubstr("\r\nX-aws-ec2-metadata-token: the-token\r\n"));
    const std::string roles = "GET /latest/meta-data/iam/security-credentials/";
    if (request.starts_with(roles + " ")) return {200, role_};
    if (request.starts_with(roles + "my-role ")) return {200, document(60min)};
    return {404, ""};
  }
  std::shared_ptr<CredentialsProvider> source(const StandIn& service) {
    variables_["AWS_EC2_METADATA_DISABLED"] = "false";
    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = service.url();
    return instance_source(options());
  }

  std::string role_ = "my-role\n";
};

TEST_F(InstanceCredentials, AreThoseOfItsRole) {
  const StandIn service([&](const std::string& request) { return play(request); });
  const Credentials credentials = run(source(service)->get());
  EXPECT_EQ(credentials.secret_access_key, "s3cret");
  EXPECT_EQ(credentials.expiration, kTestNow + 1h);
  EXPECT_THAT(service.requests(), SizeIs(3));
}

// As behind a proxy that stands for several services.
TEST_F(InstanceCredentials, AreAskedForUnderThePathOfTheEndpoint) {
  const StandIn service([&](const std::string& request) {
    const std::string prefix = "/imds/v2";
    const std::size_t at = request.find(' ') + 1;
    if (request.compare(at, prefix.size(), prefix) != 0) return StandIn::Answer{500, ""};
    return play(std::string(request).erase(at, prefix.size()));
  });
  variables_["AWS_EC2_METADATA_DISABLED"] = "false";
  for (const char* path : {"imds/v2", "imds/v2/"}) {
    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = service.url() + path;
    EXPECT_EQ(run(instance_source(options())->get()).access_key_id, "AKID") << path;
  }
  for (const char* path : {"a path", "path?query", "path#part"}) {
    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = service.url() + path;
    EXPECT_THAT(failure<AccessDenied>(instance_source(options())),
                HasSubstr("AWS_EC2_METADATA_SERVICE_ENDPOINT"));
  }
  EXPECT_THAT(service.requests(), SizeIs(6));
}

TEST_F(InstanceCredentials, AreNotSetUpWhereTheyAreTurnedOffOrThereIsNoRole) {
  const StandIn service([&](const std::string& request) {
    return request.starts_with("PUT") ? StandIn::Answer{200, "T"} : StandIn::Answer{404, ""};
  });
  EXPECT_THAT(failure<NotSetUp>(source(service)), HasSubstr("no role"));
  variables_["AWS_EC2_METADATA_DISABLED"] = "TRUE";
  EXPECT_THAT(failure<NotSetUp>(instance_source(options())), HasSubstr("DISABLED is true"));
  EXPECT_THAT(service.requests(), SizeIs(2));
}

TEST_F(InstanceCredentials, AreNotReadFromTheFirstVersion) {
  const StandIn service([](const std::string& request) {
    return request.starts_with("PUT") ? StandIn::Answer{404, ""} : StandIn::Answer{200, "x"};
  });
  EXPECT_THAT(failure<NotSetUp>(source(service)), HasSubstr("version 2"));
  EXPECT_THAT(service.requests(), SizeIs(1));
}

// Where nothing answers, this is no instance; where something has, it is an outage.
TEST_F(InstanceCredentials, AreAnOutageOnceTheyWereThere) {
  std::atomic<int> mode = 0;
  const StandIn service([&](const std::string& request) {
    if (mode == 1) return StandIn::Answer{-1, ""};
    if (mode == 2) return StandIn::Answer{200, "<html>"};
    return play(request);
  });
  const auto provider = source(service);
  mode = 1;
  EXPECT_THAT(failure<NotSetUp>(provider), HasSubstr("2 attempts"));
  mode = 0;
  run(provider->get());
  mode = 1;
  EXPECT_THAT(failure<TransientError>(provider), HasSubstr("2 attempts"));
  mode = 2;
  EXPECT_THAT(failure<TransientError>(provider), HasSubstr("no name of a role"));
}

TEST_F(InstanceCredentials, DoNotWaitForOneThatHangs) {
  const StandIn service([](const std::string&) { return StandIn::Answer{0, ""}; });
  EXPECT_THAT(failure<NotSetUp>(source(service)), HasSubstr("no answer in time"));
}

TEST_F(InstanceCredentials, SayWhatTheServiceSays) {
  const StandIn service([&](const std::string& request) {
    const bool last = request.find("my-role ") != request.npos;
    return last ? StandIn::Answer{200, R"({"Code":"AssumeRoleUnauthorized","Message":"trust it"})"}
                : play(request);
  });
  EXPECT_THAT(failure<AccessDenied>(source(service)),
              HasSubstr("AssumeRoleUnauthorized: trust it"));
  const StandIn closed([](const std::string&) { return StandIn::Answer{403, ""}; });
  EXPECT_THAT(failure<AccessDenied>(source(closed)), HasSubstr("HTTP 403 for a token"));
}

TEST_F(InstanceCredentials, RefuseARoleThatWouldBreakARequest) {
  role_ = "a b\r\nX: 1";
  const StandIn service([&](const std::string& request) { return play(request); });
  EXPECT_THAT(failure<TransientError>(source(service)), HasSubstr("no name of a role"));
}

TEST_F(InstanceCredentials, AreAnOutageWhereAnythingAnswersOrTheyAreExpected) {
  const StandIn busy([](const std::string&) { return StandIn::Answer{503, ""}; });
  EXPECT_THAT(failure<TransientError>(source(busy)), HasSubstr("HTTP 503"));
  const StandIn mute([](const std::string&) { return StandIn::Answer{-1, ""}; });
  source(mute);
  EXPECT_THAT(failure<TransientError>(instance_source(options(), Presence::expected)),
              HasSubstr("2 attempts"));
}

// Web identity.

class WebIdentityCredentials : public CredentialsTest {};

TEST_F(WebIdentityCredentials, AreAskedForWithTheTokenOfTheMoment) {
  const StandIn sts([&](const std::string&) { return StandIn::Answer{200, sts_document(60min)}; });
  EXPECT_THAT(failure<NotSetUp>(web_identity_source(options())), HasSubstr("TOKEN_FILE"));
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "one+two/\n");
  EXPECT_THAT(failure<AccessDenied>(web_identity_source(options())), HasSubstr("AWS_ROLE_ARN"));
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  const auto provider = web_identity_source(options());
  const Credentials credentials = run(provider->get());
  EXPECT_EQ(credentials.session_token, "s3cret-token");
  EXPECT_EQ(credentials.expiration, kTestNow + 1h);
  write("token", "three");
  variables_["AWS_ROLE_SESSION_NAME"] = "me";
  run(web_identity_source(options())->get());
  ASSERT_THAT(sts.requests(), SizeIs(2));
  EXPECT_THAT(sts.requests()[0],
              AllOf(StartsWith("POST / HTTP/1.1\r\n"), Not(HasSubstr("Authorization")),
                    HasSubstr("\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&"
                              "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
                              "RoleSessionName=sagabus-1700000000000&"
                              "WebIdentityToken=one%2Btwo%2F")));
  EXPECT_THAT(sts.requests()[1], HasSubstr("RoleSessionName=me&WebIdentityToken=three"));
}

TEST_F(WebIdentityCredentials, AreAskedForUnderThePathOfTheEndpoint) {
  const StandIn sts([&](const std::string&) { return StandIn::Answer{200, sts_document(60min)}; });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url() + "behind/sts";
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "s3cret");
  variables_["AWS_ROLE_ARN"] = "arn";
  run(web_identity_source(options())->get());
  EXPECT_THAT(sts.requests(), ElementsAre(StartsWith("POST /behind/sts HTTP/1.1\r\n")));
}

TEST_F(WebIdentityCredentials, SayWhyTheyWereRefused) {
  std::string body =
      "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>"
      "<Message>no provider</Message></Error></ErrorResponse>";
  const StandIn sts([&](const std::string&) { return StandIn::Answer{400, body}; });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "s3cret");
  variables_["AWS_ROLE_ARN"] = "arn";
  EXPECT_THAT(failure<AccessDenied>(web_identity_source(options())),
              HasSubstr("STS: HTTP 400 InvalidIdentityToken: no provider"));
  for (const char* other : {"", "<", "<a><b></a>", "<html>s3cret</html>", "&"}) {
    body = other;
    EXPECT_THAT(failure<AccessDenied>(web_identity_source(options())), HasSubstr("STS: HTTP 400"));
  }
}

// STS says so with the status 400.
TEST_F(WebIdentityCredentials, AreAskedForAgainWhereTheyAreThrottled) {
  std::atomic<int> count = 0;
  const StandIn sts([&](const std::string&) {
    const char* code = count++ == 0 ? "Throttling" : "IDPCommunicationError";
    const std::string body = std::string("<ErrorResponse><Error><Code>") + code +
                             "</Code><Message>wait</Message></Error></ErrorResponse>";
    return count < 3 ? StandIn::Answer{400, body} : StandIn::Answer{200, sts_document(60min)};
  });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "s3cret");
  variables_["AWS_ROLE_ARN"] = "arn";
  EXPECT_EQ(run(web_identity_source(options())->get()).access_key_id, "AKID");
  EXPECT_THAT(sts.requests(), SizeIs(3));
}

// The token may be good, and STS not have seen the keys that it is signed with.
TEST_F(WebIdentityCredentials, AreAskedForAgainWhereTheTokenIsInDoubt) {
  std::atomic<int> refusals = 2;
  const StandIn sts([&](const std::string&) {
    if (refusals-- <= 0) return StandIn::Answer{200, sts_document(60min)};
    return StandIn::Answer{400,
                           "<ErrorResponse><Error><Code>InvalidIdentityToken</Code>"
                           "<Message>no key for s3cret</Message></Error></ErrorResponse>"};
  });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "s3cret");
  variables_["AWS_ROLE_ARN"] = "arn";
  EXPECT_EQ(run(web_identity_source(options())->get()).access_key_id, "AKID");
  EXPECT_THAT(sts.requests(), SizeIs(3));
  refusals = 1000;
  EXPECT_THAT(failure<AccessDenied>(web_identity_source(options())),
              HasSubstr("STS: HTTP 400 InvalidIdentityToken: no key for ***"));
  EXPECT_THAT(sts.requests(), SizeIs(6));
}

// Neither by a call beyond its deadline nor, where that has none, for more than three attempts.
TEST_F(WebIdentityCredentials, AreNotWaitedForWithoutEnd) {
  const StandIn sts([](const std::string&) { return StandIn::Answer{0, ""}; });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "s3cret");
  variables_["AWS_ROLE_ARN"] = "arn";
  ClientOptions hurried;
  hurried.region = "us-east-1";
  hurried.environment = options().environment;
  hurried.clock = clock_;
  hurried.credentials = default_credentials(options());
  hurried.max_attempts = 1;
  hurried.deadline = 10ms;
  const Client client(kDynamoDb, hurried);
  const Outcome outcome = run(client.call("GetItem", "{}"));  // ends, and what it began goes on
  ASSERT_TRUE(outcome.has_error());
  EXPECT_THAT(outcome.error().message, HasSubstr("no credentials came"));
  EXPECT_THAT(failure<TransientError>(hurried.credentials),
              AllOf(HasSubstr("no AWS credentials from web identity: " + sts.url()),
                    HasSubstr("no answer in time (3 attempts)")));
  EXPECT_THAT(sts.requests(), SizeIs(3));
}

TEST_F(WebIdentityCredentials, MayBeAnsweredAnything) {
  const std::string good = sts_document(60min);
  std::vector<std::string> bodies{"",
                                  "<",
                                  "<a/>",
                                  "{}",
                                  "<Credentials/>",
                                  "<Credentials><AccessKeyId>s3cret</AccessKeyId></Credentials>"};
  for (const std::string tag : {"<a>", "<a b=\"</\">"}) {
    std::string deep;
    while (deep.size() + tag.size() < std::size_t{256} * 1024) deep += tag;
    bodies.push_back(std::move(deep));
  }
  for (std::size_t i = 0; i < good.size(); i += 11) bodies.push_back(good.substr(0, i));
  std::atomic<std::size_t> next = 0;
  const StandIn sts([&](const std::string&) { return StandIn::Answer{200, bodies[next]}; });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = write("token", "s3cret");
  variables_["AWS_ROLE_ARN"] = "arn";
  const auto provider = web_identity_source(options());
  for (; next < bodies.size(); ++next) {
    const std::string what = failure<TransientError>(provider);
    EXPECT_THAT(what, HasSubstr("not a document with credentials")) << bodies[next].substr(0, 99);
  }
}

}  // namespace
}  // namespace sagabus::aws
