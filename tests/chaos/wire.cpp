#include "chaos/wire.hpp"

#include <array>
#include <boost/algorithm/string/find.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace sagabus::chaos {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kEndOfHead = "\r\n\r\n";

}  // namespace

std::size_t announced_size(std::string_view text) {
  constexpr std::string_view kLength = "content-length:";
  const auto end = text.find(kEndOfHead);
  if (end == std::string_view::npos) return 0;
  const std::size_t head = end + kEndOfHead.size();
  const std::string_view fields = text.substr(0, end);
  const auto found = boost::ifind_first(fields, kLength);
  if (found.empty()) return head;
  const auto value = static_cast<std::size_t>(found.end() - fields.begin());
  return head + std::stoul(std::string(text.substr(value, end - value)));
}

void reset(asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

Wire::Wire(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

asio::awaitable<bool> Wire::read_some() {
  std::array<char, 16384> buffer;
  const auto [error, size] = co_await socket_.async_read_some(asio::buffer(buffer), kOutcome);
  if (error) co_return false;
  input_.append(buffer.data(), size);
  co_return true;
}

asio::awaitable<bool> Wire::until_first_byte() {
  if (!input_.empty()) co_return true;
  co_return co_await read_some();
}

asio::awaitable<Message> Wire::receive() {
  Message message;
  for (;;) {
    const std::size_t size = announced_size(input_);
    if (size > 0 && input_.size() >= size) {
      message.text = input_.substr(0, size);
      message.head = message.text.find(kEndOfHead) + kEndOfHead.size();
      input_.erase(0, size);
      co_return message;
    }
    const bool more = co_await read_some();
    if (!more) co_return message;
  }
}

asio::awaitable<bool> Wire::send(std::string_view text) {
  const auto [error, sent] = co_await asio::async_write(socket_, asio::buffer(text), kOutcome);
  co_return !error;
}

asio::awaitable<void> Wire::trickle(std::string_view text, std::chrono::microseconds pause) {
  asio::steady_timer timer(socket_.get_executor());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool sent = co_await send(text.substr(at, 1));
    if (!sent) co_return;
    timer.expires_after(pause);
    co_await timer.async_wait(kOutcome);
  }
}

asio::awaitable<void> Wire::until_closed() {
  for (;;) {
    const bool more = co_await read_some();
    if (!more) co_return;
  }
}

}  // namespace sagabus::chaos
