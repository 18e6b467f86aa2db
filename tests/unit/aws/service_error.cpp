#include "sagabus/aws/service_error.hpp"

#include <gmock/gmock.h>

#include <ostream>
#include <tuple>
#include <typeinfo>
#include <vector>

#include "aws/error_answer.hpp"
#include "sagabus/aws/client.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

const std::type_info& thrown_for(const ServiceError& error) {
  try {
    throw_service_error(error, "orders");
  } catch (const std::exception& thrown) {
    return typeid(thrown);
  }
}

struct Case {
  const char* code;
  int status;
  ErrorKind kind;
  const std::type_info& type;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.code << " with " << one.status;
}

class DynamoDbCode : public testing::TestWithParam<Case> {};

TEST_P(DynamoDbCode, HasItsKindAndType) {
  const Case& expected = GetParam();
  ServiceError error;
  error.code = expected.code;
  error.http_status = expected.status;
  error.kind = classify(kDynamoDb, expected.code, expected.status);
  EXPECT_EQ(error.kind, expected.kind);
  EXPECT_EQ(thrown_for(error), expected.type) << thrown_for(error).name();
}

using enum ErrorKind;

// The codes of DynamoDB's API reference, its common errors, and those of its front end.
INSTANTIATE_TEST_SUITE_P(
    Table, DynamoDbCode,
    testing::Values(
        Case{"ConditionalCheckFailedException", 400, conditional_check_failed, typeid(Error)},
        Case{"TransactionCanceledException", 400, transaction_canceled, typeid(Error)},
        Case{"ProvisionedThroughputExceededException", 400, throttled, typeid(Throttled)},
        Case{"ThrottlingException", 400, throttled, typeid(Throttled)},
        Case{"Throttling", 400, throttled, typeid(Throttled)},
        Case{"RequestLimitExceeded", 400, throttled, typeid(Throttled)},
        Case{"", 429, throttled, typeid(Throttled)},
        Case{"TransactionInProgressException", 400, transient, typeid(TransientError)},
        Case{"TransactionConflictException", 400, transient, typeid(TransientError)},
        Case{"ReplicatedWriteConflictException", 400, transient, typeid(TransientError)},
        Case{"InternalServerError", 500, transient, typeid(TransientError)},
        Case{"InternalFailure", 500, transient, typeid(TransientError)},
        Case{"ServiceUnavailable", 503, transient, typeid(TransientError)},
        Case{"", 502, transient, typeid(TransientError)},
        Case{"", 504, transient, typeid(TransientError)},
        Case{"AccessDeniedException", 400, access_denied, typeid(AccessDenied)},
        Case{"ExpiredTokenException", 400, access_denied, typeid(AccessDenied)},
        Case{"IncompleteSignature", 400, access_denied, typeid(AccessDenied)},
        Case{"IncompleteSignatureException", 400, access_denied, typeid(AccessDenied)},
        Case{"InvalidClientTokenId", 403, access_denied, typeid(AccessDenied)},
        Case{"InvalidSignatureException", 400, access_denied, typeid(AccessDenied)},
        Case{"MissingAuthenticationToken", 403, access_denied, typeid(AccessDenied)},
        Case{"MissingAuthenticationTokenException", 400, access_denied, typeid(AccessDenied)},
        Case{"NotAuthorized", 400, access_denied, typeid(AccessDenied)},
        Case{"OptInRequired", 403, access_denied, typeid(AccessDenied)},
        Case{"RequestExpired", 400, access_denied, typeid(AccessDenied)},
        Case{"RequestTimeTooSkewed", 403, access_denied, typeid(AccessDenied)},
        Case{"UnrecognizedClientException", 400, access_denied, typeid(AccessDenied)},
        Case{"SomethingNew", 403, access_denied, typeid(AccessDenied)},
        Case{"ResourceNotFoundException", 400, resource_not_found, typeid(TableNotFound)},
        Case{"TableNotFoundException", 400, resource_not_found, typeid(TableNotFound)},
        Case{"BackupNotFoundException", 400, not_found, typeid(NotFound)},
        Case{"ExportNotFoundException", 400, not_found, typeid(NotFound)},
        Case{"GlobalTableNotFoundException", 400, not_found, typeid(NotFound)},
        Case{"ImportNotFoundException", 400, not_found, typeid(NotFound)},
        Case{"IndexNotFoundException", 400, not_found, typeid(NotFound)},
        Case{"PolicyNotFoundException", 400, not_found, typeid(NotFound)},
        Case{"ReplicaNotFoundException", 400, not_found, typeid(NotFound)},
        Case{"ValidationException", 400, validation, typeid(ValidationError)},
        Case{"SerializationException", 400, validation, typeid(ValidationError)},
        Case{"IdempotentParameterMismatchException", 400, validation, typeid(ValidationError)},
        Case{"ItemCollectionSizeLimitExceededException", 400, validation, typeid(ValidationError)},
        Case{"InvalidExportTimeException", 400, validation, typeid(ValidationError)},
        Case{"InvalidRestoreTimeException", 400, validation, typeid(ValidationError)},
        Case{"", 413, validation, typeid(ValidationError)},
        Case{"UnknownOperationException", 400, unsupported, typeid(Unsupported)},
        Case{"NotImplemented", 501, unsupported, typeid(Unsupported)},
        Case{"BackupInUseException", 400, other, typeid(Error)},
        Case{"ContinuousBackupsUnavailableException", 400, other, typeid(Error)},
        Case{"DuplicateItemException", 400, other, typeid(Error)},
        Case{"ExportConflictException", 400, other, typeid(Error)},
        Case{"GlobalTableAlreadyExistsException", 400, other, typeid(Error)},
        Case{"ImportConflictException", 400, other, typeid(Error)},
        Case{"InvalidEndpointException", 421, other, typeid(Error)},
        Case{"LimitExceededException", 400, other, typeid(Error)},
        Case{"PointInTimeRecoveryUnavailableException", 400, other, typeid(Error)},
        Case{"ReplicaAlreadyExistsException", 400, other, typeid(Error)},
        Case{"ResourceInUseException", 400, other, typeid(Error)},
        Case{"TableAlreadyExistsException", 400, other, typeid(Error)},
        Case{"TableInUseException", 400, other, typeid(Error)}, Case{"", 301, other, typeid(Error)},
        Case{"", 400, other, typeid(Error)}));

