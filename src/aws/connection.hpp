// One connection to the endpoint, used by one coroutine at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "aws/http_client.hpp"
#include "aws/tls.hpp"

namespace sagabus::aws {

class ResponseParser;

// For operations whose error is an ordinary result.
inline constexpr auto kResult = boost::asio::as_tuple(boost::asio::use_awaitable);

// Threads: a coroutine that has the connection runs on an executor of its own choice, perhaps one
// of many threads and without a strand, while a timeout comes from another thread. So the timeout
// touches neither the socket object nor the stream: it shuts the descriptor down in the kernel,
// under a mutex that also guards its closing, and the coroutine sees the end of the stream. This
// saves a hop to a strand and back for every request.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Stream = boost::asio::ssl::stream<Socket&>;
  using Deadline = std::chrono::steady_clock::time_point;

  // Takes over a connected socket; `make_stream` is done by the dialler.
  explicit Connection(Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // For the dialler, before the connection is shared.
  Socket& socket() { return socket_; }
  Stream& make_stream(TlsContext& tls);
  void finish_dialling();

  // Sends a request and receives the answer. Throws HttpError and, when cancelled,
  // boost::system::system_error(operation_aborted). Afterwards the connection may be used again
  // only where `reusable()`.
  boost::asio::awaitable<HttpResponse> exchange(const HttpRequest& request, Deadline deadline,
                                                const HttpClientOptions& options);
  bool reusable() const { return reusable_; }

  // Asks the kernel whether the peer has closed an idle connection, or sent what nobody asked for.
  bool looks_alive() const;

  bool resumed_session() const {
    return stream_ && SSL_session_reused(stream_->native_handle()) == 1;
  }
  boost::asio::execution_context& context() { return *context_; }
  std::chrono::nanoseconds idle_since{0};  // on the pool's clock, while it is in the pool

 private:
  class TimeLimit;

  void write_head(const HttpRequest& request);
  std::size_t write_at_once(const HttpRequest& request);
  boost::asio::awaitable<void> write_rest(const HttpRequest& request, std::size_t sent);
  bool parse(ResponseParser& parser);
  void take_in(ResponseParser& parser, const boost::system::error_code& error, std::size_t size);
  void expire(std::uint64_t round);
  [[noreturn]] void fail(const boost::system::error_code& error, const char* doing);

  Socket socket_;
  std::unique_ptr<Stream> stream_;  // over socket_, where TLS is spoken
  boost::asio::steady_timer timer_;
  boost::asio::execution_context* context_;
  boost::beast::flat_buffer input_;
  std::string output_;  // kept for its memory
  bool reusable_ = false;

  std::mutex mutex_;  // guards what follows, and the closing of the socket
  int descriptor_ = -1;
  std::uint64_t round_ = 0;  // tells the timeout of this exchange from a late one
  bool expired_ = false;
};

// Resolves the name anew, connects and, for TLS, shakes hands, all before `deadline`. Throws
// HttpError and, when cancelled, boost::system::system_error(operation_aborted).
// `tls` is null for plain HTTP.
boost::asio::awaitable<std::shared_ptr<Connection>> dial(const Endpoint& endpoint,
                                                         std::shared_ptr<TlsContext> tls,
                                                         Connection::Deadline deadline);

}  // namespace sagabus::aws
