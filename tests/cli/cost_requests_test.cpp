// Whether a message takes as many requests to SQS as `sagabus cost` says: what the transport really
// asks of the emulator, billed as AWS does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/json/parse.hpp>

#include "aws/http_client.hpp"
#include "run_sagabus.hpp"
#include "sagabus/json.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sqs/transport.hpp"
#include "sagabus/sync_wait.hpp"
#include "support/endpoint.hpp"

namespace sagabus::test {
namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;
constexpr unsigned kMessages = 10;

std::size_t bytes_of(const boost::json::value& json, const char* list, const char* body) {
  std::size_t bytes = 0;
  const boost::json::value* const messages = json.as_object().if_contains(list);
  if (!messages) return bytes;
  for (const boost::json::value& one : messages->as_array()) {
    bytes += one.at(body).as_string().size();
  }
  return bytes;
}

// Passes everything on, and counts what is billed: each 64 KiB that are sent or received, and each
// deletion. Looks at queues, and polls to which nothing comes, are not a message's.
class BillingHttp final : public aws::HttpClient {
 public:
  BillingHttp() {
    aws::HttpClientOptions options;
    options.endpoint = aws::parse_endpoint("endpoint", sqs_endpoint());
    inner_ = aws::make_http_client(std::move(options));
  }
  unsigned billed() const { return billed_; }

  boost::asio::awaitable<aws::HttpResponse> send(const aws::HttpRequest& request) override {
    auto sending = inner_->send(request);
    aws::HttpResponse response = co_await std::move(sending);
    if (is(request, "SendMessageBatch")) {
      bill(bytes_of(boost::json::parse(request.body), "Entries", "MessageBody"));
    } else if (is(request, "ReceiveMessage")) {
      bill(bytes_of(boost::json::parse(response.body), "Messages", "Body"));
    } else if (is(request, "DeleteMessageBatch")) {
      bill(1);
    }
    co_return response;
  }

 private:
  static bool is(const aws::HttpRequest& request, std::string_view operation) {
    return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
      return header.name == "X-Amz-Target" && header.value.ends_with(operation);
    });
  }
  void bill(std::size_t bytes) { billed_ += static_cast<unsigned>((bytes + kChunk - 1) / kChunk); }

  std::shared_ptr<aws::PooledHttpClient> inner_;
  std::atomic<unsigned> billed_ = 0;
};

sqs::Transport make_transport(std::shared_ptr<BillingHttp> http) {
  sqs::ClientOptions client;
  client.region = "us-east-1";
  client.endpoint = sqs_endpoint();
  client.credentials = aws::static_credentials("test", "test");
  client.http = std::move(http);
  sqs::TransportOptions options;
  options.client = sqs::Client(std::move(client));
  options.queue_prefix = "cost" + new_nonce(*system_random());
  options.create_queues = true;
  return sqs::Transport(std::move(options));
}

SendRequest one(unsigned number, std::size_t payload_bytes) {
  Envelope envelope;
  envelope.id = fmt::format("message-{}", number);
  envelope.type = "ItemsReserved";
  envelope.payload = Value(std::string(payload_bytes - 2, 'x'));
  SendRequest out;
  out.envelope = std::make_shared<const Envelope>(std::move(envelope));
  out.endpoint = "a";
  return out;
}

// All at once, as under load.
double billed_a_message(std::size_t payload_bytes) {
  const auto http = std::make_shared<BillingHttp>();
  const sqs::Transport transport = make_transport(http);
  TransportBackend& backend = *transport.backend();
  std::vector<SendRequest> requests;
  for (unsigned i = 0; i < kMessages; ++i) requests.push_back(one(i, payload_bytes));
  sync_wait(backend.send(std::move(requests)));
  std::vector<Delivery> deliveries = sync_wait(backend.receive("a", kMessages));
  EXPECT_EQ(deliveries.size(), kMessages);
  sync_wait(backend.acknowledge_all(std::move(deliveries)));
  return static_cast<double>(http->billed()) / kMessages;
}

double stated(std::size_t payload_bytes) {
  const Ran ran = run_sagabus({"cost", "--sagas", "1", "--batch", std::to_string(kMessages),
                               "--payload", std::to_string(payload_bytes), "--json"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  const Value said = parse_json(ran.out);
  return *said.find("no_index")->find("sqs_requests_per_message")->if_double();
}

TEST(CostOfMessages, IsWhatTheTransportAsksFor) {
  for (const std::size_t payload_bytes : {100U, 30'000U, 200'000U}) {
    EXPECT_DOUBLE_EQ(billed_a_message(payload_bytes), stated(payload_bytes)) << payload_bytes;
  }
}

}  // namespace
}  // namespace sagabus::test
