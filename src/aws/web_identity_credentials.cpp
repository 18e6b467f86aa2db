// Credentials for whom another service vouches, as EKS does for a service account.
#include <utility>

#include "aws/credentials_source.hpp"
#include "aws/small_file.hpp"
#include "aws/sts.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

class WebIdentitySource final : public CredentialsProvider {
 public:
  explicit WebIdentitySource(CredentialsOptions options) : options_(std::move(options)) {}

  asio::awaitable<Credentials> get() override {
    const auto file = options_.environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!file) throw NotSetUp("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    Role role;
    role.arn = options_.environment("AWS_ROLE_ARN").value_or("");
    if (role.arn.empty()) throw AccessDenied("AWS_ROLE_ARN is not set");
    role.session_name = options_.environment("AWS_ROLE_SESSION_NAME").value_or("");
    const auto region = options_.environment("AWS_REGION");
    role.region =
        region ? *region : options_.environment("AWS_DEFAULT_REGION").value_or(options_.region);
    // Read each time, since the file is replaced while the process runs.
    std::string token = read_small_line(*file);
    co_return co_await assume_role_with_web_identity(std::move(role), std::move(token), options_);
  }

 private:
  const CredentialsOptions options_;
};

}  // namespace

std::shared_ptr<CredentialsProvider> web_identity_source(CredentialsOptions options) {
  return std::make_shared<WebIdentitySource>(std::move(options));
}

}  // namespace sagabus::aws
