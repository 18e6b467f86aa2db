// Stands between a client and a server of HTTP. The server gets every request and answers it; each
// so-and-so-many-th answer is lost on its way back, and the connection with it.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <string>

#include "sagabus/aws/endpoint.hpp"
#include "support/http_server.hpp"

namespace sagabus::faults {

class LossyProxy {
 public:
  LossyProxy(const std::string& server, unsigned lose_every);

  std::string endpoint() const;  // a URL
  unsigned lost() const noexcept { return lost_; }

 private:
  boost::asio::awaitable<void> serve(aws::Peer& client);

  const aws::Endpoint server_;
  const unsigned lose_every_;
  std::atomic<unsigned> answers_ = 0;
  std::atomic<unsigned> lost_ = 0;
  aws::TestServer listener_;  // last: it uses the others
};

}  // namespace sagabus::faults
