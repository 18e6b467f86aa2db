#include "profile.hpp"

#include <array>
#include <optional>
#include <string_view>

#include "sagabus/aws/credentials.hpp"

namespace sagabus::tools {

std::shared_ptr<aws::CredentialsProvider> profile_credentials(const std::string& profile,
                                                              const std::string& region) {
  aws::IniOptions files;
  files.profile = profile;
  aws::CredentialsOptions options;
  options.region = region;
  return aws::from_ini(std::move(files), std::move(options));
}

aws::Environment profile_environment(const std::string& profile) {
  return [profile,
          process = aws::process_environment()](const char* name) -> std::optional<std::string> {
    return std::string_view(name) == "AWS_PROFILE" ? profile : process(name);
  };
}

aws::ClientOptions profile_client(const std::string& profile, const std::string& region,
                                  const std::string& endpoint, const Ambient& ambient) {
  aws::ClientOptions client;
  client.region = region;
  client.endpoint = endpoint;
  client.credentials = profile_credentials(profile, region);
  client.environment = profile_environment(profile);
  client.clock = ambient.clock;
  client.random = ambient.random;
  client.logger = ambient.log;
  return client;
}

}  // namespace sagabus::tools
