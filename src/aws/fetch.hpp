// A small request to a service that gives credentials, tried more than once.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/http_client.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {

// Nothing answered at all.
class Unreachable : public TransientError {
 public:
  using TransientError::TransientError;
};

struct Fetch {
  Endpoint endpoint{};
  std::string method = "GET";
  std::string target = "/";                                    // path and query
  std::vector<std::pair<std::string, std::string>> headers{};  // beside Host
  std::string body{};
  std::chrono::milliseconds timeout{1000};  // of one attempt
  int attempts = 1;
  // What else may pass by itself, beside 429 and 5xx; null: nothing.
  bool (*may_pass)(const HttpResponse& answer) = nullptr;
  // What is asked for again as if it might, but is the answer where it stays; null: nothing.
  bool (*in_doubt)(const HttpResponse& answer) = nullptr;
  std::string ca_file{};
  std::shared_ptr<Clock> clock{};
};

// `path`, which begins with a slash, under the endpoint's own one: a service may stand behind a
// prefix.
std::string path_under(const Endpoint& endpoint, std::string_view path);

// The first answer that does not pass by itself, whatever it is. Attempts are 100 ms, 200 ms, ...
// apart. An answer holds 256 KiB at most. Throws TransientError, which names the endpoint and holds
// nothing of an answer, where no attempt got one.
boost::asio::awaitable<HttpResponse> fetch(Fetch request);

}  // namespace sagabus::aws
