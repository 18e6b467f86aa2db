#include "aws_client/responder.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "aws/digest.hpp"

namespace sagabus::bench {
namespace {

// The headers are those that DynamoDB sends.
std::string make_answer(std::string_view body) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nServer: Server\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n"
      "Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n"
      "Connection: keep-alive\r\n"
      "x-amzn-RequestId: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
      "x-amz-crc32: {}\r\n\r\n{}",
      fmt::gmtime(std::time(nullptr)), body.size(), aws::crc32(body), body);
}

}  // namespace

Responder::Responder(const Exchange& exchange, const aws::TestCertificates* certificates)
    : answer_(make_answer(exchange.answer)),
      server_([this](aws::Peer& peer, int) { return serve(peer); }, certificates) {}

std::string Responder::first_request() const {
  const std::lock_guard lock(mutex_);
  return first_request_;
}

boost::asio::awaitable<void> Responder::serve(aws::Peer& peer) {
  for (;;) {
    std::string request = co_await peer.read_request();
    if (request.empty()) co_return;
    if (!seen_) {
      const std::lock_guard lock(mutex_);
      first_request_ = std::move(request);
      seen_ = true;
    }
    co_await peer.write(answer_);
  }
}

}  // namespace sagabus::bench
