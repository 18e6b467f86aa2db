// One side of a proxied connection, and just enough HTTP/1.1 to tell where a message ends.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <string>
#include <string_view>

namespace sagabus::chaos {

// For operations whose error is an ordinary result.
inline constexpr auto kOutcome = boost::asio::as_tuple(boost::asio::use_awaitable);

// A head and a body of Content-Length bytes.
struct Message {
  std::string text;
  std::size_t head = 0;  // bytes, the empty line included

  std::string_view head_text() const { return std::string_view(text).substr(0, head); }
  bool has_body() const { return text.size() > head; }
};

// How long `text` announces to be; 0 where its head is not there yet.
std::size_t announced_size(std::string_view text);

void reset(boost::asio::ip::tcp::socket& socket);  // closes it with a RST

// Errors are an end: the other side is gone.
class Wire {
 public:
  explicit Wire(boost::asio::ip::tcp::socket socket);

  boost::asio::awaitable<bool> until_first_byte();  // of the next message; false at the end
  boost::asio::awaitable<Message> receive();        // an empty text at the end
  boost::asio::awaitable<bool> send(std::string_view text);
  boost::asio::awaitable<void> trickle(std::string_view text, std::chrono::microseconds pause);
  boost::asio::awaitable<void> until_closed();  // by the other side
  void reset() { chaos::reset(socket_); }

 private:
  boost::asio::awaitable<bool> read_some();

  boost::asio::ip::tcp::socket socket_;
  std::string input_;
};

}  // namespace sagabus::chaos
