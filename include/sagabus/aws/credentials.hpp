// Who signs the requests: for whoever gives a client its AWS credentials, or writes a provider of
// their own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "sagabus/aws/environment.hpp"
#include "sagabus/clock.hpp"
#include "sagabus/log.hpp"

namespace sagabus::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;            // empty for long-lived credentials
  std::optional<TimePoint> expiration;  // nothing where they do not expire
};

// Shows the access key id and whether there is a token; never the secret or the token.
std::ostream& operator<<(std::ostream& out, const Credentials& credentials);

// Asked before every attempt, so an implementation keeps what it has until it must be refreshed.
// Safe to call from any thread.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;

  // Credentials that are valid now. Throws AccessDenied, naming what was tried and why it failed
  // and holding no secret, where there are none, and TransientError where that may pass by itself.
  // May be cancelled, and then throws
  // boost::system::system_error(operation_aborted).
  virtual boost::asio::awaitable<Credentials> get() = 0;

  // Told that a service has refused these as expired or unknown, whatever their expiration says.
  // True where the next `get` may give others, so that one more attempt is worth it. Returns at
  // once, and may be told of the same ones many times. Here: false, since there are no others.
  virtual bool renew(const Credentials& refused);

  // Who gave what `get` gave last, for people: "environment", "profile NAME", "web identity",
  // "container", "instance metadata", "program" for static ones. Holds no secret. Here, and before
  // the first answer of those that try several: empty.
  virtual std::string source() const;
};

// Throws std::invalid_argument, naming the field but never its value, where a key is empty or any
// of the three holds white space, a control character or a byte outside ASCII.
void validate(const Credentials& credentials);

// Always these. Throws std::invalid_argument as `validate` does. The token may be empty.
std::shared_ptr<CredentialsProvider> static_credentials(std::string access_key_id,
                                                        std::string secret_access_key,
                                                        std::string session_token = {});

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, read on every call.
std::shared_ptr<CredentialsProvider> environment_credentials(
    Environment environment = process_environment());

// What the sources of credentials use of their surroundings.
struct CredentialsOptions {
  Environment environment = process_environment();
  std::shared_ptr<Clock> clock = system_clock();
  // Whose STS is asked where neither the environment nor the profile names one; empty: us-east-1.
  std::string region = {};
  Logger logger = {};        // hears of refreshes that fail while the old credentials last
  std::string ca_file = {};  // PEM, trusted in place of the system's authorities; empty: those.
                             // One that cannot be read makes get() throw std::invalid_argument
};

struct IniOptions {
  std::string profile = {};           // empty: AWS_PROFILE, else "default"
  std::string credentials_file = {};  // empty: AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials
  std::string config_file = {};       // empty: AWS_CONFIG_FILE, else ~/.aws/config
};

// A profile of the files that the AWS tools share. The first that the profile has of these:
//   role_arn with source_profile, credential_source (Environment, Ec2InstanceMetadata,
//   EcsContainer)
//     or web_identity_token_file; external_id, role_session_name and duration_seconds go with it
//   sso_session, or sso_start_url and sso_region; with sso_account_id and sso_role_name. The token
//   is
//     the one that `aws sso login` has left in ~/.aws/sso/cache
//   aws_access_key_id, aws_secret_access_key and aws_session_token
//   credential_process, which is run without a shell
// mfa_serial is refused. The files are read again when the credentials are refreshed. One that may
// not be read is refused where an option or a variable names it, and else counts as not there.
//
// Credentials that expire are refreshed in the background from 15 min before; requests wait for it
// in the last 10 min only, and are never signed with expired ones. While a refresh fails, the old
// ones are used until they expire. Where a service refuses those of a session, they are refreshed
// at once, but at most every 30 s. Throws TransientError where a service cannot be reached.
std::shared_ptr<CredentialsProvider> from_ini(IniOptions files = {},
                                              CredentialsOptions options = {});

// What a client uses when it is given none: the first source that is set up, and from then on that
// source alone. One that is set up and fails ends the search, since the next one could be somebody
// else. In order:
//   environment        as environment_credentials
//   profile            as from_ini
//   web identity       AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME
//   container          AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or
//   AWS_CONTAINER_CREDENTIALS_FULL_URI,
//                      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN
//   instance metadata  of EC2, version 2, unless AWS_EC2_METADATA_DISABLED is true;
//                      AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE
// Refreshes as from_ini does.
std::shared_ptr<CredentialsProvider> default_credentials(CredentialsOptions options = {});

}  // namespace sagabus::aws
