#include "faults/lossy_proxy.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sagabus::faults {

namespace asio = boost::asio;

LossyProxy::LossyProxy(const std::string& server, unsigned lose_every)
    : server_(aws::parse_endpoint("endpoint", server)),
      lose_every_(lose_every),
      listener_([this](aws::Peer& client, int) { return serve(client); }) {}

std::string LossyProxy::endpoint() const {
  return fmt::format("http://127.0.0.1:{}", listener_.endpoint().port);
}

// A connection to the server for each from the client. Requests and answers have the same form.
asio::awaitable<void> LossyProxy::serve(aws::Peer& client) {
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  const asio::ip::tcp::endpoint to(asio::ip::make_address(server_.host), server_.port);
  co_await socket.async_connect(to, asio::use_awaitable);
  socket.set_option(asio::ip::tcp::no_delay(true));
  aws::Peer server(std::move(socket), nullptr);
  for (;;) {
    const std::string request = co_await client.read_request();
    if (request.empty()) co_return;
    co_await server.write(request);
    const std::string answer = co_await server.read_request();
    if (answer.empty()) co_return;
    if (++answers_ % lose_every_ == 0) {
      ++lost_;
      co_return;  // closes both
    }
    co_await client.write(answer);
  }
}

}  // namespace sagabus::faults