// The errors of Publish, Subscribe, CreateTopic and so on in SNS's API reference, with the codes of
// its wire.
TEST(ServiceErrors, OfSns) {
  for (const auto& [code, status, kind] : std::vector<std::tuple<const char*, int, ErrorKind>>{
           {"Throttled", 429, throttled},
           {"KMSThrottling", 400, throttled},
           {"ThrottlingException", 400, throttled},
           {"InternalError", 500, transient},
           {"ConcurrentAccess", 400, transient},
           {"AuthorizationError", 403, access_denied},
           {"InvalidSecurity", 403, access_denied},
           {"KMSAccessDenied", 400, access_denied},
           {"KMSDisabled", 400, access_denied},
           {"KMSInvalidState", 400, access_denied},
           {"KMSNotFound", 400, access_denied},
           {"KMSOptInRequired", 403, access_denied},
           {"NotFound", 404, not_found},
           {"ResourceNotFound", 404, not_found},
           {"InvalidParameter", 400, validation},
           {"ParameterValueInvalid", 400, validation},
           {"TooManyEntriesInBatchRequest", 400, validation},
           {"BatchRequestTooLong", 400, validation},
           {"MalformedQueryString", 404, validation},
           {"InvalidAction", 400, unsupported},
           {"TopicLimitExceeded", 403, other},
           {"SubscriptionLimitExceeded", 403, other},
           {"FilterPolicyLimitExceeded", 403, other},
           {"EndpointDisabled", 400, other}}) {
    EXPECT_EQ(classify(kSns, code, status), kind) << code;
  }
}

