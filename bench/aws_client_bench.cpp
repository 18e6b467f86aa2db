// What a request costs the client, beside a bare Beast loop that sends the same bytes; and what a
// signature costs.
//
//   aws_client_bench [--rounds N] [--seconds S] [--lanes N] [--only client|bare]
//                    [--stream plain|TLS]
//
// A round is about S seconds of the one and then of the other. The last three are for a profiler.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "aws/sigv4.hpp"
#include "aws_client/bare_loop.hpp"
#include "aws_client/measure.hpp"
#include "aws_client/responder.hpp"
#include "sagabus/aws/client.hpp"
#include "support/allocations.hpp"

namespace {

namespace asio = boost::asio;
using namespace sagabus;
using bench::Sample;

struct Settings {
  int rounds = 7;
  double seconds = 0.12;
  int lanes = 0;            // 0: 1, 16 and 64
  std::string only = {};    // empty: both
  std::string stream = {};  // empty: both
};

aws::Client make_client(const aws::Endpoint& endpoint, const std::string& ca_file, int lanes) {
  aws::ClientOptions options;
  options.region = "eu-central-1";
  options.endpoint = endpoint.url();
  options.ca_file = ca_file;
  options.max_connections = lanes;
  options.credentials =
      aws::static_credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  options.environment = aws::fixed_environment({});
  return aws::Client(aws::kDynamoDb, std::move(options));
}

asio::awaitable<void> client_lane(const aws::Client& client, const bench::Exchange& exchange,
                                  int& left) {
  while (left-- > 0) {
    auto call = client.call(exchange.operation, std::string(exchange.body));
    const aws::Outcome outcome = co_await std::move(call);
    if (!outcome || outcome->body != exchange.answer) throw std::runtime_error("a failed call");
  }
}

// The two to compare, each with as many open connections as lanes.
class Pair {
 public:
  Pair(const bench::Exchange& exchange, const aws::TestCertificates* certificates, int lanes)
      : exchange_(exchange),
        lanes_(lanes),
        responder_(exchange, certificates),
        client_(
            make_client(responder_.endpoint(), certificates ? certificates->ca_file : "", lanes)) {
    client(lanes * 4);  // connects
    for (int i = 0; i < lanes; ++i) {
      loops_.push_back(bench::connect_bare_loop(context_, responder_.endpoint(),
                                                certificates ? certificates->ca_file : "",
                                                responder_.first_request()));
    }
    bare(lanes * 4);
  }

  Sample client(int requests) {
    return bench::measure(context_, lanes_, requests,
                          [this](int, int& left) { return client_lane(client_, exchange_, left); });
  }
  Sample bare(int requests) {
    return bench::measure(context_, lanes_, requests, [this](int lane, int& left) {
      return loops_[static_cast<std::size_t>(lane)]->run(left);
    });
  }

 private:
  const bench::Exchange& exchange_;
  const int lanes_;
  bench::Responder responder_;
  asio::io_context context_{1};
  const aws::Client client_;
  std::vector<std::unique_ptr<bench::BareLoop>> loops_;
};

double median_of(const std::vector<Sample>& samples, double Sample::*field) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.*field);
  return bench::median(std::move(values));
}

void compare(const Settings& settings, const bench::Exchange& exchange,
             const aws::TestCertificates* certificates, int lanes) {
  Pair pair(exchange, certificates, lanes);
  const auto requests =
      static_cast<int>(std::max(1.0, pair.client(2000).per_second * settings.seconds));
  std::vector<Sample> client;
  std::vector<Sample> bare;
  std::vector<double> ratios;
  for (int i = 0; i < settings.rounds; ++i) {
    if (settings.only != "bare") client.push_back(pair.client(requests));
    if (settings.only != "client") bare.push_back(pair.bare(requests));
    if (settings.only.empty()) ratios.push_back(client.back().cpu_us / bare.back().cpu_us);
  }
  if (ratios.empty()) return;
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  fmt::print(
      "{:10} {:5} {:3}   {:.2f} ({:.2f} - {:.2f})   {:5.1f} {:5.1f}   {:6.0f} {:6.0f}   "
      "{:4.1f} {:4.1f}\n",
      exchange.operation, certificates ? "TLS" : "plain", lanes, bench::median(ratios), *least,
      *most, median_of(client, &Sample::cpu_us), median_of(bare, &Sample::cpu_us),
      median_of(client, &Sample::per_second), median_of(bare, &Sample::per_second),
      median_of(client, &Sample::allocations), median_of(bare, &Sample::allocations));
}

std::vector<int> lanes_of(const Settings& settings) {
  if (settings.lanes > 0) return {settings.lanes};
  return {1, 16, 64};
}

void measure_signing() {
  const std::string payload(600, 'x');
  const std::array<aws::Header, 4> headers{{{"Host", "dynamodb.eu-central-1.amazonaws.com"},
                                            {"Content-Type", "application/x-amz-json-1.0"},
                                            {"X-Amz-Date", "20261122T170405Z"},
                                            {"X-Amz-Target", "DynamoDB_20120810.UpdateItem"}}};
  aws::SigningRequest request;
  request.method = "POST";
  request.path = "/";
  request.headers = headers;
  request.payload = payload;
  aws::Credentials credentials;
  credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  credentials.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  aws::Signer signer("eu-central-1", "dynamodb");
  constexpr int kRounds = 20'000;
  const auto sign = [&] {
    return signer.authorization(request, credentials, "20261122T170405Z").size();
  };
  std::size_t size = sign();
  const std::uint64_t allocations = allocations_of_this_thread();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds; ++i) size += sign();
  const std::chrono::duration<double, std::micro> elapsed =
      std::chrono::steady_clock::now() - start;
  if (size == 0) throw std::logic_error("nothing signed");
  fmt::print("signing a request of 600 bytes: {:.2f} us, {} allocations, {} derivations of a key\n",
             elapsed.count() / kRounds, (allocations_of_this_thread() - allocations) / kRounds,
             signer.derivations());
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rounds") == 0) settings.rounds = std::stoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--seconds") == 0) settings.seconds = std::stod(argv[i + 1]);
    if (std::strcmp(argv[i], "--lanes") == 0) settings.lanes = std::stoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--stream") == 0) settings.stream = argv[i + 1];
    if (std::strcmp(argv[i], "--only") == 0) settings.only = argv[i + 1];
  }
  if (settings.only.empty()) measure_signing();
  fmt::print(
      "                       ratio of CPU         us CPU         requests/s      allocations\n"
      "operation        lanes (range)              ours  bare     ours   bare     ours bare\n");
  const aws::TestCertificates certificates("IP:127.0.0.1");
  for (const auto* tls : {static_cast<const aws::TestCertificates*>(nullptr), &certificates}) {
    if (!settings.stream.empty() && settings.stream != (tls ? "TLS" : "plain")) continue;
    for (const bench::Exchange* exchange : {&bench::kGetItem, &bench::kUpdateItem}) {
      for (const int lanes : lanes_of(settings)) compare(settings, *exchange, tls, lanes);
    }
  }
}
