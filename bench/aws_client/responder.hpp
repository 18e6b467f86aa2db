// Stands in for DynamoDB: answers every request at once, with the same text.
#pragma once

#include <mutex>
#include <string>

#include "aws_client/requests.hpp"
#include "support/http_server.hpp"

namespace sagabus::bench {

class Responder {
 public:
  // Plain HTTP where `certificates` is null.
  Responder(const Exchange& exchange, const aws::TestCertificates* certificates);

  aws::Endpoint endpoint() const { return server_.endpoint(); }
  std::string first_request() const;  // head and body, as they came

 private:
  boost::asio::awaitable<void> serve(aws::Peer& peer);

  const std::string answer_;
  mutable std::mutex mutex_;
  std::string first_request_;
  bool seen_ = false;  // one request is enough, and this is on the way of the rest
  aws::TestServer server_;
};

}  // namespace sagabus::bench
