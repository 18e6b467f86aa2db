// What one call costs, where that does not depend on the machine. bench/aws_client_bench has the
// rest. A figure that went up wants a reason; one that went down, to be written down here.
#include <gtest/gtest.h>

#include "aws/digest.hpp"
#include "aws/sigv4.hpp"
#include "sagabus/aws/client.hpp"
#include "support/allocations.hpp"
#include "support/http_server.hpp"
#include "support/system_calls.hpp"
#include "unit/aws/run.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kBody = R"({"Item":{"sagaId":{"S":"5f0c8a52-8d0b-5c1e-9d0e"}}})";

asio::awaitable<void> answer_all(Peer& peer, int) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
      "Content-Type: application/x-amz-json-1.0\r\n"
      "x-amzn-RequestId: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
      "x-amz-crc32: " +
      std::to_string(crc32(kBody)) + "\r\nContent-Length: " + std::to_string(kBody.size()) +
      "\r\n\r\n" + std::string(kBody);
  for (;;) {
    const std::string request = co_await peer.read_request();
    if (request.empty()) co_return;
    co_await peer.write(answer);
  }
}

struct Cost {
  std::uint64_t allocations = 0;
  SystemCalls system_calls;
};

// Of each of `calls`, one after the other, once the connection is open and buffers have grown.
asio::awaitable<Cost> cost_of_calls(const Client& client, std::uint64_t calls) {
  Cost start;
  for (std::uint64_t i = 0; i < 2 * calls; ++i) {
    if (i == calls) {
      start.allocations = allocations_of_this_thread();
      start.system_calls = system_calls_of_this_thread();
    }
    auto call = client.call("GetItem", std::string(600, ' '));
    const Outcome outcome = co_await std::move(call);
    EXPECT_TRUE(outcome.has_value() && outcome->body == kBody);
  }
  Cost cost;
  cost.allocations = (allocations_of_this_thread() - start.allocations) / calls;
  const SystemCalls end = system_calls_of_this_thread();
  cost.system_calls.sends = (end.sends - start.system_calls.sends) / calls;
  cost.system_calls.polls = (end.polls - start.system_calls.polls) / calls;
  cost.system_calls.timers = (end.timers - start.system_calls.timers) / calls;
  co_return cost;
}

Cost cost_of_a_call(const TestCertificates* certificates) {
  const TestServer server(answer_all, certificates);
  ClientOptions options;
  options.region = "us-east-1";
  options.endpoint = server.endpoint().url();
  if (certificates) options.ca_file = certificates->ca_file;
  options.credentials =
      static_credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  options.environment = fixed_environment({});
  const Client client(kDynamoDb, options);
  return run(cost_of_calls(client, 100));
}

// The caller's body; three copies of strings of the credentials and the date; four texts of the
// signature; the target; the answer's headers, body and request id. The rest is coroutines, of
// which Asio keeps two for the next. OpenSSL's own are not counted.
constexpr std::uint64_t kAllocations = 14;

TEST(Cost, OfACall) {
  const Cost cost = cost_of_a_call(nullptr);
  EXPECT_LE(cost.allocations, kAllocations);
  EXPECT_EQ(cost.system_calls.sends, 1);   // head and body together
  EXPECT_EQ(cost.system_calls.polls, 1);   // is the connection still open?
  EXPECT_LE(cost.system_calls.timers, 1);  // the time limit
}

TEST(Cost, OfACallOverTls) {
  const TestCertificates certificates("IP:127.0.0.1");
  const Cost cost = cost_of_a_call(&certificates);
  EXPECT_LE(cost.allocations, kAllocations);
  EXPECT_EQ(cost.system_calls.sends, 1);
  EXPECT_EQ(cost.system_calls.polls, 1);
  EXPECT_LE(cost.system_calls.timers, 1);
}

TEST(Cost, OfASignature) {
  const std::string payload(600, 'x');
  const std::array<Header, 4> headers{{{"Host", "dynamodb.us-east-1.amazonaws.com"},
                                       {"Content-Type", "application/x-amz-json-1.0"},
                                       {"X-Amz-Date", "20261122T170405Z"},
                                       {"X-Amz-Target", "DynamoDB_20120810.UpdateItem"}}};
  SigningRequest request;
  request.method = "POST";
  request.path = "/";
  request.headers = headers;
  request.payload = payload;
  Credentials credentials;
  credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  credentials.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  Signer signer("us-east-1", "dynamodb");
  const std::string first = signer.authorization(request, credentials, "20261122T170405Z");
  const std::uint64_t before = allocations_of_this_thread();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(signer.authorization(request, credentials, "20261122T170405Z"), first);
  }
  EXPECT_LE((allocations_of_this_thread() - before) / 100, 4);
  EXPECT_EQ(signer.derivations(), 1);
}

}  // namespace
}  // namespace sagabus::aws
