// The least that Beast can do: write a request that is ready, read the answer, and again. No
// signature, no time limit, no retry, no check.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "sagabus/aws/endpoint.hpp"

namespace sagabus::bench {

// One open connection.
class BareLoop {
 public:
  virtual ~BareLoop() = default;
  // Takes turns from `left` until it is 0.
  virtual boost::asio::awaitable<void> run(int& left) = 0;
};

// `request` is the text of one; what is sent is the same to the byte.
std::unique_ptr<BareLoop> connect_bare_loop(boost::asio::io_context& context,
                                            const aws::Endpoint& endpoint,
                                            const std::string& ca_file, const std::string& request);

}  // namespace sagabus::bench
