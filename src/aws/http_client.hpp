// The seam between what is said to a service and how it gets there. Tests and simulations put
// their own client behind it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "aws/header.hpp"
#include "sagabus/aws/endpoint.hpp"
#include "sagabus/clock.hpp"

namespace sagabus::aws {

// Everything it refers to must outlive the call. Names and values hold no CR or LF.
struct HttpRequest {
  std::string_view method = "POST";
  std::string_view target = "/";      // path and query
  std::span<const Header> headers{};  // with Host; Content-Length is added
  std::string_view body{};
  std::chrono::nanoseconds timeout = std::chrono::seconds(3);  // from connecting to the last byte
  // How long to stand in line for a connection; nothing: as long as it takes.
  std::optional<std::chrono::nanoseconds> queue_timeout{};
};

// The headers of an answer, in one piece of memory.
class HttpHeaders {
 public:
  void add(std::string_view name, std::string_view value);
  std::string_view find(std::string_view name) const;  // any case; empty where absent
  void clear();

 private:
  std::string text_;  // of each: the lengths of name and value, then both
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  const char* tls_version = "";  // a literal, "TLSv1.3"; empty for plain HTTP
};

// No whole answer came.
class HttpError : public std::runtime_error {
 public:
  enum class Kind {
    connect,      // no connection: no such name, refused, too slow
    untrusted,    // the certificate is not trusted or is another host's
    queue,        // no connection became free in time
    timeout,      // the answer took too long
    broken,       // the connection broke, or what came is not HTTP
    answer_size,  // the answer is larger than allowed
  };
  HttpError(Kind kind, bool maybe_sent, const std::string& what)
      : std::runtime_error(what), kind_(kind), maybe_sent_(maybe_sent) {}
  Kind kind() const noexcept { return kind_; }
  bool maybe_sent() const noexcept { return maybe_sent_; }  // the server may have the request

 private:
  Kind kind_;
  bool maybe_sent_;
};

// Speaks to one endpoint. Safe to call from any thread.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Throws HttpError where no whole answer came. An answer of any status is no error. May be
  // cancelled, and then throws boost::system::system_error(operation_aborted); the server may have
  // acted all the same.
  virtual boost::asio::awaitable<HttpResponse> send(const HttpRequest& request) = 0;
};

struct HttpClientOptions {
  Endpoint endpoint;
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(1);  // name, TCP and TLS
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(20);    // then it is not used again
  int max_connections = 25;
  std::size_t max_header_bytes = 64 * 1024;
  std::size_t max_body_bytes = 32 * 1024 * 1024;
  std::string ca_file;                            // PEM; empty: the system's authorities
  std::shared_ptr<Clock> clock = system_clock();  // for the idle time
};

// What a client did and holds, for tests and metrics.
struct HttpClientStats {
  std::uint64_t connections_opened = 0;
  std::uint64_t tls_sessions_resumed = 0;
  int in_use = 0;
  int idle = 0;
  int waiting = 0;
};

class PooledHttpClient : public HttpClient {
 public:
  virtual HttpClientStats stats() const = 0;
};

// The client over Beast and OpenSSL. It runs on the executor of the coroutine that calls it.
// Throws std::invalid_argument where the ca_file cannot be read.
std::shared_ptr<PooledHttpClient> make_http_client(HttpClientOptions options);

}  // namespace sagabus::aws
