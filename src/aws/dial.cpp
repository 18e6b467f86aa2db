#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "aws/connection.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// The making of one connection. All of it runs on one strand, its time limit included, and the
// handlers share it, so a look-up that cannot be stopped may outlive the coroutine.
class Dial : public std::enable_shared_from_this<Dial> {
 public:
  using Deadline = Connection::Deadline;

  Dial(const Endpoint& endpoint, std::shared_ptr<TlsContext> tls, Deadline deadline,
       asio::any_io_executor io, const asio::any_io_executor& strand)
      : endpoint_(endpoint),
        tls_(std::move(tls)),
        deadline_(deadline),
        io_(std::move(io)),
        strand_(strand),
        timer_(strand),
        resolver_(strand),
        resolved_(strand, 1) {}

  asio::awaitable<std::shared_ptr<Connection>> run() {
    const std::vector<tcp::endpoint> addresses = co_await resolve();
    std::string reason = "no address";
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      // Each address gets its share of what is left, so that one that swallows packets (IPv6 on a
      // half-configured machine) does not use up the time of the next.
      const auto now = std::chrono::steady_clock::now();
      const auto share = (deadline_ - now) / static_cast<long>(addresses.size() - i);
      if (share <= share.zero()) break;
      auto connection = std::make_shared<Connection>(tcp::socket(io_));
      limit(now + share, connection);
      const auto [error] = co_await connection->socket().async_connect(addresses[i], kResult);
      call_off();
      if (!error && !timed_out_) co_return co_await secure(std::move(connection));
      if (error == asio::error::operation_aborted && !timed_out_) {
        throw boost::system::system_error(error);
      }
      reason = timed_out_ ? "no answer in time" : error.message();
    }
    fail(HttpError::Kind::connect, reason);
  }

 private:
  using Channel =
      asio::experimental::channel<asio::any_io_executor,
                                  void(boost::system::error_code, tcp::resolver::results_type)>;

  // A look-up runs in a thread that cannot be stopped; only the waiting for it can.
  asio::awaitable<std::vector<tcp::endpoint>> resolve() {
    boost::system::error_code not_an_address;
    const auto address = asio::ip::make_address(endpoint_.host, not_an_address);
    std::vector<tcp::endpoint> found;
    if (!not_an_address) {
      found.emplace_back(address, endpoint_.port);
      co_return found;
    }
    limit(deadline_, nullptr);
    auto on_resolved = [self = shared_from_this()](const boost::system::error_code& error,
                                                   tcp::resolver::results_type results) {
      self->resolved_.try_send(error, std::move(results));
    };
    resolver_.async_resolve(endpoint_.host, std::to_string(endpoint_.port),
                            asio::bind_executor(strand_, std::move(on_resolved)));
    const auto [error, results] = co_await resolved_.async_receive(kResult);
    call_off();
    if (timed_out_) fail(HttpError::Kind::connect, "the name was not resolved in time");
    if (error == asio::error::operation_aborted ||
        error == asio::experimental::error::channel_cancelled) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
    if (error) fail(HttpError::Kind::connect, error.message());
    for (const auto& entry : results) found.push_back(entry.endpoint());
    co_return found;
  }

  asio::awaitable<std::shared_ptr<Connection>> secure(std::shared_ptr<Connection> connection) {
    connection->finish_dialling();
    if (!tls_) co_return connection;
    Connection::Stream& stream = connection->make_stream(*tls_);
    limit(deadline_, connection);
    const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kResult);
    call_off();
    if (!error && !timed_out_) co_return connection;
    if (timed_out_) fail(HttpError::Kind::connect, "no TLS handshake in time");
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
    const long verified = SSL_get_verify_result(stream.native_handle());
    if (verified != X509_V_OK) {
      fail(HttpError::Kind::untrusted, X509_verify_cert_error_string(verified));
    }
    fail(HttpError::Kind::connect, "TLS: " + error.message());
  }

  // When the time is up, closes the connection or ends the wait for the look-up.
  void limit(Deadline deadline, std::shared_ptr<Connection> connection) {
    timed_out_ = false;
    const std::uint64_t round = ++round_;
    auto on_time = [self = shared_from_this(), connection = std::move(connection),
                    round](const boost::system::error_code& error) {
      if (error || round != self->round_) return;
      self->timed_out_ = true;
      boost::system::error_code ignored;
      if (connection) connection->socket().close(ignored);
      if (!connection)
        self->resolved_.try_send(asio::error::timed_out, tcp::resolver::results_type());
    };
    timer_.expires_at(deadline);
    timer_.async_wait(asio::bind_executor(strand_, std::move(on_time)));
  }

  // A handler that is already on its way cannot be cancelled; the new round disarms it.
  void call_off() {
    ++round_;
    timer_.cancel();
  }

  [[noreturn]] void fail(HttpError::Kind kind, const std::string& why) {
    throw HttpError(kind, false, "cannot connect to " + endpoint_.host_header() + ": " + why);
  }

  const Endpoint endpoint_;
  const std::shared_ptr<TlsContext> tls_;
  const Deadline deadline_;
  const asio::any_io_executor io_;
  const asio::any_io_executor strand_;
  asio::steady_timer timer_;
  tcp::resolver resolver_;
  Channel resolved_;
  std::uint64_t round_ = 0;
  bool timed_out_ = false;
};

asio::awaitable<std::shared_ptr<Connection>> run(std::shared_ptr<Dial> dial) {
  co_return co_await dial->run();
}

// Hands the end of a dial to whoever waits for it; kept by both, since either may go first.
struct Ending {
  explicit Ending(const asio::any_io_executor& executor) : ended(executor, 1) {}
  asio::experimental::concurrent_channel<void(boost::system::error_code)> ended;
  asio::cancellation_signal cancel;  // used on the strand alone
  std::exception_ptr error;
  std::shared_ptr<TlsContext> tls;  // outlives the connection
  std::shared_ptr<Connection> connection;
};

}  // namespace

// Spawned apart from its caller, since Asio would carry the caller's cancellation to the strand
// without looking whether what runs there has ended.
asio::awaitable<std::shared_ptr<Connection>> dial(const Endpoint& endpoint,
                                                  std::shared_ptr<TlsContext> tls,
                                                  Connection::Deadline deadline) {
  const asio::any_io_executor io = co_await asio::this_coro::executor;
  const asio::any_io_executor strand = asio::make_strand(io);
  const auto ending = std::make_shared<Ending>(io);
  ending->tls = tls;
  auto work = run(std::make_shared<Dial>(endpoint, std::move(tls), deadline, io, strand));
  auto on_end = [ending](std::exception_ptr error, std::shared_ptr<Connection> connection) {
    ending->error = std::move(error);
    ending->connection = std::move(connection);
    ending->ended.try_send(boost::system::error_code());
  };
  asio::co_spawn(strand, std::move(work),
                 asio::bind_cancellation_slot(ending->cancel.slot(), std::move(on_end)));
  try {
    co_await ending->ended.async_receive(asio::use_awaitable);
  } catch (const boost::system::system_error&) {  // the caller is cancelled
    asio::post(strand, [ending] { ending->cancel.emit(asio::cancellation_type::terminal); });
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  if (ending->error) std::rethrow_exception(ending->error);
  co_return std::move(ending->connection);
}

}  // namespace sagabus::aws
