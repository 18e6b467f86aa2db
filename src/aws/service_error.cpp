#include "sagabus/aws/service_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sagabus/aws/endpoint.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

struct KnownCode {
  std::string_view code;
  ErrorKind kind;
};

// Codes whose meaning their HTTP status does not tell.
constexpr std::array kKnownCodes{
    KnownCode{"ConditionalCheckFailedException", ErrorKind::conditional_check_failed},
    KnownCode{"PreconditionFailed", ErrorKind::conditional_check_failed},
    KnownCode{"TransactionCanceledException", ErrorKind::transaction_canceled},

    KnownCode{"ProvisionedThroughputExceededException", ErrorKind::throttled},
    KnownCode{"ThrottlingException", ErrorKind::throttled},
    KnownCode{"KmsThrottled", ErrorKind::throttled},
    KnownCode{"Throttling", ErrorKind::throttled},
    KnownCode{"RequestLimitExceeded", ErrorKind::throttled},
    KnownCode{"RequestThrottled", ErrorKind::throttled},
    KnownCode{"BandwidthLimitExceeded", ErrorKind::throttled},
    KnownCode{"KMSThrottling", ErrorKind::throttled},
    KnownCode{"SlowDown", ErrorKind::throttled},
    KnownCode{"Throttled", ErrorKind::throttled},
    KnownCode{"ThrottledException", ErrorKind::throttled},
    KnownCode{"TooManyRequestsException", ErrorKind::throttled},

    KnownCode{"TransactionInProgressException", ErrorKind::transient},
    KnownCode{"TransactionConflictException", ErrorKind::transient},
    KnownCode{"ReplicatedWriteConflictException", ErrorKind::transient},
    KnownCode{"ConditionalRequestConflict", ErrorKind::transient},
    KnownCode{"ConcurrentAccess", ErrorKind::transient},
    KnownCode{"OperationAborted", ErrorKind::transient},
    KnownCode{"RequestTimeout", ErrorKind::transient},

    KnownCode{"AccessDeniedException", ErrorKind::access_denied},
    KnownCode{"KmsAccessDenied", ErrorKind::access_denied},
    KnownCode{"KmsDisabled", ErrorKind::access_denied},
    KnownCode{"KmsInvalidState", ErrorKind::access_denied},
    KnownCode{"KmsNotFound", ErrorKind::access_denied},
    KnownCode{"KmsOptInRequired", ErrorKind::access_denied},
    KnownCode{"AccessDenied", ErrorKind::access_denied},
    KnownCode{"AuthFailure", ErrorKind::access_denied},
    KnownCode{"AuthorizationError", ErrorKind::access_denied},
    KnownCode{"ExpiredToken", ErrorKind::access_denied},
    KnownCode{"ExpiredTokenException", ErrorKind::access_denied},
    KnownCode{"IncompleteSignature", ErrorKind::access_denied},
    KnownCode{"IncompleteSignatureException", ErrorKind::access_denied},
    KnownCode{"InvalidAccessKeyId", ErrorKind::access_denied},
    KnownCode{"InvalidClientTokenId", ErrorKind::access_denied},
    KnownCode{"InvalidSecurity", ErrorKind::access_denied},
    KnownCode{"InvalidSignatureException", ErrorKind::access_denied},
    KnownCode{"InvalidToken", ErrorKind::access_denied},
    KnownCode{"KMSAccessDenied", ErrorKind::access_denied},
    KnownCode{"KMSDisabled", ErrorKind::access_denied},
    KnownCode{"KMSInvalidState", ErrorKind::access_denied},
    KnownCode{"KMSNotFound", ErrorKind::access_denied},
    KnownCode{"KMSOptInRequired", ErrorKind::access_denied},
    KnownCode{"MissingAuthenticationToken", ErrorKind::access_denied},
    KnownCode{"MissingAuthenticationTokenException", ErrorKind::access_denied},
    KnownCode{"NotAuthorized", ErrorKind::access_denied},
    KnownCode{"OptInRequired", ErrorKind::access_denied},
    KnownCode{"RequestExpired", ErrorKind::access_denied},
    KnownCode{"RequestInTheFuture", ErrorKind::access_denied},
    KnownCode{"RequestTimeTooSkewed", ErrorKind::access_denied},
    KnownCode{"SignatureDoesNotMatch", ErrorKind::access_denied},
    KnownCode{"TokenRefreshRequired", ErrorKind::access_denied},
    KnownCode{"UnrecognizedClientException", ErrorKind::access_denied},

    KnownCode{"BackupNotFoundException", ErrorKind::not_found},
    KnownCode{"ExportNotFoundException", ErrorKind::not_found},
    KnownCode{"GlobalTableNotFoundException", ErrorKind::not_found},
    KnownCode{"ImportNotFoundException", ErrorKind::not_found},
    KnownCode{"IndexNotFoundException", ErrorKind::not_found},
    KnownCode{"NonExistentQueue", ErrorKind::not_found},
    KnownCode{"NotFound", ErrorKind::not_found},
    KnownCode{"NoSuchBucket", ErrorKind::not_found},
    KnownCode{"NoSuchKey", ErrorKind::not_found},
    KnownCode{"NoSuchUpload", ErrorKind::not_found},
    KnownCode{"NoSuchVersion", ErrorKind::not_found},
    KnownCode{"PolicyNotFoundException", ErrorKind::not_found},
    KnownCode{"QueueDoesNotExist", ErrorKind::not_found},
    KnownCode{"ReplicaNotFoundException", ErrorKind::not_found},

    KnownCode{"BadDigest", ErrorKind::validation},
    KnownCode{"BatchEntryIdsNotDistinct", ErrorKind::validation},
    KnownCode{"BatchRequestTooLong", ErrorKind::validation},
    KnownCode{"EmptyBatchRequest", ErrorKind::validation},
    KnownCode{"EntityTooLarge", ErrorKind::validation},
    KnownCode{"IdempotentParameterMismatchException", ErrorKind::validation},
    KnownCode{"InvalidAddress", ErrorKind::validation},
    KnownCode{"InvalidArgument", ErrorKind::validation},
    KnownCode{"InvalidAttributeName", ErrorKind::validation},
    KnownCode{"InvalidAttributeValue", ErrorKind::validation},
    KnownCode{"InvalidBatchEntryId", ErrorKind::validation},
    KnownCode{"InvalidBucketName", ErrorKind::validation},
    KnownCode{"InvalidDigest", ErrorKind::validation},
    KnownCode{"InvalidMessageContents", ErrorKind::validation},
    KnownCode{"InvalidParameter", ErrorKind::validation},
    KnownCode{"InvalidParameterCombination", ErrorKind::validation},
    KnownCode{"InvalidParameterValue", ErrorKind::validation},
    KnownCode{"InvalidQueryParameter", ErrorKind::validation},
    KnownCode{"InvalidRange", ErrorKind::validation},
    KnownCode{"InvalidRequest", ErrorKind::validation},
    KnownCode{"InvalidRestoreTimeException", ErrorKind::validation},
    KnownCode{"InvalidExportTimeException", ErrorKind::validation},
    KnownCode{"ItemCollectionSizeLimitExceededException", ErrorKind::validation},
    KnownCode{"KeyTooLongError", ErrorKind::validation},
    KnownCode{"MalformedQueryString", ErrorKind::validation},
    KnownCode{"MalformedXML", ErrorKind::validation},
    KnownCode{"MissingContentLength", ErrorKind::validation},
    KnownCode{"MissingParameter", ErrorKind::validation},
    KnownCode{"ParameterValueInvalid", ErrorKind::validation},
    KnownCode{"ReceiptHandleIsInvalid", ErrorKind::validation},
    KnownCode{"SerializationException", ErrorKind::validation},
    KnownCode{"TooManyEntriesInBatchRequest", ErrorKind::validation},
    KnownCode{"ValidationException", ErrorKind::validation},
    KnownCode{"XAmzContentSHA256Mismatch", ErrorKind::validation},

    KnownCode{"InvalidAction", ErrorKind::unsupported},
    KnownCode{"MethodNotAllowed", ErrorKind::unsupported},
    KnownCode{"NotImplemented", ErrorKind::unsupported},
    KnownCode{"UnknownOperationException", ErrorKind::unsupported},
    KnownCode{"UnsupportedOperation", ErrorKind::unsupported},

    // Not allowed by a quota, and by nobody's policy.
    KnownCode{"FilterPolicyLimitExceeded", ErrorKind::other},
    KnownCode{"SubscriptionLimitExceeded", ErrorKind::other},
    KnownCode{"TopicLimitExceeded", ErrorKind::other},
};

