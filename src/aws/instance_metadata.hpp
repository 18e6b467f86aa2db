// The metadata service of an EC2 instance, version 2.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "aws/fetch.hpp"
#include "sagabus/aws/credentials.hpp"

namespace sagabus::aws {

// Throws NotSetUp where AWS_EC2_METADATA_DISABLED is "true", AccessDenied where the service refuses
// or its address in the environment is wrong, and TransientError where it does not answer.
class InstanceMetadata {
 public:
  explicit InstanceMetadata(CredentialsOptions options) : options_(std::move(options)) {}

  // What the other requests need. Lasts for hours.
  boost::asio::awaitable<std::string> token() const;

  // What stands at that path; nothing where nothing does.
  boost::asio::awaitable<std::optional<std::string>> read(std::string path,
                                                          std::string token) const;

 private:
  Fetch request() const;

  const CredentialsOptions options_;
};

}  // namespace sagabus::aws
