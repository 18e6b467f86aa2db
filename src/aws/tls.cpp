#include "aws/tls.hpp"

#include <boost/asio/ip/address.hpp>
#include <new>
#include <stdexcept>
#include <utility>

namespace sagabus::aws {
namespace {

namespace ssl = boost::asio::ssl;

// Where a TlsContext hangs on its SSL_CTX. (Asio keeps things of its own in the app data.)
int owner_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void trust(ssl::context& context, const std::string& ca_file) {
  boost::system::error_code error;
  if (ca_file.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.load_verify_file(ca_file, error);
  }
  if (error) {
    throw std::invalid_argument("ca_file: \"" + ca_file + "\" cannot be read as PEM certificates");
  }
}

}  // namespace

TlsContext::TlsContext(std::string host, const std::string& ca_file)
    : host_(std::move(host)), context_(ssl::context::tls_client) {
  trust(context_, ca_file);
  context_.set_verify_mode(ssl::verify_peer);
  SSL_CTX* const native = context_.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_ex_data(native, owner_index(), this);
  SSL_CTX_sess_set_new_cb(native, &TlsContext::on_new_session);
}

TlsContext::~TlsContext() {
  if (session_ != nullptr) SSL_SESSION_free(session_);
}

void TlsContext::prepare(SSL* ssl) {
  boost::system::error_code not_an_address;
  boost::asio::ip::make_address(host_, not_an_address);
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  bool fine = true;
  if (not_an_address) {
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    fine = X509_VERIFY_PARAM_set1_host(expected, host_.c_str(), host_.size()) == 1 &&
           SSL_set_tlsext_host_name(ssl, host_.c_str()) == 1;
  } else {  // server name indication knows no addresses
    fine = X509_VERIFY_PARAM_set1_ip_asc(expected, host_.c_str()) == 1;
  }
  if (!fine) throw std::bad_alloc();
  const std::lock_guard lock(mutex_);
  if (session_ != nullptr) SSL_set_session(ssl, session_);
}

int TlsContext::on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* const owner =
      static_cast<TlsContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), owner_index()));
  owner->keep(session);
  return 1;  // the reference is ours now
}

void TlsContext::keep(SSL_SESSION* session) {
  const std::lock_guard lock(mutex_);
  std::swap(session_, session);
  if (session != nullptr) SSL_SESSION_free(session);
}

}  // namespace sagabus::aws
