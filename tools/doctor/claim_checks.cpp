#include "doctor/claim_checks.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

// S3 says that an object is not there to those alone who may list the bucket and fetch from it.
asio::awaitable<std::optional<Finding>> try_to_get(s3::ClaimStore& claims) {
  std::string key(64, '0');  // as payloads have them; none has this one, which would be its digest
  try {
    auto getting = claims.get(std::move(key), 1024);
    co_await std::move(getting);
  } catch (const NotFound&) {
  } catch (const Error& error) {
    co_return claims_failure("s3:GetObject or s3:ListBucket", error);
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<Finding>> try_to_put(const s3::ClaimStore& claims) {
  try {
    auto putting = claims.try_put();
    co_await std::move(putting);
  } catch (const Error& error) {
    co_return claims_failure("s3:PutObject", error);
  }
  co_return std::nullopt;
}

}  // namespace

asio::awaitable<void> examine_claims(std::shared_ptr<s3::ClaimStore> claims, Report& report) {
  auto getting = try_to_get(*claims);
  const std::optional<Finding> not_got = co_await std::move(getting);
  if (not_got) report.add(*not_got);
  auto putting = try_to_put(*claims);
  const std::optional<Finding> not_put = co_await std::move(putting);
  if (not_put && !(not_got && not_got->found == not_put->found)) report.add(*not_put);
  if (not_got || not_put) co_return;
  report.add({Severity::ok, "claims",
              fmt::format("{}, not denied: GetObject, ListBucket, PutObject", claims->describe())});
}

Finding claims_failure(const std::string& action, const Error& error) {
  const std::string& code = error.service().code;
  if (code == "NoSuchBucket") {
    return {Severity::error, "claims", fmt::format("there is no bucket: {}", error.what()),
            "make it, in the Region that the URI names"};
  }
  if (code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed") {
    return {Severity::error, "claims",
            fmt::format("the bucket is in another Region: {}", error.what()),
            "the bucket and the queues have to be in one Region, that of the URI"};
  }
  if (dynamic_cast<const AccessDenied*>(&error)) {
    return {
        Severity::error, "claims", fmt::format("{} is denied: {}", action, error.what()),
        "allow s3:GetObject and s3:PutObject below the prefix, and s3:ListBucket on the bucket"};
  }
  return {Severity::error, "claims", fmt::format("{}: {}", action, error.what()),
          "check bucket, Region and endpoint"};
}

}  // namespace sagabus::tools
