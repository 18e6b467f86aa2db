// What the sources of credentials have in common.
#pragma once

#include <memory>

#include "sagabus/aws/credentials.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {

// A source that nobody has set up. A chain asks the next one; of a source that was set up and fails
// it throws the error, since the next one could be somebody else.
class NotSetUp : public AccessDenied {
 public:
  using AccessDenied::AccessDenied;
};

// Each of these asks its service anew whenever it is asked: refreshing_credentials keeps what they
// give. What cannot be reached is a TransientError, what is refused an AccessDenied.

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI: ECS, EKS pod identity.
std::shared_ptr<CredentialsProvider> container_source(CredentialsOptions options);

// The role of an EC2 instance, from its metadata service, version 2 only. Where nothing answers
// there is none, unless it is expected, or has answered before: then it is an outage.
enum class Presence { unknown, expected };
std::shared_ptr<CredentialsProvider> instance_source(CredentialsOptions options,
                                                     Presence presence = Presence::unknown);

// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN: EKS service accounts.
std::shared_ptr<CredentialsProvider> web_identity_source(CredentialsOptions options);

// A profile of the shared files. One without credentials is not set up; one that was asked for by
// name and is not there is an AccessDenied.
std::shared_ptr<CredentialsProvider> profile_source(IniOptions files, CredentialsOptions options);

}  // namespace sagabus::aws
