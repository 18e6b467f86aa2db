#include "aws_client/bare_loop.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <sstream>
#include <stdexcept>

namespace sagabus::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;

Request parse(const std::string& text) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  boost::system::error_code error;
  parser.put(asio::buffer(text), error);
  if (error || !parser.is_done()) throw std::runtime_error("the request is none");
  Request request = parser.release();
  std::ostringstream again;
  again << request;
  if (again.str() != text) throw std::runtime_error("the loop would send something else");
  return request;
}

template <class Stream>
class Loop final : public BareLoop {
 public:
  template <class... Arguments>
  explicit Loop(Request request, Arguments&&... arguments)
      : request_(std::move(request)), stream_(std::forward<Arguments>(arguments)...) {
    buffer_.reserve(16 * 1024);  // else Beast begins with 512 bytes and reads an answer in pieces
  }

  Stream& stream() { return stream_; }

  asio::awaitable<void> run(int& left) override {
    while (left-- > 0) {
      co_await http::async_write(stream_, request_, asio::use_awaitable);
      http::response<http::string_body> answer;
      co_await http::async_read(stream_, buffer_, answer, asio::use_awaitable);
      if (answer.result() != http::status::ok) throw std::runtime_error("not answered");
    }
  }

 private:
  Request request_;
  Stream stream_;
  boost::beast::flat_buffer buffer_;
};

using Plain = Loop<tcp::socket>;
using Tls = Loop<asio::ssl::stream<tcp::socket>>;

void connect(tcp::socket& socket, const aws::Endpoint& endpoint) {
  socket.connect({asio::ip::make_address(endpoint.host), endpoint.port});
  socket.set_option(tcp::no_delay(true));
}

}  // namespace

std::unique_ptr<BareLoop> connect_bare_loop(asio::io_context& context,
                                            const aws::Endpoint& endpoint,
                                            const std::string& ca_file,
                                            const std::string& request) {
  // Of the type that a coroutine uses on an io_context of the user's.
  const asio::any_io_executor executor = context.get_executor();
  if (!endpoint.tls) {
    auto loop = std::make_unique<Plain>(parse(request), executor);
    connect(loop->stream(), endpoint);
    return loop;
  }
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.load_verify_file(ca_file);
  tls.set_verify_mode(asio::ssl::verify_peer);
  auto loop = std::make_unique<Tls>(parse(request), executor, tls);
  loop->stream().set_verify_callback(asio::ssl::host_name_verification(endpoint.host));
  connect(loop->stream().next_layer(), endpoint);
  loop->stream().handshake(asio::ssl::stream_base::client);
  return loop;
}

}  // namespace sagabus::bench