ErrorKind by_status(const Service& service, int http_status) {
  // JSON's services say 404 to nothing that they know; something between may.
  const bool names_resources = service.protocol != Protocol::json;
  switch (http_status) {
    case 401:
    case 403:
      return ErrorKind::access_denied;
    case 404:
      return names_resources ? ErrorKind::not_found : ErrorKind::other;
    case 412:
      return names_resources ? ErrorKind::conditional_check_failed : ErrorKind::other;
    case 413:
      return ErrorKind::validation;
    case 429:
      return ErrorKind::throttled;
    case 500:
    case 502:
    case 503:
    case 504:
      return ErrorKind::transient;
    case 501:
      return ErrorKind::unsupported;
    default:
      return ErrorKind::other;
  }
}

std::string describe(const ServiceError& error, std::string_view resource) {
  std::string text = error.operation;
  if (!resource.empty()) text += fmt::format(" on {}", resource);
  text += " failed";
  if (!error.code.empty()) text += fmt::format(": {}", error.code);
  if (!error.message.empty()) text += fmt::format(": {}", error.message);
  if (error.http_status != 0) text += fmt::format(" (HTTP {}", error.http_status);
  if (error.http_status == 0) text += " (no answer";
  if (!error.request_id.empty()) text += fmt::format(", request {}", error.request_id);
  return text + fmt::format(", {} attempt{})", error.attempts, error.attempts == 1 ? "" : "s");
}

}  // namespace

