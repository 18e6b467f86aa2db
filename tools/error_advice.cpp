#include "error_advice.hpp"

#include <algorithm>

#include "sagabus/error.hpp"

namespace sagabus::tools {
namespace {

constexpr std::string_view kRefusals[] = {
    "ExpiredToken",          "ExpiredTokenException",        "UnrecognizedClientException",
    "InvalidClientTokenId",  "InvalidAccessKeyId",           "InvalidSignatureException",
    "SignatureDoesNotMatch", "MissingAuthenticationToken",   "MissingAuthenticationTokenException",
    "IncompleteSignature",   "IncompleteSignatureException", "TokenRefreshRequired"};

}  // namespace

bool blames_credentials(std::string_view code) {
  return std::find(std::begin(kRefusals), std::end(kRefusals), code) != std::end(kRefusals);
}

std::string advice_on(const std::exception& thrown) {
  const auto* const error = dynamic_cast<const Error*>(&thrown);
  if (!error) return {};
  if (dynamic_cast<const TableNotFound*>(error)) {
    return "sagabus table create makes it, where Region and account are right";
  }
  const ServiceInfo& service = error->service();
  if (blames_credentials(service.code)) return "sagabus doctor says which credentials are used";
  if (dynamic_cast<const AccessDenied*>(error) && !service.code.empty()) {
    return "sagabus iam-policy prints what has to be allowed, and sagabus doctor says to whom";
  }
  const bool unanswered = service.attempts > 0 && service.http_status == 0;
  if (!unanswered) return {};
  return "are Region, endpoint and network right? sagabus doctor says what is used";
}

}  // namespace sagabus::tools
