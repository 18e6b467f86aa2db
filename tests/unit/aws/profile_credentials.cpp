// What a profile of the shared files stands for.
#include <sys/stat.h>

#include "aws/credentials_source.hpp"
#include "aws/digest.hpp"
#include "aws/sigv4.hpp"
#include "unit/aws/credentials_support.hpp"

namespace sagabus::aws {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class ProfileCredentials : public CredentialsTest {
 protected:
  void config(const std::string& text) { write(".aws/config", text); }
  void credentials(const std::string& text) { write(".aws/credentials", text); }
  std::shared_ptr<CredentialsProvider> profile(const std::string& name = {}) const {
    return profile_source({.profile = name}, options());
  }
  std::string key(const std::string& name = {}) const {
    return run(profile(name)->get()).access_key_id;
  }
};

TEST_F(ProfileCredentials, MayBeKeys) {
  config("[profile production]\naws_access_key_id = FROM_CONFIG\n");
  credentials(
      "[default]\naws_access_key_id = A\naws_secret_access_key = s3cret\n"
      "[production]\naws_access_key_id = P\naws_secret_access_key = s3cret\n"
      "aws_session_token = T\n[half]\naws_access_key_id = H\n");
  EXPECT_EQ(key(), "A");
  EXPECT_EQ(key("production"), "P");
  EXPECT_EQ(run(profile("production")->get()).session_token, "T");
  variables_["AWS_PROFILE"] = "production";
  EXPECT_EQ(key(), "P");
  EXPECT_EQ(key("default"), "A");
  EXPECT_THAT(failure<AccessDenied>(profile("half")),
              HasSubstr("the profile half: aws_secret_access_key is missing"));
  EXPECT_THAT(failure<AccessDenied>(profile("other")),
              AllOf(HasSubstr("there is no profile other"), HasSubstr(folder_.path().string())));
}

TEST_F(ProfileCredentials, AreReadFromTheFilesThatWereNamed) {
  IniOptions files;
  files.credentials_file =
      write("mine", "[p]\naws_access_key_id = M\naws_secret_access_key = s3cret\n");
  files.profile = "p";
  EXPECT_EQ(run(from_ini(files, options())->get()).access_key_id, "M");
}

TEST_F(ProfileCredentials, AreNotSetUpWithoutAFileOrWithoutAny) {
  EXPECT_THAT(failure<NotSetUp>(profile()), HasSubstr("no profile default"));
  config("[default]\nregion = eu-west-1\n");
  EXPECT_THAT(failure<NotSetUp>(profile()), HasSubstr("has no credentials"));
}

// The value of a header.
std::string header(const std::string& request, const std::string& name) {
  const std::size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

// What the Authorization header of a request to STS ought to be.
std::string authorization(const std::string& request, const std::string& region,
                          const Credentials& by) {
  const std::string host = header(request, "Host");
  const std::string type = header(request, "Content-Type");
  const std::string date = header(request, "X-Amz-Date");
  std::vector<Header> headers{{"Host", host}, {"Content-Type", type}, {"X-Amz-Date", date}};
  if (!by.session_token.empty()) headers.push_back({"X-Amz-Security-Token", by.session_token});
  SigningRequest signing;
  signing.method = "POST";
  signing.path = "/";
  signing.headers = headers;
  signing.payload = std::string_view(request).substr(request.find("\r\n\r\n") + 4);
  return Signer(region, "sts").authorization(signing, by, date);
}

TEST_F(ProfileCredentials, MayBeTheRoleOfAnother) {
  const StandIn sts([&](const std::string& request) {
    const bool second = request.find("RoleArn=outer") != request.npos;
    return StandIn::Answer{200, sts_document(60min, second ? "OUTER" : "INNER")};
  });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  config(
      "[profile outer]\nrole_arn = outer\nsource_profile = inner\nregion = eu-west-3\n"
      "external_id = a b\nduration_seconds = 900\nrole_session_name = me\n"
      "[profile inner]\nrole_arn = inner\nsource_profile = base\n"
      "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s3cret\n");
  const Credentials found = run(profile("outer")->get());
  EXPECT_EQ(found.access_key_id, "OUTER");
  EXPECT_EQ(found.expiration, kTestNow + 1h);
  ASSERT_THAT(sts.requests(), SizeIs(2));
  EXPECT_EQ(header(sts.requests()[0], "Authorization"),
            authorization(sts.requests()[0], "eu-west-3", {"BASE", "s3cret", "", {}}));
  EXPECT_EQ(header(sts.requests()[1], "Authorization"),
            authorization(sts.requests()[1], "eu-west-3", {"INNER", "s3cret", "s3cret-token", {}}));
  EXPECT_THAT(sts.requests()[0],
              AllOf(HasSubstr("Authorization: AWS4-HMAC-SHA256 "
                              "Credential=BASE/20231114/eu-west-3/sts/aws4_request"),
                    HasSubstr("Action=AssumeRole&")));
  EXPECT_THAT(
      sts.requests()[1],
      AllOf(HasSubstr("Credential=INNER/"), HasSubstr("X-Amz-Security-Token: s3cret-token\r\n"),
            HasSubstr("RoleSessionName=me&DurationSeconds=900&ExternalId=a%20b")));
}

TEST_F(ProfileCredentials, MayBeARoleByItsOwnKeysOrASource) {
  const StandIn sts([&](const std::string&) { return StandIn::Answer{200, sts_document(60min)}; });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  config(
      "[profile own]\nrole_arn = r\nsource_profile = own\naws_access_key_id = OWN\n"
      "aws_secret_access_key = s3cret\n"
      "[profile env]\nrole_arn = r\ncredential_source = Environment\n"
      "[profile container]\nrole_arn = r\ncredential_source = EcsContainer\n"
      "[profile instance]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n"
      "[profile web]\nrole_arn = r\nweb_identity_token_file = " +
      write("token", "s3cret\n") + "\n");
  run(profile("own")->get());
  EXPECT_THAT(sts.requests().back(), HasSubstr("Credential=OWN/"));
  EXPECT_THAT(failure<AccessDenied>(profile("env")), HasSubstr("AWS_ACCESS_KEY_ID is not set"));
  EXPECT_THAT(failure<AccessDenied>(profile("container")), HasSubstr("CREDENTIALS_FULL_URI"));
  EXPECT_THAT(failure<AccessDenied>(profile("instance")), HasSubstr("DISABLED"));
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s3cret";
  run(profile("env")->get());
  EXPECT_THAT(sts.requests().back(), HasSubstr("Credential=ENV/"));
  run(profile("web")->get());
  EXPECT_THAT(sts.requests().back(), HasSubstr("WebIdentityToken=s3cret"));
}

// Keys come first in a source_profile, whatever else it has.
TEST_F(ProfileCredentials, EndAtASourceWithKeys) {
  const StandIn sts([&](const std::string&) { return StandIn::Answer{200, sts_document(60min)}; });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  config(
      "[profile a]\nrole_arn = a\nsource_profile = b\n"
      "[profile b]\nrole_arn = b\nsource_profile = a\naws_access_key_id = B\n"
      "aws_secret_access_key = s3cret\n");
  CredentialsOptions here = options();
  here.region = "cn-north-1";
  run(profile_source({.profile = "a"}, here)->get());
  EXPECT_THAT(sts.requests(),
              testing::ElementsAre(AllOf(HasSubstr("RoleArn=a&"), HasSubstr("Credential=B/"),
                                         HasSubstr("/cn-north-1/sts/"))));
}

// It is set up: the next source in a chain could be somebody else.
TEST_F(ProfileCredentials, AreRefusedWhereASourceHasNone) {
  config("[default]\nrole_arn = r\nsource_profile = base\n[profile base]\nregion = eu-west-1\n");
  const StandIn service([&](const std::string&) { return StandIn::Answer{200, document(60min)}; });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = service.url();
  EXPECT_THAT(failure<AccessDenied>(default_credentials(options())),
              HasSubstr("from profile: the profile default: the profile base has no credentials"));
}

// They go into a host's name and a header.
TEST_F(ProfileCredentials, RefuseARegionThatIsNone) {
  config(
      "[default]\nrole_arn = r\nsource_profile = default\naws_access_key_id = A\n"
      "aws_secret_access_key = s3cret\nregion = eu-west-1\n  X-Evil: 1\n"
      "[profile sso]\nsso_start_url = u\nsso_region = eu-west-1\n  X-Evil: 1\n"
      "sso_account_id = 1\nsso_role_name = r\n");
  write(".aws/sso/cache/" + sha1_hex("u") + ".json",
        R"({"accessToken":"s3cret","expiresAt":"2030-01-01T00:00:00Z"})");
  EXPECT_THAT(failure<AccessDenied>(profile()), HasSubstr("is no region"));
  EXPECT_THAT(failure<AccessDenied>(profile("sso")), HasSubstr("is no region"));
}

TEST_F(ProfileCredentials, RefuseARoleThatCannotBeAssumed) {
  config(
      "[profile a]\nrole_arn = a\nsource_profile = b\n"
      "[profile b]\nrole_arn = b\nsource_profile = a\n"
      "[profile none]\nrole_arn = r\n"
      "[profile both]\nrole_arn = r\nsource_profile = a\ncredential_source = Environment\n"
      "[profile odd]\nrole_arn = r\ncredential_source = Elsewhere\n"
      "[profile mfa]\nrole_arn = r\nsource_profile = a\nmfa_serial = s\n"
      "[profile gone]\nrole_arn = r\nsource_profile = nowhere\n");
  EXPECT_THAT(failure<AccessDenied>(profile("a")), HasSubstr("leads back"));
  EXPECT_THAT(failure<AccessDenied>(profile("none")), HasSubstr("either source_profile or"));
  EXPECT_THAT(failure<AccessDenied>(profile("both")), HasSubstr("either source_profile or"));
  EXPECT_THAT(failure<AccessDenied>(profile("odd")), HasSubstr("Elsewhere"));
  EXPECT_THAT(failure<AccessDenied>(profile("mfa")), HasSubstr("mfa_serial"));
  EXPECT_THAT(failure<AccessDenied>(profile("gone")), HasSubstr("no profile nowhere"));
}

TEST_F(ProfileCredentials, MayBeWhatAProgramPrints) {
  const std::string program =
      write("give",
            "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"'$1'\",\"SecretAccessKey\":"
            "\"s3cret\",\"SessionToken\":\"T\",\"Expiration\":\"2023-11-14T23:13:20Z\"}'\n");
  ::chmod(program.c_str(), 0700);
  config("[default]\ncredential_process = '" + program + "' \"from here\"\n" +
         "[profile old]\ncredential_process = echo {\\\"Version\\\":2}\n");
  const auto provider = profile();
  EXPECT_THAT(failure<TransientError>(provider), HasSubstr("access_key_id"));  // "from here"
  config("[default]\ncredential_process = '" + program + "' \"HERE\"\n");
  const Credentials found = run(provider->get());
  EXPECT_EQ(found.access_key_id, "HERE");
  EXPECT_EQ(found.expiration, kTestNow + 1h);
  config("[default]\ncredential_process = echo {\\\"Version\\\":2}\n");
  EXPECT_THAT(failure<AccessDenied>(provider), HasSubstr("version other than 1"));
}

class SsoCredentials : public ProfileCredentials {
 protected:
  void log_in(const std::string& name, const std::string& end) {
    write(".aws/sso/cache/" + sha1_hex(name) + ".json",
          R"({"accessToken":"s3cret-login","expiresAt":")" + end + R"("})");
  }
};

TEST_F(SsoCredentials, AreThoseOfWhoeverHasLoggedIn) {
  const StandIn portal([](const std::string&) {
    return StandIn::Answer{200,
                           R"({"roleCredentials":{"accessKeyId":"S","secretAccessKey":"s3cret",)"
                           R"("sessionToken":"T","expiration":1700003600000}})"};
  });
  variables_["AWS_ENDPOINT_URL_SSO"] = portal.url();
  config(
      "[sso-session corp]\nsso_start_url = https://corp\nsso_region = eu-west-1\n"
      "[profile new]\nsso_session = corp\nsso_account_id = 12\nsso_role_name = a/b\n"
      "[profile old]\nsso_start_url = https://old\nsso_region = eu-west-1\n"
      "sso_account_id = 12\nsso_role_name = r\n"
      "[profile lost]\nsso_session = other\nsso_account_id = 12\nsso_role_name = r\n"
      "[profile half]\nsso_session = corp\nsso_account_id = 12\n");
  EXPECT_THAT(failure<AccessDenied>(profile("new")), HasSubstr("No such file"));
  log_in("corp", "2023-11-14T22:13:20Z");
  EXPECT_THAT(failure<AccessDenied>(profile("new")),
              AllOf(HasSubstr("has expired"), HasSubstr("aws sso login")));
  log_in("corp", "2023-11-14T22:13:21Z");
  log_in("https://old", "2023-11-15T00:00:00UTC");
  const Credentials found = run(profile("new")->get());
  EXPECT_EQ(found.access_key_id, "S");
  EXPECT_EQ(found.expiration, kTestNow + 1h);
  variables_["AWS_ENDPOINT_URL_SSO"] = portal.url() + "behind/sso/";
  run(profile("old")->get());
  ASSERT_THAT(portal.requests(), SizeIs(2));
  EXPECT_THAT(
      portal.requests()[0],
      AllOf(StartsWith("GET /federation/credentials?role_name=a%2Fb&account_id=12 HTTP/1.1\r\n"),
            HasSubstr("x-amz-sso_bearer_token: s3cret-login\r\n")));
  EXPECT_THAT(portal.requests()[1], StartsWith("GET /behind/sso/federation/credentials?role_name"));
  EXPECT_THAT(failure<AccessDenied>(profile("lost")), HasSubstr("no sso-session other"));
  EXPECT_THAT(failure<AccessDenied>(profile("half")), HasSubstr("sso_role_name is missing"));
}

TEST_F(SsoCredentials, SayWhyTheyWereRefused) {
  StandIn::Answer answer{401, ""};
  const StandIn portal([&](const std::string&) { return answer; });
  variables_["AWS_ENDPOINT_URL_SSO"] = portal.url();
  config(
      "[default]\nsso_start_url = u\nsso_region = eu-west-1\nsso_account_id = 1\n"
      "sso_role_name = r\n");
  log_in("u", "2023-11-15T00:00:00Z");
  EXPECT_THAT(failure<AccessDenied>(profile()), HasSubstr("not accepted any more"));
  answer = {403, R"({"__type":"ForbiddenException","message":"No access"})"};
  EXPECT_THAT(failure<AccessDenied>(profile()),
              HasSubstr("SSO: HTTP 403 ForbiddenException: No access"));
  answer = {200, R"({"roleCredentials":{"secretAccessKey":"s3cret"}})"};
  EXPECT_THAT(failure<TransientError>(profile()), HasSubstr("expiration is no time"));
  write(".aws/sso/cache/" + sha1_hex("u") + ".json", "{\"accessToken\":\"s3cret\"");
  EXPECT_THAT(failure<AccessDenied>(profile()), HasSubstr("no login"));
}

}  // namespace
}  // namespace sagabus::aws
