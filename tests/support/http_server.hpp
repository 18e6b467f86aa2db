// A server on a free loopback port that does what a test tells it to, well or badly.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "aws/http_client.hpp"

namespace sagabus::aws {

// An authority of its own and a certificate for one name or address, made afresh.
struct TestCertificates {
  explicit TestCertificates(const std::string& subject_alternative_name);  // "DNS:localhost"
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  std::string ca_file;  // removed at the end
  std::string chain;    // PEM
  std::string key;      // PEM
};

// One connection, from the server's side.
class Peer {
 public:
  Peer(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls);

  boost::asio::awaitable<void> handshake();
  // The head and the body of the next request; empty where the client has closed.
  boost::asio::awaitable<std::string> read_request();
  boost::asio::awaitable<void> write(std::string_view text);
  boost::asio::awaitable<void> answer(std::string_view body);  // 200, Content-Length
  boost::asio::awaitable<void> until_closed();                 // by the client
  void close();

 private:
  template <class Buffer>
  boost::asio::awaitable<std::size_t> read_some(Buffer buffer);

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  std::string input_;
};

// Runs in a thread of its own. Each connection gets a coroutine of `script`, with the connection's
// number from 0; it is closed when the coroutine ends.
class TestServer {
 public:
  using Script = std::function<boost::asio::awaitable<void>(Peer& peer, int connection)>;

  explicit TestServer(Script script, const TestCertificates* certificates = nullptr);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  Endpoint endpoint(std::string host = "127.0.0.1") const;
  boost::asio::io_context& context() { return context_; }

 private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, int connection);

  boost::asio::io_context context_;
  const Script script_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

// Answers every request with its body.
boost::asio::awaitable<void> echo(Peer& peer, int connection);

}  // namespace sagabus::aws
