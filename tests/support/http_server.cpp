#include "support/http_server.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kOutcome = asio::as_tuple(asio::use_awaitable);

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

void extend(X509* certificate, int nid, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  if (!extension) throw std::runtime_error("bad extension " + value);
  X509_add_ext(certificate, extension.get(), -1);
}

Certificate issue(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                  const std::string& alternative_name) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), issuer ? 2 : 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), issuer ? X509_get_subject_name(issuer) : subject);
  extend(certificate.get(), NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
  if (!alternative_name.empty()) {
    extend(certificate.get(), NID_subject_alt_name, alternative_name);
  }
  X509_sign(certificate.get(), issuer_key, EVP_sha256());
  return certificate;
}

template <class Write>
std::string pem(Write write) {
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

TestCertificates::TestCertificates(const std::string& subject_alternative_name) {
  const Key ca_key(EVP_EC_gen("P-256"));
  const Key leaf_key(EVP_EC_gen("P-256"));
  const Certificate ca = issue("test authority", ca_key.get(), nullptr, ca_key.get(), "");
  const Certificate leaf =
      issue("test server", leaf_key.get(), ca.get(), ca_key.get(), subject_alternative_name);
  chain = pem([&](BIO* bio) { PEM_write_bio_X509(bio, leaf.get()); });
  key = pem([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, leaf_key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  static std::atomic<int> number = 0;
  ca_file = (std::filesystem::temp_directory_path() / "sagabus_ca_").string() +
            std::to_string(::getpid()) + "_" + std::to_string(number++) + ".pem";
  std::ofstream(ca_file) << pem([&](BIO* bio) { PEM_write_bio_X509(bio, ca.get()); });
}

TestCertificates::~TestCertificates() {
  ::unlink(ca_file.c_str());
}

Peer::Peer(tcp::socket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
  if (tls) tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, *tls);
}

asio::awaitable<void> Peer::handshake() {
  if (tls_) co_await tls_->async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
}

template <class Buffer>
asio::awaitable<std::size_t> Peer::read_some(Buffer buffer) {
  if (tls_) {
    const auto [error, size] = co_await tls_->async_read_some(buffer, kOutcome);
    co_return error ? 0 : size;
  }
  const auto [error, size] = co_await socket_.async_read_some(buffer, kOutcome);
  co_return error ? 0 : size;
}

asio::awaitable<std::string> Peer::read_request() {
  constexpr std::string_view kLength = "Content-Length: ";
  for (;;) {
    if (const auto head_end = input_.find("\r\n\r\n"); head_end != std::string::npos) {
      const auto length = input_.find(kLength);
      const std::size_t body =
          length < head_end ? std::stoul(input_.substr(length + kLength.size())) : 0;
      const std::size_t size = head_end + 4 + body;
      if (input_.size() >= size) {
        std::string request = input_.substr(0, size);
        input_.erase(0, size);
        co_return request;
      }
    }
    std::array<char, 16384> buffer;
    const std::size_t size = co_await read_some(asio::buffer(buffer));
    if (size == 0) co_return std::string();
    input_.append(buffer.data(), size);
  }
}

asio::awaitable<void> Peer::write(std::string_view text) {
  if (tls_) {
    co_await asio::async_write(*tls_, asio::buffer(text), kOutcome);
  } else {
    co_await asio::async_write(socket_, asio::buffer(text), kOutcome);
  }
}

asio::awaitable<void> Peer::answer(std::string_view body) {
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\n\r\n" + std::string(body);
  co_await write(text);
}

asio::awaitable<void> Peer::until_closed() {
  for (;;) {
    const std::string request = co_await read_request();
    if (request.empty()) co_return;
  }
}

void Peer::close() {
  boost::system::error_code ignored;
  if (tls_) {  // says so first, and waits for no reply
    socket_.shutdown(tcp::socket::shutdown_receive, ignored);
    tls_->shutdown(ignored);
  }
  socket_.close(ignored);
}

TestServer::TestServer(Script script, const TestCertificates* certificates)
    : script_(std::move(script)), acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0}) {
  if (certificates) {
    tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    tls_->use_certificate_chain(asio::buffer(certificates->chain));
    tls_->use_private_key(asio::buffer(certificates->key), asio::ssl::context::pem);
  }
  asio::co_spawn(context_, accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

TestServer::~TestServer() {
  context_.stop();
  thread_.join();
}

Endpoint TestServer::endpoint(std::string host) const {
  Endpoint endpoint;
  endpoint.tls = tls_ != nullptr;
  endpoint.host = std::move(host);
  endpoint.port = acceptor_.local_endpoint().port();
  return endpoint;
}

asio::awaitable<void> TestServer::accept() {
  for (int connection = 0;; ++connection) {
    tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(context_, serve(std::move(socket), connection), asio::detached);
  }
}

asio::awaitable<void> TestServer::serve(tcp::socket socket, int connection) {
  Peer peer(std::move(socket), tls_.get());
  try {
    co_await peer.handshake();
    co_await script_(peer, connection);
  } catch (const boost::system::system_error&) {
    // The client went away, or did not like the certificate.
  }
}

asio::awaitable<void> echo(Peer& peer, int) {
  for (;;) {
    const std::string request = co_await peer.read_request();
    if (request.empty()) co_return;
    const std::string body = request.substr(request.find("\r\n\r\n") + 4);
    co_await peer.answer(body);
  }
}

}  // namespace sagabus::aws