ErrorKind classify(const Service& service, std::string_view code, int http_status) {
  if (code == "ResourceNotFoundException" || code == "TableNotFoundException") {
    return service.name == kDynamoDb.name ? ErrorKind::resource_not_found : ErrorKind::not_found;
  }
  const auto known = std::find_if(kKnownCodes.begin(), kKnownCodes.end(),
                                  [&](const KnownCode& entry) { return entry.code == code; });
  return known == kKnownCodes.end() ? by_status(service, http_status) : known->kind;
}

void throw_service_error(const ServiceError& error, std::string_view resource) {
  const std::string text = describe(error, resource);
  ServiceInfo info;
  info.code = error.code;
  info.request_id = error.request_id;
  info.operation = error.operation;
  info.resource = resource;
  info.http_status = error.http_status;
  info.attempts = error.attempts;
  info.not_applied = !error.maybe_applied;
  switch (error.kind) {
    case ErrorKind::throttled:
      throw Throttled(text, std::move(info));
    case ErrorKind::transient:
      throw TransientError(text, std::move(info));
    case ErrorKind::access_denied:
      throw AccessDenied(text, std::move(info));
    case ErrorKind::resource_not_found:
      throw TableNotFound(text, std::move(info));
    case ErrorKind::not_found:
      throw NotFound(text, std::move(info));
    case ErrorKind::validation:
      throw ValidationError(text, std::move(info));
    case ErrorKind::unsupported:
      throw Unsupported(text, std::move(info));
    case ErrorKind::conditional_check_failed:
    case ErrorKind::transaction_canceled:
    case ErrorKind::other:
      break;
  }
  throw Error(text, std::move(info));
}

void throw_exception_from_error(const ServiceError& error, const boost::source_location&) {
  throw_service_error(error);
}

}  // namespace sagabus::aws
