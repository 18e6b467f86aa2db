#include "aws/region.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <stdexcept>

#include "aws/instance_metadata.hpp"
#include "aws/profile_files.hpp"
#include "sagabus/aws/endpoint.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

std::string checked(std::string_view field, std::string region) {
  const bool fine = !region.empty() && region.size() <= 63 && region.front() != '-' &&
                    region.back() != '-' && std::all_of(region.begin(), region.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (!fine) {
    throw std::invalid_argument(fmt::format(
        "{}: \"{}\" is no region: lower-case letters, digits and hyphens only", field, region));
  }
  return region;
}

ProfileFiles profile_files(const Environment& environment) {
  try {
    return read_profile_files(resolve_profile_paths(environment));
  } catch (const AccessDenied& error) {
    throw std::invalid_argument(fmt::format("region: not set, and {}", error.what()));
  }
}

std::optional<std::string> profile_region(const Environment& environment) {
  const std::string name = environment("AWS_PROFILE").value_or("default");
  const ProfileFiles files = profile_files(environment);
  const auto profile = files.profiles.find(name);
  if (profile == files.profiles.end()) return std::nullopt;
  const auto region = profile->second.find("region");
  if (region == profile->second.end()) return std::nullopt;
  return checked(fmt::format("region of the profile {}", name), region->second);
}

[[noreturn]] void refuse_without(const Environment& environment, std::string_view more) {
  const std::string left_out = profile_files(environment).left_out;
  throw std::invalid_argument(
      fmt::format("region: not set; set the option, AWS_REGION, AWS_DEFAULT_REGION or the "
                  "profile's region{}{}{}",
                  left_out.empty() ? "" : "; ", left_out, more));
}

asio::awaitable<std::string> ask_instance(InstanceMetadata metadata) {
  std::string token = co_await metadata.token();
  std::string path = "/latest/meta-data/placement/region";
  const auto region = co_await metadata.read(std::move(path), std::move(token));
  co_return region.value_or("");
}

}  // namespace

std::optional<std::string> configured_region(std::string_view configured,
                                             const Environment& environment) {
  if (!configured.empty()) return checked("region", std::string(configured));
  for (const char* const name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (auto region = environment(name)) return checked(name, *std::move(region));
  }
  return profile_region(environment);
}

std::string resolve_region(std::string_view configured, const Environment& environment) {
  auto region = configured_region(configured, environment);
  if (!region) refuse_without(environment, "");
  return *std::move(region);
}

std::string find_region(std::string_view configured, const CredentialsOptions& options) {
  if (auto region = configured_region(configured, options.environment)) return *std::move(region);
  asio::io_context context(1);
  auto asking = asio::co_spawn(context, ask_instance(InstanceMetadata(options)), asio::use_future);
  context.run();
  std::string region;
  try {
    region = asking.get();
  } catch (const Error& error) {
    refuse_without(options.environment, fmt::format("; no instance metadata: {}", error.what()));
  }
  return checked("region of the instance metadata", std::move(region));
}

}  // namespace sagabus::aws
