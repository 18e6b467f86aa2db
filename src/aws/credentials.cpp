#include "sagabus/aws/credentials.hpp"

#include <algorithm>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "aws/credentials_source.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

void require_printable(std::string_view field, std::string_view value) {
  const bool fine =
      std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!fine) {
    throw std::invalid_argument(std::string(field) +
                                ": holds white space, a control character or a byte outside ASCII");
  }
}

void require_present(std::string_view field, std::string_view value) {
  if (value.empty()) throw std::invalid_argument(std::string(field) + ": must not be empty");
}

class StaticCredentials final : public CredentialsProvider {
 public:
  explicit StaticCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}
  boost::asio::awaitable<Credentials> get() override { co_return credentials_; }
  std::string source() const override { return "program"; }

 private:
  const Credentials credentials_;
};

class EnvironmentCredentials final : public CredentialsProvider {
 public:
  explicit EnvironmentCredentials(Environment environment) : environment_(std::move(environment)) {}

  boost::asio::awaitable<Credentials> get() override {
    if (!environment_("AWS_ACCESS_KEY_ID") && !environment_("AWS_SECRET_ACCESS_KEY")) {
      throw NotSetUp("AWS_ACCESS_KEY_ID is not set");
    }
    Credentials credentials;
    credentials.access_key_id = required("AWS_ACCESS_KEY_ID");
    credentials.secret_access_key = required("AWS_SECRET_ACCESS_KEY");
    credentials.session_token = environment_("AWS_SESSION_TOKEN").value_or(std::string());
    check(credentials);
    co_return credentials;
  }
  std::string source() const override { return "environment"; }

 private:
  std::string required(const char* name) const {
    auto value = environment_(name);
    if (!value) throw AccessDenied(std::string(name) + " is not set");
    return *std::move(value);
  }

  // A malformed variable is found at run time, so it is an error of the run-time tree.
  static void check(const Credentials& credentials) {
    try {
      validate(credentials);
    } catch (const std::invalid_argument& error) {
      throw AccessDenied(std::string("malformed ") + error.what());
    }
  }

  const Environment environment_;
};

}  // namespace

bool CredentialsProvider::renew(const Credentials& /*refused*/) {
  return false;
}

std::string CredentialsProvider::source() const {
  return {};
}

std::ostream& operator<<(std::ostream& out, const Credentials& credentials) {
  return out << "Credentials{access_key_id=" << credentials.access_key_id
             << ", secret_access_key=***, session_token="
             << (credentials.session_token.empty() ? "none" : "***") << '}';
}

void validate(const Credentials& credentials) {
  require_present("access_key_id", credentials.access_key_id);
  require_present("secret_access_key", credentials.secret_access_key);
  require_printable("access_key_id", credentials.access_key_id);
  require_printable("secret_access_key", credentials.secret_access_key);
  require_printable("session_token", credentials.session_token);
}

std::shared_ptr<CredentialsProvider> static_credentials(std::string access_key_id,
                                                        std::string secret_access_key,
                                                        std::string session_token) {
  Credentials credentials;
  credentials.access_key_id = std::move(access_key_id);
  credentials.secret_access_key = std::move(secret_access_key);
  credentials.session_token = std::move(session_token);
  validate(credentials);
  return std::make_shared<StaticCredentials>(std::move(credentials));
}

std::shared_ptr<CredentialsProvider> environment_credentials(Environment environment) {
  return std::make_shared<EnvironmentCredentials>(std::move(environment));
}

}  // namespace sagabus::aws
