// Credentials of a profile, which may stand for a role of another profile's, and so on.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "aws/credential_process.hpp"
#include "aws/credentials_document.hpp"
#include "aws/credentials_source.hpp"
#include "aws/profile_files.hpp"
#include "aws/small_file.hpp"
#include "aws/sso.hpp"
#include "aws/sts.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kProcessTimeout(60);
constexpr std::size_t kMostRoles = 16;  // one after another

// What the coroutines of one lookup share; they keep it alive.
struct Lookup {
  CredentialsOptions options;
  ProfileFiles files;
  std::string where;     // the files, for people
  std::string left_out;  // which of them, and why
  std::string region;
  std::vector<std::string> roles{};  // the profiles whose roles are being assumed
};
using LookupPtr = std::shared_ptr<Lookup>;

class Profile {
 public:
  Profile(std::string name, const ProfileKeys& keys) : name_(std::move(name)), keys_(keys) {}

  const std::string& name() const { return name_; }
  bool has(std::string_view key) const { return keys_.contains(key); }
  std::string text(std::string_view key) const {
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::string() : found->second;
  }
  std::string required(std::string_view key) const {
    std::string value = text(key);
    if (value.empty()) fail(fmt::format("{} is missing", key));
    return value;
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw AccessDenied(fmt::format("the profile {}: {}", name_, what));
  }

 private:
  std::string name_;
  const ProfileKeys& keys_;
};

Profile find_profile(const Lookup& lookup, const std::string& name) {
  const auto found = lookup.files.profiles.find(name);
  if (found == lookup.files.profiles.end()) {
    throw AccessDenied(fmt::format("there is no profile {} in {}", name, lookup.where));
  }
  return {name, found->second};
}

bool has_static_keys(const Profile& profile) {
  return profile.has("aws_access_key_id") || profile.has("aws_secret_access_key");
}

Credentials static_keys(const Profile& profile) {
  Credentials credentials;
  credentials.access_key_id = profile.required("aws_access_key_id");
  credentials.secret_access_key = profile.required("aws_secret_access_key");
  credentials.session_token = profile.text("aws_session_token");
  return credentials;
}

SsoLogin sso_login(const Profile& profile, const Lookup& lookup) {
  SsoLogin login;
  login.account_id = profile.required("sso_account_id");
  login.role_name = profile.required("sso_role_name");
  login.session = profile.text("sso_session");
  if (login.session.empty()) {
    login.start_url = profile.required("sso_start_url");
    login.region = profile.required("sso_region");
    return login;
  }
  const auto found = lookup.files.sso_sessions.find(login.session);
  if (found == lookup.files.sso_sessions.end()) {
    profile.fail(fmt::format("there is no sso-session {} in {}", login.session, lookup.where));
  }
  login.region = Profile(login.session, found->second).required("sso_region");
  return login;
}

Role role_of(const Profile& profile, const Lookup& lookup) {
  if (profile.has("mfa_serial")) profile.fail("mfa_serial: nobody is here to type a code");
  Role role;
  role.arn = profile.required("role_arn");
  role.session_name = profile.text("role_session_name");
  role.external_id = profile.text("external_id");
  role.duration_seconds = profile.text("duration_seconds");
  role.region = lookup.region;
  return role;
}

std::shared_ptr<CredentialsProvider> named_source(const Profile& profile, const Lookup& lookup) {
  const std::string name = profile.text("credential_source");
  if (name == "Environment") return environment_credentials(lookup.options.environment);
  if (name == "Ec2InstanceMetadata") return instance_source(lookup.options, Presence::expected);
  if (name == "EcsContainer") return container_source(lookup.options);
  profile.fail(fmt::format(
      "credential_source is {}, not Environment, Ec2InstanceMetadata or EcsContainer", name));
}

asio::awaitable<Credentials> credentials_of(LookupPtr lookup, std::string name);

// Whoever assumes the role.
asio::awaitable<Credentials> role_source(LookupPtr lookup, Profile profile) {
  if (profile.has("source_profile") == profile.has("credential_source")) {
    profile.fail("role_arn goes with either source_profile or credential_source");
  }
  if (profile.has("credential_source")) {
    const auto source = named_source(profile, *lookup);
    try {
      co_return co_await source->get();
    } catch (const NotSetUp& error) {
      profile.fail(error.what());
    }
  }
  const Profile source = find_profile(*lookup, profile.text("source_profile"));
  if (has_static_keys(source)) co_return static_keys(source);  // whatever else it has
  try {
    co_return co_await credentials_of(lookup, source.name());
  } catch (const NotSetUp& error) {
    profile.fail(error.what());
  }
}

