#include "aws/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <utility>

#include "aws/response_parser.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// As kResult, but not a coroutine of its own.
constexpr auto kDeferredResult = asio::as_tuple(asio::deferred);

constexpr std::uint64_t kReadSize = 16 * 1024;
constexpr std::uint64_t kMaxReadSize = 256 * 1024;

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

// Ends the exchange when its time is up, and is called off when it ends by itself.
class Connection::TimeLimit {
 public:
  TimeLimit(Connection& connection, Deadline deadline, const asio::any_io_executor& executor)
      : connection_(connection) {
    std::uint64_t round = 0;
    {
      const std::lock_guard lock(connection.mutex_);
      round = ++connection.round_;
    }
    auto on_time = [weak = connection.weak_from_this(), round](const auto& error) {
      if (error) return;
      if (const auto self = weak.lock()) self->expire(round);
    };
    connection.timer_.expires_at(deadline);
    connection.timer_.async_wait(asio::bind_executor(executor, std::move(on_time)));
  }
  ~TimeLimit() {
    connection_.timer_.cancel();
    const std::lock_guard lock(connection_.mutex_);
    ++connection_.round_;
  }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  Connection& connection_;
};

Connection::Connection(Socket socket)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      context_(&asio::query(socket_.get_executor(), asio::execution::context)) {}

Connection::~Connection() {
  const std::lock_guard lock(mutex_);  // a timeout of the last moment may still look at it
  descriptor_ = -1;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

Connection::Stream& Connection::make_stream(TlsContext& tls) {
  stream_ = std::make_unique<Stream>(socket_, tls.native());
  tls.prepare(stream_->native_handle());
  return *stream_;
}

void Connection::finish_dialling() {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);
  const std::lock_guard lock(mutex_);
  descriptor_ = socket_.native_handle();
}

// All of the usual way is in this one coroutine: each coroutine inside another costs every request
// an allocation.
asio::awaitable<HttpResponse> Connection::exchange(const HttpRequest& request, Deadline deadline,
                                                   const HttpClientOptions& options) {
  reusable_ = false;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  ResponseParser parser(options.max_header_bytes, options.max_body_bytes);
  if (request.method == "HEAD") parser.skip(true);
  const TimeLimit limit(*this, deadline, executor);
  write_head(request);
  if (stream_) {  // in one piece: each buffer would become a TLS record and a packet of its own
    output_.append(request.body);
    auto writing = asio::async_write(*stream_, asio::buffer(output_), kDeferredResult);
    const auto [error, sent] = co_await std::move(writing);
    if (error) fail(error, "sending the request");
  } else {
    const std::size_t sent = write_at_once(request);
    if (sent < output_.size() + request.body.size()) co_await write_rest(request, sent);
  }
  while (!parse(parser)) {
    const auto size = std::clamp<std::uint64_t>(parser.remaining(), kReadSize, kMaxReadSize);
    const auto space = input_.prepare(static_cast<std::size_t>(size));
    if (stream_) {
      auto reading = stream_->async_read_some(space, kDeferredResult);
      const auto [error, received] = co_await std::move(reading);
      take_in(parser, error, received);
    } else {
      auto reading = socket_.async_read_some(space, kDeferredResult);
      const auto [error, received] = co_await std::move(reading);
      take_in(parser, error, received);
    }
  }
  const std::lock_guard lock(mutex_);
  reusable_ = parser.keep_alive() && input_.size() == 0 && !expired_;
  if (stream_) parser.response().tls_version = SSL_get_version(stream_->native_handle());
  co_return std::move(parser.response());
}

void Connection::write_head(const HttpRequest& request) {
  output_.clear();
  output_.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  for (const Header& header : request.headers) {
    output_.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    output_.append("Content-Length: ");
    append_number(output_, request.body.size());
    output_.append("\r\n");
  }
  output_.append("\r\n");
}

// A request nearly always fits the socket's buffer, so that nothing is left to wait for. Returns
// what was sent of head and body.
std::size_t Connection::write_at_once(const HttpRequest& request) {
  const std::array<asio::const_buffer, 2> whole{asio::buffer(output_), asio::buffer(request.body)};
  boost::system::error_code error;
  const std::size_t sent = socket_.write_some(whole, error);
  if (error && error != asio::error::would_block) fail(error, "sending the request");
  return sent;
}

asio::awaitable<void> Connection::write_rest(const HttpRequest& request, std::size_t sent) {
  const std::size_t total = output_.size() + request.body.size();
  const std::size_t head_left = output_.size() - std::min(sent, output_.size());
  const std::size_t body_left = std::min(total - sent, request.body.size());
  const std::array<asio::const_buffer, 2> rest{
      asio::buffer(output_.data() + output_.size() - head_left, head_left),
      asio::buffer(request.body.data() + request.body.size() - body_left, body_left)};
  const auto [error, late_sent] = co_await asio::async_write(socket_, rest, kResult);
  if (error) fail(error, "sending the request");
}

// Takes in what was received. True where the answer is complete.
bool Connection::parse(ResponseParser& parser) {
  boost::system::error_code error;
  if (parser.take(input_, error)) {
    if (parser.response().status < 200) fail({}, "expecting an answer, got an interim one");
    return true;
  }
  if (error == http::error::body_limit || error == http::error::header_limit ||
      error == http::error::buffer_overflow) {
    throw HttpError(HttpError::Kind::answer_size, true,
                    "the answer is larger than allowed: " + error.message());
  }
  if (error) fail(error, "reading the answer");
  return false;
}

void Connection::take_in(ResponseParser& parser, const boost::system::error_code& error,
                         std::size_t size) {
  input_.commit(size);
  if (!error) return;
  const bool expired = [this] {
    const std::lock_guard lock(mutex_);
    return expired_;
  }();
  if (error != asio::error::eof || expired) fail(error, "reading the answer");
  boost::system::error_code at_end;
  parser.end(at_end);
  if (at_end) fail(at_end, parser.got_some() ? "reading the answer" : "waiting for the answer");
}

void Connection::expire(std::uint64_t round) {
  const std::lock_guard lock(mutex_);
  if (round != round_ || descriptor_ < 0) return;
  expired_ = true;
  ::shutdown(descriptor_, SHUT_RDWR);
}

void Connection::fail(const boost::system::error_code& error, const char* doing) {
  {
    const std::lock_guard lock(mutex_);
    if (expired_) throw HttpError(HttpError::Kind::timeout, true, "no answer in time");
  }
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  std::string text = std::string("the connection failed while ") + doing;
  if (error) text += ": " + error.message();
  throw HttpError(HttpError::Kind::broken, true, text);
}

bool Connection::looks_alive() const {
  // The native handle is stable here: only the owner closes the socket, and the caller owns it.
  pollfd events{descriptor_, POLLIN | POLLRDHUP, 0};
  if (::poll(&events, 1, 0) < 0) return false;
  // Over TLS there may be something to read without an end: a session ticket comes at any time,
  // while the peer's farewell comes with the end.
  return events.revents == 0 || (stream_ != nullptr && events.revents == POLLIN);
}

}  // namespace sagabus::aws
