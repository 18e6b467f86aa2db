// The service that lets one principal act as a role.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "sagabus/aws/credentials.hpp"

namespace sagabus::aws {

struct Role {
  std::string arn{};
  std::string session_name{};      // empty: "sagabus-" and the time
  std::string external_id{};       // of AssumeRole only; empty: none
  std::string duration_seconds{};  // empty: as the service has it
  std::string region{};            // whose service is asked; empty: us-east-1
};

// Both throw AccessDenied, with the service's code and message, where it refuses, and
// TransientError where it does not answer. `options` says where AWS_ENDPOINT_URL_STS and the like
// are read.
boost::asio::awaitable<Credentials> assume_role(Role role, Credentials by,
                                                CredentialsOptions options);
boost::asio::awaitable<Credentials> assume_role_with_web_identity(Role role, std::string token,
                                                                  CredentialsOptions options);

}  // namespace sagabus::aws
