#include "chaos/chaos_proxy.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <utility>

#include "chaos/answers.hpp"
#include "sagabus/aws/endpoint.hpp"

namespace sagabus::chaos {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kClosedFor = 60ms;
constexpr auto kSoon = 100us;     // a few hundred bytes of these are no timeout
constexpr auto kTooSlow = 100ms;  // and of these are one
constexpr double kLingerUs = 3000;

asio::ip::tcp::endpoint address_of(const std::string& url) {
  const aws::Endpoint endpoint = aws::parse_endpoint("endpoint", url);
  return {asio::ip::make_address(endpoint.host), endpoint.port};
}

asio::ip::tcp::socket take_port(asio::io_context& context) {
  asio::ip::tcp::socket socket(context, asio::ip::tcp::v4());
  socket.set_option(asio::socket_base::reuse_address(true));
  socket.bind({asio::ip::make_address("127.0.0.1"), 0});
  return socket;
}

}  // namespace

ChaosProxy::ChaosProxy(const std::string& server)
    : server_(address_of(server)),
      keeper_(take_port(context_)),
      address_(keeper_.local_endpoint()),
      acceptor_(context_),
      closed_(context_) {
  listen();
  asio::co_spawn(context_, accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

ChaosProxy::~ChaosProxy() {
  context_.stop();
  thread_.join();
}

std::string ChaosProxy::endpoint() const {
  return fmt::format("http://127.0.0.1:{}", address_.port());
}

void ChaosProxy::close_door() {
  std::promise<void> done;
  asio::post(context_, [&] {
    shut(asio::steady_timer::time_point::max());
    done.set_value();
  });
  done.get_future().wait();
}

void ChaosProxy::open_door() {
  std::promise<void> done;
  asio::post(context_, [&] {
    listen();
    closed_.cancel();
    done.set_value();
  });
  done.get_future().wait();
}

void ChaosProxy::listen() {
  if (acceptor_.is_open()) return;
  acceptor_.open(address_.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  acceptor_.bind(address_);
  acceptor_.listen();
}

void ChaosProxy::shut(asio::steady_timer::time_point until) {
  if (!acceptor_.is_open()) return;
  closed_.expires_at(until);
  acceptor_.close();
}

asio::awaitable<void> ChaosProxy::accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(kOutcome);
    if (error) {  // the door was closed, and may be open again by now
      if (!acceptor_.is_open()) co_await closed_.async_wait(kOutcome);
      listen();
    } else if (to_reset_ > 0) {
      --to_reset_;
      reset(socket);
    } else {
      asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
    }
  }
}

// A connection to the server for each from the client. Both end together.
asio::awaitable<void> ChaosProxy::serve(tcp::socket socket) {
  Wire client(std::move(socket));
  tcp::socket connecting(context_);
  const auto [error] = co_await connecting.async_connect(server_, kOutcome);
  if (error) co_return;
  Wire server(std::move(connecting));
  for (bool goes_on = true; goes_on;) goes_on = co_await exchange(client, server);
}

// Returns whether the connections live on.
asio::awaitable<bool> ChaosProxy::exchange(Wire& client, Wire& server) {
  const bool began = co_await client.until_first_byte();
  if (!began) co_return false;
  const Draw draw = plan_.next();
  if (draw.mishap != Mishap::corrupt_body) count_one(draw.mishap);  // that one may be impossible
  switch (draw.mishap) {
    case Mishap::refuse:
      shut(asio::steady_timer::clock_type::now() + kClosedFor);
      client.reset();
      co_return false;
    case Mishap::reset_when_connected:
      ++to_reset_;
      client.reset();
      co_return false;
    case Mishap::reset_before_request:
      client.reset();
      co_return false;
    case Mishap::reset_in_request:
    case Mishap::stall_before_server:
    case Mishap::late:
    case Mishap::error_503:
    case Mishap::throttle:
    case Mishap::html_success:
      co_return co_await lose(draw, client, server);
    default:
      co_return co_await forward(draw, client, server);
  }
}

// What keeps a request from the server, for a while at least.
asio::awaitable<bool> ChaosProxy::lose(Draw draw, Wire& client, Wire& server) {
  const Message request = co_await client.receive();
  if (request.text.empty()) co_return false;
  switch (draw.mishap) {
    case Mishap::reset_in_request: {
      const std::size_t part = place_in(request.text, draw.where);
      co_await server.send(std::string_view(request.text).substr(0, part));
      client.reset();
      server.reset();
      co_return false;
    }
    case Mishap::stall_before_server:
      co_await client.until_closed();
      co_return false;
    case Mishap::late:
      co_await client.until_closed();
      co_await linger(draw.where);
      co_await server.send(request.text);
      co_await server.receive();
      co_return false;
    default: {
      const std::string answer = answer_instead(draw.mishap);
      co_return co_await client.send(answer);
    }
  }
}

// What becomes of an answer.
asio::awaitable<bool> ChaosProxy::forward(Draw draw, Wire& client, Wire& server) {
  const Message request = co_await client.receive();
  if (request.text.empty()) co_return false;
  const bool sent = co_await server.send(request.text);
  if (!sent) co_return false;
  Message answer = co_await server.receive();
  if (answer.text.empty()) co_return false;
  switch (draw.mishap) {
    case Mishap::reset_after_request:
      client.reset();
      co_return false;
    case Mishap::stall_after_server: {
      // Whoever uses the connection for another request gets the answer to this one.
      const bool used_again = co_await client.until_first_byte();
      if (!used_again) co_return false;
      co_return co_await client.send(answer.text);
    }
    case Mishap::error_500:
    case Mishap::html_error:
    case Mishap::empty_success:
      answer.text = answer_instead(draw.mishap);
      co_return co_await client.send(answer.text);
    case Mishap::corrupt_body:
      if (has_crc(answer) && answer.has_body()) {
        corrupt_body(answer, draw.where);
        count_one(draw.mishap);
      }
      co_return co_await client.send(answer.text);
    default:
      co_return co_await deliver(draw, std::move(answer), client);
  }
}

// What happens while an answer is on its way to the client.
asio::awaitable<bool> ChaosProxy::deliver(Draw draw, Message answer, Wire& client) {
  const std::string_view text = answer.text;
  switch (draw.mishap) {
    case Mishap::trickle:
      co_await client.trickle(text, kSoon);
      co_return true;
    case Mishap::trickle_slowly:
      co_await client.trickle(text, kTooSlow);
      co_return false;
    case Mishap::reset_in_answer:
      co_await client.send(text.substr(0, place_in(text, draw.where)));
      co_await linger(draw.where);  // else the reset overtakes what was sent
      client.reset();
      co_return false;
    case Mishap::truncate:
      co_await client.send(text.substr(0, place_in(text, draw.where)));
      co_return false;
    case Mishap::corrupt_head:
      corrupt_head(answer, draw.where);
      co_return co_await client.send(answer.text);
    case Mishap::drop_idle:
      co_await client.send(text);
      if (draw.where < 0.5) co_await linger(draw.where);  // and so perhaps meets the next request
      co_return false;
    default:
      co_return co_await client.send(text);
  }
}

asio::awaitable<void> ChaosProxy::linger(double part) {
  asio::steady_timer timer(context_);
  timer.expires_after(std::chrono::microseconds(static_cast<int>(part * kLingerUs)));
  co_await timer.async_wait(kOutcome);
}

}  // namespace sagabus::chaos
