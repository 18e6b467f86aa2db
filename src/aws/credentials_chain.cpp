// Where a client that is given no credentials looks for them.
#include <fmt/format.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "aws/credentials_source.hpp"
#include "aws/refreshing_credentials.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

struct Source {
  std::string name;
  std::shared_ptr<CredentialsProvider> provider;
};

class CredentialsChain final : public CredentialsProvider {
 public:
  explicit CredentialsChain(std::vector<Source> sources) : sources_(std::move(sources)) {}

  asio::awaitable<Credentials> get() override {
    // Once a source has answered, its later failure is an outage and no reason to become
    // somebody else.
    if (const auto* chosen = chosen_.load(std::memory_order_acquire)) {
      co_return co_await chosen->provider->get();
    }
    std::string tried;
    for (const Source& source : sources_) {
      const std::string before = tried.empty() ? tried : fmt::format("; tried before: {}", tried);
      try {
        Credentials credentials = co_await source.provider->get();
        chosen_.store(&source, std::memory_order_release);
        co_return credentials;
      } catch (const NotSetUp& error) {
        tried += fmt::format("{}{}: {}", tried.empty() ? "" : "; ", source.name, error.what());
      } catch (const AccessDenied& error) {
        throw AccessDenied(
            fmt::format("no AWS credentials from {}: {}{}", source.name, error.what(), before));
      } catch (const TransientError& error) {
        throw TransientError(
            fmt::format("no AWS credentials from {}: {}{}", source.name, error.what(), before));
      }
    }
    throw AccessDenied("no AWS credentials found; tried " + tried);
  }

  bool renew(const Credentials& refused) override {
    const auto* const chosen = chosen_.load(std::memory_order_acquire);
    return chosen && chosen->provider->renew(refused);
  }

  std::string source() const override {
    const auto* const chosen = chosen_.load(std::memory_order_acquire);
    if (!chosen) return {};
    std::string name = chosen->provider->source();
    return name.empty() ? chosen->name : name;
  }

 private:
  const std::vector<Source> sources_;
  std::atomic<const Source*> chosen_ = nullptr;
};

}  // namespace

std::shared_ptr<CredentialsProvider> from_ini(IniOptions files, CredentialsOptions options) {
  auto source = profile_source(std::move(files), options);
  return refreshing_credentials(std::move(source), "the profile", std::move(options));
}

std::shared_ptr<CredentialsProvider> default_credentials(CredentialsOptions options) {
  std::vector<Source> sources;
  sources.push_back({"environment", environment_credentials(options.environment)});
  const auto add = [&](std::string name, std::shared_ptr<CredentialsProvider> source) {
    auto kept = refreshing_credentials(std::move(source), name, options);
    sources.push_back({std::move(name), std::move(kept)});
  };
  add("profile", profile_source(IniOptions(), options));
  add("web identity", web_identity_source(options));
  add("container", container_source(options));
  add("instance metadata", instance_source(options));
  return std::make_shared<CredentialsChain>(std::move(sources));
}

}  // namespace sagabus::aws
