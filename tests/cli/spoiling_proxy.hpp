// Stands between a command and an emulator, and spoils what the emulator would do well.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <set>
#include <string>

#include "sagabus/aws/endpoint.hpp"
#include "support/http_server.hpp"

namespace sagabus::test {

struct Spoils {
  std::set<std::string> denied{};  // operations that are not passed on: "PutItem"; "*" for all
  std::string code = "AccessDeniedException";  // what they are answered with
  std::chrono::seconds clock_ahead{0};         // of the Date header, from the true time
  std::set<std::string> held{};                // operations that are never answered
};

class SpoilingProxy {
 public:
  // `server` is a URL with an address. With certificates it speaks TLS.
  SpoilingProxy(const std::string& server, Spoils spoils,
                const aws::TestCertificates* certificates = nullptr);

  std::string endpoint(const std::string& host = "127.0.0.1") const;  // a URL
  unsigned requests() const { return requests_; }                     // that have come
  bool holds_one() const { return holds_one_; }  // somebody waits for an answer in vain

 private:
  boost::asio::awaitable<void> serve(aws::Peer& client);
  bool denies(const std::string& request) const;
  std::string denial(const std::string& request) const;
  std::string with_date(std::string answer) const;

  const aws::Endpoint server_;
  const Spoils spoils_;
  std::atomic<bool> holds_one_ = false;
  std::atomic<unsigned> requests_ = 0;
  aws::TestServer listener_;  // last: it uses the others
};

}  // namespace sagabus::test