asio::awaitable<Credentials> role_credentials(LookupPtr lookup, Profile profile) {
  Role role = role_of(profile, *lookup);
  if (profile.has("web_identity_token_file")) {
    std::string token = read_small_line(profile.text("web_identity_token_file"));
    co_return co_await assume_role_with_web_identity(std::move(role), std::move(token),
                                                     lookup->options);
  }
  auto& roles = lookup->roles;
  const bool again = std::find(roles.begin(), roles.end(), profile.name()) != roles.end();
  if (again) profile.fail("its source_profile leads back to it");
  if (roles.size() == kMostRoles) profile.fail("it is the role of a role of a role, and so on");
  roles.push_back(profile.name());
  auto finding = role_source(lookup, profile);
  Credentials by = co_await std::move(finding);
  co_return co_await assume_role(std::move(role), std::move(by), lookup->options);
}

asio::awaitable<Credentials> credentials_of(LookupPtr lookup, std::string name) {
  const Profile profile = find_profile(*lookup, name);
  if (profile.has("role_arn")) co_return co_await role_credentials(lookup, profile);
  const bool with_role = profile.has("sso_account_id") || profile.has("sso_role_name");
  if (with_role && (profile.has("sso_session") || profile.has("sso_start_url"))) {
    SsoLogin login = sso_login(profile, *lookup);
    co_return co_await sso_credentials(std::move(login), lookup->options);
  }
  if (has_static_keys(profile)) co_return static_keys(profile);
  if (profile.has("credential_process")) {
    std::string command = profile.text("credential_process");
    const std::string document =
        co_await run_credential_process(std::move(command), kProcessTimeout);
    co_return parse_credentials(document, Credentials());
  }
  throw NotSetUp(fmt::format("the profile {} has no credentials{}", name, lookup->left_out));
}

class ProfileSource final : public CredentialsProvider {
 public:
  ProfileSource(IniOptions files, CredentialsOptions options)
      : files_(std::move(files)), options_(std::move(options)) {}

  asio::awaitable<Credentials> get() override {
    const auto lookup = std::make_shared<Lookup>();
    lookup->options = options_;
    ProfilePaths paths = resolve_profile_paths(options_.environment);
    replace(paths.credentials, paths.names_credentials, files_.credentials_file);
    replace(paths.config, paths.names_config, files_.config_file);
    lookup->files = read_profile_files(paths);
    const std::string& left_out = lookup->files.left_out;
    lookup->left_out = left_out.empty() ? "" : fmt::format(" ({})", left_out);
    lookup->where = fmt::format("{} and {}{}", paths.config, paths.credentials, lookup->left_out);
    const auto asked = asked_profile();
    std::string name = asked.value_or("default");
    const auto profile = lookup->files.profiles.find(name);
    const bool there = profile != lookup->files.profiles.end();
    if (!there && !asked) {
      throw NotSetUp(fmt::format("there is no profile default in {}", lookup->where));
    }
    lookup->region = region(there ? Profile(name, profile->second).text("region") : "");
    co_return co_await credentials_of(lookup, std::move(name));
  }

  std::string source() const override {
    return fmt::format("profile {}", asked_profile().value_or("default"));
  }

 private:
  std::optional<std::string> asked_profile() const {
    return files_.profile.empty() ? options_.environment("AWS_PROFILE")
                                  : std::optional(files_.profile);
  }

  static void replace(std::string& path, bool& is_named, const std::string& by) {
    if (by.empty()) return;
    path = by;
    is_named = true;
  }

  std::string region(std::string of_profile) const {
    for (const char* const variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
      if (auto region = options_.environment(variable)) return *std::move(region);
    }
    return of_profile.empty() ? options_.region : of_profile;
  }

  const IniOptions files_;
  const CredentialsOptions options_;
};

}  // namespace

std::shared_ptr<CredentialsProvider> profile_source(IniOptions files, CredentialsOptions options) {
  return std::make_shared<ProfileSource>(std::move(files), std::move(options));
}

}  // namespace sagabus::aws
