// A profile of ~/.aws that a command line names.
#pragma once

#include <memory>
#include <string>

#include "sagabus/ambient.hpp"
#include "sagabus/aws/client.hpp"

namespace sagabus::tools {

// What signs the requests of a client: that profile, whatever keys the environment holds. Its
// Region counts where neither the URI nor AWS_REGION names one. `profile` is not empty.
std::shared_ptr<aws::CredentialsProvider> profile_credentials(const std::string& profile,
                                                              const std::string& region);
aws::Environment profile_environment(const std::string& profile);

// Of a client that goes by a profile; region and endpoint may be empty.
aws::ClientOptions profile_client(const std::string& profile, const std::string& region,
                                  const std::string& endpoint, const Ambient& ambient);

}  // namespace sagabus::tools
