// What `sagabus doctor` makes of values that no emulator gives.
#include <gtest/gtest.h>

#include "doctor/claim_checks.hpp"
#include "doctor/file_checks.hpp"
#include "doctor/queue_checks.hpp"
#include "doctor/service_checks.hpp"
#include "doctor/table_checks.hpp"

namespace sagabus::tools {
namespace {

using namespace std::chrono_literals;

TEST(DoctorFindings, ADiskThatFillsUpIsSaid) {
  EXPECT_EQ(space_finding(20'000'000'000, 1'000'000).severity, Severity::ok);
  EXPECT_EQ(space_finding(20'000'000'000, 30'000'000'000).severity, Severity::warning);
  EXPECT_EQ(space_finding(900'000'000, 1'000'000).severity, Severity::warning);
  EXPECT_EQ(space_finding(10'000'000, 1'000'000).severity, Severity::error);
  EXPECT_EQ(space_finding(10'000'000, 1'000'000).found, "10.0 MB free");
}

TEST(DoctorFindings, ABucketMayBeMissingElsewhereOrClosed) {
  const auto failure = [](std::string code) {
    ServiceInfo service;
    service.code = std::move(code);
    return claims_failure("s3:PutObject", TransientError("said S3", service));
  };
  EXPECT_EQ(failure("NoSuchBucket").found, "there is no bucket: said S3");
  EXPECT_EQ(failure("PermanentRedirect").found, "the bucket is in another Region: said S3");
  EXPECT_EQ(failure("SlowDown").found, "s3:PutObject: said S3");
  EXPECT_EQ(claims_failure("s3:PutObject", AccessDenied("said S3")).found,
            "s3:PutObject is denied: said S3");
  EXPECT_EQ(failure("SlowDown").severity, Severity::error);
}

TEST(DoctorFindings, TheClockMayBeOffByAMinute) {
  EXPECT_EQ(clock_finding(-4s).found, "as the service's, to a few seconds");
  EXPECT_EQ(clock_finding(30s).severity, Severity::ok);
  EXPECT_EQ(clock_finding(30s).found, "this machine is 30s behind the service");
  EXPECT_EQ(clock_finding(-61s).severity, Severity::warning);
  EXPECT_EQ(clock_finding(301s).severity, Severity::error);
}

TEST(DoctorFindings, SlowReadsAreSaid) {
  std::vector<std::chrono::nanoseconds> times;
  for (int i = 50; i > 0; --i) times.emplace_back(std::chrono::milliseconds(i));
  const Finding fine = latency_finding(times, "reads", 30ms, "run nearer");
  EXPECT_EQ(fine.severity, Severity::ok);
  EXPECT_EQ(fine.found, "50 reads: p50 25.00 ms, p99 50.00 ms");
  EXPECT_EQ(fine.advice, "");
  const Finding slow = latency_finding(times, "reads", 20ms, "run nearer");
  EXPECT_EQ(slow.severity, Severity::warning);
  EXPECT_EQ(slow.advice, "run nearer");
  EXPECT_EQ(latency_finding({}, "reads", 20ms, "").severity, Severity::warning);
}

TEST(DoctorFindings, TablesAndIndexesComeToLife) {
  dynamodb::TableInfo table;
  table.name = "sagas";
  table.status = "UPDATING";
  EXPECT_EQ(table_finding(table).severity, Severity::warning);
  table.status = "CREATING";
  EXPECT_EQ(table_finding(table).severity, Severity::error);
  table.indexes.push_back({"correlationIndex", {}, "ALL", "CREATING"});
  EXPECT_EQ(index_finding(table, dynamodb::CorrelationIndex::all).severity, Severity::error);
  EXPECT_EQ(index_finding(table, dynamodb::CorrelationIndex::none).severity, Severity::ok);
  table.ttl_attribute = "expires";
  EXPECT_EQ(ttl_finding(table, false).severity, Severity::error);
}

TEST(DoctorFindings, AQueuesNameTellsItsEndpoint) {
  SqsUri uri;
  uri.queue_prefix = "shop";
  EXPECT_EQ(endpoint_of_queue("shop-Orders.fifo", uri), "Orders");
  EXPECT_EQ(endpoint_of_queue("shop-Orders-dlq.fifo", uri), "Orders.dlq");
  uri.fifo = false;
  EXPECT_EQ(endpoint_of_queue("shop-Orders-dlq", uri), "Orders.dlq");
}

TEST(DoctorFindings, ExpiringCredentialsAreSaid) {
  const aws::Outcome answer{aws::Response{}};
  Identity identity{"container", {}};
  identity.credentials.access_key_id = "AKID";
  identity.credentials.secret_access_key = "secret";
  identity.credentials.session_token = "token";
  const TimePoint now{std::chrono::milliseconds(1'800'000'000'000)};
  identity.credentials.expiration = now + 1h;
  const Finding fine = credentials_finding(identity, now, answer);
  EXPECT_EQ(fine.severity, Severity::ok);
  EXPECT_EQ(fine.found, "container, AKID; they expire at 2027-01-15T09:00:00.000Z, in 60m");
  identity.credentials.expiration = now + 9min;
  EXPECT_EQ(credentials_finding(identity, now, answer).severity, Severity::warning);
}

}  // namespace
}  // namespace sagabus::tools
