// TLS towards one endpoint: what is trusted, which name is expected, and the session to resume.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <mutex>
#include <string>

namespace sagabus::aws {

// Certificates and host names are always verified; there is no switch. Safe to use from any
// thread, and must outlive its connections.
class TlsContext {
 public:
  // Throws std::invalid_argument where `ca_file` cannot be read. Empty: the system's authorities.
  TlsContext(std::string host, const std::string& ca_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  boost::asio::ssl::context& native() { return context_; }

  // Before the handshake: the name to ask for and to insist on, and the last session. Throws
  // std::bad_alloc.
  void prepare(SSL* ssl);

 private:
  static int on_new_session(SSL* ssl, SSL_SESSION* session);
  void keep(SSL_SESSION* session);

  const std::string host_;
  boost::asio::ssl::context context_;
  std::mutex mutex_;
  SSL_SESSION* session_ = nullptr;
};

}  // namespace sagabus::aws
