// Credentials of the EC2 instance that this process runs on.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>

#include "aws/credentials_document.hpp"
#include "aws/credentials_source.hpp"
#include "aws/fetch.hpp"
#include "aws/instance_metadata.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";

// Of IAM: it goes onto a request line.
bool is_role_name(std::string_view text) {
  const auto fits = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("+=,.@_-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), fits);
}

class InstanceSource final : public CredentialsProvider {
 public:
  InstanceSource(CredentialsOptions options, Presence presence)
      : metadata_(std::move(options)), is_there_(presence == Presence::expected) {}

  asio::awaitable<Credentials> get() override {
    std::string reason;
    try {
      Credentials credentials = co_await ask();
      is_there_ = true;
      co_return credentials;
    } catch (const Unreachable& error) {
      if (is_there_) throw;
      reason = error.what();
    }
    throw NotSetUp(reason);
  }

 private:
  asio::awaitable<Credentials> ask() {
    const std::string token = co_await metadata_.token();
    std::string path(kRoles);
    const auto roles = co_await metadata_.read(path, token);
    if (!roles) throw NotSetUp("the instance has no role");
    const std::string role = roles->substr(0, roles->find('\n'));
    if (!is_role_name(role)) throw TransientError("the instance's role has no name of a role");
    path += role;
    const auto document = co_await metadata_.read(path, token);
    if (!document) throw TransientError(fmt::format("there is nothing about the role {}", role));
    co_return require_end(parse_credentials(*document, Credentials()));
  }

  const InstanceMetadata metadata_;
  std::atomic<bool> is_there_;
};

}  // namespace

std::shared_ptr<CredentialsProvider> instance_source(CredentialsOptions options,
                                                     Presence presence) {
  return std::make_shared<InstanceSource>(std::move(options), presence);
}

}  // namespace sagabus::aws