// S3's list of error codes.
TEST(ServiceErrors, OfS3) {
  for (const auto& [code, status, kind] : std::vector<std::tuple<const char*, int, ErrorKind>>{
           {"SlowDown", 503, throttled},
           {"BandwidthLimitExceeded", 503, throttled},
           {"ServiceUnavailable", 503, transient},
           {"InternalError", 500, transient},
           {"RequestTimeout", 400, transient},
           {"OperationAborted", 409, transient},
           {"ConditionalRequestConflict", 409, transient},
           {"AccessDenied", 403, access_denied},
           {"AllAccessDisabled", 403, access_denied},
           {"InvalidAccessKeyId", 403, access_denied},
           {"InvalidToken", 400, access_denied},
           {"ExpiredToken", 400, access_denied},
           {"TokenRefreshRequired", 400, access_denied},
           {"SignatureDoesNotMatch", 403, access_denied},
           {"NoSuchKey", 404, not_found},
           {"NoSuchBucket", 404, not_found},
           {"NoSuchUpload", 404, not_found},
           {"NoSuchVersion", 404, not_found},
           {"", 404, not_found},
           {"PreconditionFailed", 412, conditional_check_failed},
           {"", 412, conditional_check_failed},
           {"EntityTooLarge", 400, validation},
           {"InvalidArgument", 400, validation},
           {"InvalidBucketName", 400, validation},
           {"InvalidRequest", 400, validation},
           {"KeyTooLongError", 400, validation},
           {"MalformedXML", 400, validation},
           {"BadDigest", 400, validation},
           {"XAmzContentSHA256Mismatch", 400, validation},
           {"InvalidRange", 416, validation},
           {"MissingContentLength", 411, validation},
           {"MethodNotAllowed", 405, unsupported},
           {"NotImplemented", 501, unsupported},
           {"PermanentRedirect", 301, other},
           {"AuthorizationHeaderMalformed", 400, other}}) {
    EXPECT_EQ(classify(kS3, code, status), kind) << code;
  }
}

// Only something between could say so.
TEST(ServiceErrors, OfJsonKnowNoStatus404) {
  EXPECT_EQ(classify(kDynamoDb, "", 404), other);
  EXPECT_EQ(classify(kSqs, "", 412), other);
}

TEST(ServiceErrors, OfSqsNameTheQueue) {
  EXPECT_EQ(classify(kSqs, "QueueDoesNotExist", 400), not_found);
  EXPECT_EQ(classify(kSqs, "ResourceNotFoundException", 400), not_found);
  EXPECT_EQ(classify(kSqs, "RequestThrottled", 403), throttled);
}

TEST(ServiceErrors, CarryWhatTheServiceSaid) {
  ServiceError error;
  error.kind = throttled;
  error.code = "ThrottlingException";
  error.message = "Rate exceeded";
  error.request_id = "REQ1";
  error.operation = "PutItem";
  error.body = "the payload";
  error.http_status = 400;
  error.attempts = 4;
  try {
    throw_service_error(error, "orders");
  } catch (const Throttled& thrown) {
    EXPECT_EQ(thrown.service().code, "ThrottlingException");
    EXPECT_EQ(thrown.service().request_id, "REQ1");
    EXPECT_EQ(thrown.service().operation, "PutItem");
    EXPECT_EQ(thrown.service().resource, "orders");
    EXPECT_EQ(thrown.service().http_status, 400);
    EXPECT_EQ(thrown.service().attempts, 4);
    EXPECT_EQ(std::string(thrown.what()),
              "PutItem on orders failed: ThrottlingException: Rate exceeded (HTTP 400, request "
              "REQ1, 4 attempts)");
  }
  EXPECT_THROW(Outcome(error).value(), Throttled);
}

