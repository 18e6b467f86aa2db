#include "aws/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <tuple>
#include <utility>

#include "aws/response_parser.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

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

asio::awaitable<HttpResponse> Connection::exchange(const HttpRequest& request, Deadline deadline,
                                                   const HttpClientOptions& options) {
  reusable_ = false;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  ResponseParser parser(options.max_header_bytes, options.max_body_bytes);
  if (request.method == "HEAD") parser.skip(true);
  const TimeLimit limit(*this, deadline, executor);
  co_await write(request);
  co_await read(parser);
  const std::lock_guard lock(mutex_);
  reusable_ = parser.keep_alive() && input_.size() == 0 && !expired_;
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

asio::awaitable<void> Connection::write(const HttpRequest& request) {
  write_head(request);
  if (stream_) {  // in one piece: each buffer would become a TLS record and a packet of its own
    output_.append(request.body);
    const auto [error, sent] = co_await asio::async_write(*stream_, asio::buffer(output_), kResult);
    if (error) fail(error, "sending the request");
    co_return;
  }
  // A request nearly always fits the socket's buffer, so this nearly never suspends.
  const std::array<asio::const_buffer, 2> whole{asio::buffer(output_), asio::buffer(request.body)};
  boost::system::error_code error;
  const std::size_t total = output_.size() + request.body.size();
  const std::size_t sent = socket_.write_some(whole, error);
  if (error && error != asio::error::would_block) fail(error, "sending the request");
  if (sent == total) co_return;
  const std::size_t head_left = output_.size() - std::min(sent, output_.size());
  const std::size_t body_left = std::min(total - sent, request.body.size());
  const std::array<asio::const_buffer, 2> rest{
      asio::buffer(output_.data() + output_.size() - head_left, head_left),
      asio::buffer(request.body.data() + request.body.size() - body_left, body_left)};
  const auto [late_error, late_sent] = co_await asio::async_write(socket_, rest, kResult);
  if (late_error) fail(late_error, "sending the request");
}

asio::awaitable<void> Connection::read(ResponseParser& parser) {
  boost::system::error_code error;
  while (!parser.is_done()) {
    const std::size_t used = parser.put(input_.data(), error);
    input_.consume(used);
    if (parser.is_done()) break;
    if (error == http::error::body_limit || error == http::error::header_limit ||
        error == http::error::buffer_overflow) {
      throw HttpError(HttpError::Kind::answer_size, true,
                      "the answer is larger than allowed: " + error.message());
    }
    if (error && error != http::error::need_more) fail(error, "reading the answer");
    const bool more = co_await read_some(parser);
    if (more) continue;
    // The parser may only be told of an end after a beginning.
    if (!parser.got_some()) fail(asio::error::eof, "waiting for the answer");
    parser.put_eof(error);
    if (error) fail(asio::error::eof, "reading the answer");
  }
  if (parser.response().status < 200) fail({}, "expecting an answer, got an interim one");
}

// False at the end of the stream.
asio::awaitable<bool> Connection::read_some(ResponseParser& parser) {
  const auto size = std::clamp<std::uint64_t>(parser.remaining(), kReadSize, kMaxReadSize);
  const auto space = input_.prepare(static_cast<std::size_t>(size));
  boost::system::error_code error;
  std::size_t received = 0;
  if (stream_) {
    std::tie(error, received) = co_await stream_->async_read_some(space, kResult);
  } else {
    std::tie(error, received) = co_await socket_.async_read_some(space, kResult);
  }
  input_.commit(received);
  if (!error) co_return true;
  const bool expired = [this] {
    const std::lock_guard lock(mutex_);
    return expired_;
  }();
  if (error == asio::error::eof && !expired) co_return false;
  fail(error, "reading the answer");
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
