// Credentials for whoever has logged in with `aws sso login`.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "sagabus/aws/credentials.hpp"

namespace sagabus::aws {

struct SsoLogin {
  std::string session{};  // the name of the sso-session; empty: the profile has a start URL
  std::string start_url{};
  std::string region{};
  std::string account_id{};
  std::string role_name{};
};

// Throws AccessDenied where nobody has logged in, or the login has expired, or the service refuses,
// and TransientError where it does not answer.
boost::asio::awaitable<Credentials> sso_credentials(SsoLogin login, CredentialsOptions options);

}  // namespace sagabus::aws