TEST(ErrorAnswer, IsReadFromTheBody) {
  HttpResponse answer;
  answer.status = 400;
  answer.headers.add("x-amzn-RequestId", "REQ1");
  answer.body = R"({"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",)"
                R"("Item":{"id":{"S":"1"}},"message":"The conditional request failed"})";
  const std::string body = answer.body;
  const ServiceError error = read_error(kDynamoDb, std::move(answer), {});
  EXPECT_EQ(error.kind, conditional_check_failed);
  EXPECT_EQ(error.code, "ConditionalCheckFailedException");
  EXPECT_EQ(error.message, "The conditional request failed");
  EXPECT_EQ(error.request_id, "REQ1");
  EXPECT_EQ(error.body, body);
}

TEST(ErrorAnswer, IsReadFromABodyWithTheDeepestItem) {
  std::string item = R"({"S":"x"})";
  for (int level = 0; level < 32; ++level) item = R"({"M":{"a":)" + item + "}}";
  HttpResponse answer;
  answer.status = 400;
  answer.body = R"({"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",)"
                R"("CancellationReasons":[{"Code":"ConditionalCheckFailed","Item":{"state":)" +
                item + "}}]}";
  EXPECT_EQ(read_error(kDynamoDb, std::move(answer), {}).kind, transaction_canceled);
}

TEST(ErrorAnswer, IsReadFromTheHeaderWhereTheBodyIsNoJson) {
  HttpResponse answer;
  answer.status = 503;
  answer.headers.add("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/");
  answer.body = "<html>busy</html>";
  const ServiceError error = read_error(kDynamoDb, std::move(answer), {});
  EXPECT_EQ(error.kind, throttled);
  EXPECT_EQ(error.code, "ThrottlingException");
}

TEST(ErrorAnswer, TakesNothingForACodeThatIsNone) {
  for (const char* body : {"", "[1]", "{", R"({"__type":7})", R"({"__type":"a b\n<script>"})"}) {
    HttpResponse answer;
    answer.status = 500;
    answer.body = body;
    const ServiceError error = read_error(kDynamoDb, std::move(answer), {});
    EXPECT_EQ(error.code, "") << body;
    EXPECT_EQ(error.kind, transient);
  }
}

TEST(ErrorAnswer, LosesItsSecretsAndItsLength) {
  Credentials credentials;
  credentials.secret_access_key = "s3cret";
  credentials.session_token = "t0ken";
  EXPECT_EQ(safe_message("The signature is wrong.\n\nx-amz-security-token:t0ken", credentials),
            "The signature is wrong.");
  EXPECT_EQ(safe_message("got s3cret and\tt0ken", credentials), "got *** and ***");
  EXPECT_EQ(safe_message(std::string(9000, 'x'), credentials).size(), 512u);
  std::string accented(511, 'x');
  accented += "\xc3\xa9";
  EXPECT_EQ(safe_message(accented, credentials), std::string(511, 'x'));
}

TEST(ErrorAnswer, OfXmlHoldsNoSecretEither) {
  Credentials credentials;
  credentials.secret_access_key = "s3cret";
  HttpResponse answer;
  answer.status = 403;
  answer.body = "<Error><Code>s3cret</Code><Message>for s3cret\nand more</Message></Error>";
  const ServiceError error = read_error(kS3, answer, credentials);
  EXPECT_EQ(error.code, "");
  EXPECT_EQ(error.message, "for ***");
  EXPECT_EQ(error.kind, access_denied);
}

// Found by the fuzz target: the code went into error texts as it came.
TEST(ErrorAnswer, TakesNoCodeThatHoldsASecret) {
  Credentials credentials;
  credentials.secret_access_key = "s3cret";
  credentials.session_token = "t0ken";
  HttpResponse answer;
  answer.status = 400;
  answer.body = R"({"__type":"x#Got-s3cret"})";
  answer.headers.add("x-amzn-errortype", "t0ken");
  EXPECT_EQ(read_error(kDynamoDb, answer, credentials).code, "");
  EXPECT_EQ(read_error(kDynamoDb, answer, {}).code, "Got-s3cret");
}

}  // namespace
}  // namespace sagabus::aws
