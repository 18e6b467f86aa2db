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
  // and holding no secret, where there are none. May be cancelled, and then throws
  // boost::system::system_error(operation_aborted).
  virtual boost::asio::awaitable<Credentials> get() = 0;
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

// What a client uses when it is given none: the first source that has credentials, and from then
// on that source alone. Sources, in order: the environment.
std::shared_ptr<CredentialsProvider> default_credentials(
    Environment environment = process_environment());

}  // namespace sagabus::aws
