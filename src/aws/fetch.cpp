#include "aws/fetch.hpp"

#include <fmt/format.h>

#include <utility>

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostAnswer = std::size_t{256} * 1024;
constexpr std::chrono::milliseconds kFirstPause(100);

std::shared_ptr<HttpClient> client_for(const Fetch& request) {
  HttpClientOptions options;
  options.endpoint = request.endpoint;
  options.connect_timeout = request.timeout;
  options.max_connections = 1;
  options.max_body_bytes = kMostAnswer;
  options.ca_file = request.ca_file;
  options.clock = request.clock;
  return make_http_client(std::move(options));
}

bool may_pass(const Fetch& request, const HttpResponse& answer) {
  return answer.status == 429 || answer.status >= 500 ||
         (request.may_pass && request.may_pass(answer));
}

bool is_in_doubt(const Fetch& request, const HttpResponse& answer) {
  return request.in_doubt && request.in_doubt(answer);
}

}  // namespace

std::string path_under(const Endpoint& endpoint, std::string_view path) {
  std::string whole = endpoint.path;
  while (whole.ends_with('/')) whole.pop_back();
  return whole.append(path);
}

asio::awaitable<HttpResponse> fetch(Fetch request) {
  const std::shared_ptr<HttpClient> client = client_for(request);
  const std::string host = request.endpoint.host_header();
  std::vector<Header> headers{{"Host", host}};
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  HttpRequest http;
  http.method = request.method;
  http.target = request.target;
  http.headers = headers;
  http.body = request.body;
  http.timeout = request.timeout;
  std::string reason;
  bool answered = false;
  for (int attempt = 1; attempt <= request.attempts; ++attempt) {
    if (attempt > 1) co_await request.clock->sleep_for(kFirstPause * (1 << (attempt - 2)));
    try {
      HttpResponse answer = co_await client->send(http);
      answered = true;
      const bool again = attempt < request.attempts && is_in_doubt(request, answer);
      if (!may_pass(request, answer) && !again) co_return answer;
      reason = fmt::format("HTTP {}", answer.status);
    } catch (const HttpError& error) {
      reason = error.what();
    }
  }
  const std::string what =
      fmt::format("{}: {} ({} attempts)", request.endpoint.url(), reason, request.attempts);
  if (answered) throw TransientError(what);
  throw Unreachable(what);
}

}  // namespace sagabus::aws
