#include "spoiling_proxy.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/find.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "chaos/wire.hpp"

namespace sagabus::test {
namespace {

namespace asio = boost::asio;

// "GetItem" of "X-Amz-Target: DynamoDB_20120810.GetItem", "Publish" of "Action=Publish&"; of S3 the
// method.
std::string operation_of(const std::string& request) {
  const auto target = boost::ifind_first(request, "x-amz-target:");
  const auto action = boost::find_first(request, "\r\n\r\nAction=");
  if (!action.empty()) return {action.end(), std::find(action.end(), request.end(), '&')};
  if (target.empty()) return request.substr(0, request.find(' '));
  const auto end = request.find("\r\n", static_cast<std::size_t>(target.end() - request.begin()));
  const auto dot = request.rfind('.', end);
  return request.substr(dot + 1, end - dot - 1);
}

}  // namespace

SpoilingProxy::SpoilingProxy(const std::string& server, Spoils spoils,
                             const aws::TestCertificates* certificates)
    : server_(aws::parse_endpoint("endpoint", server)),
      spoils_(std::move(spoils)),
      listener_([this](aws::Peer& client, int) { return serve(client); }, certificates) {}

std::string SpoilingProxy::endpoint(const std::string& host) const {
  return listener_.endpoint(host).url();
}

asio::awaitable<void> SpoilingProxy::serve(aws::Peer& client) {
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::socket connecting(executor);
  const asio::ip::tcp::endpoint address(asio::ip::make_address(server_.host), server_.port);
  const auto [error] = co_await connecting.async_connect(address, chaos::kOutcome);
  if (error) co_return;
  chaos::Wire server(std::move(connecting));
  for (;;) {
    const std::string request = co_await client.read_request();
    if (request.empty()) co_return;
    ++requests_;
    if (spoils_.held.contains(operation_of(request))) {
      holds_one_ = true;
      co_await client.read_request();  // until it goes away
      co_return;
    }
    std::string answer;
    if (denies(request)) {
      answer = denial(request);
    } else {
      const bool sent = co_await server.send(request);
      if (!sent) co_return;
      chaos::Message message = co_await server.receive();
      answer = std::move(message.text);
    }
    if (answer.empty()) co_return;
    answer = with_date(std::move(answer));
    co_await client.write(answer);
  }
}

bool SpoilingProxy::denies(const std::string& request) const {
  return spoils_.denied.contains("*") || spoils_.denied.contains(operation_of(request));
}

// In JSON, or in XML as SNS and S3 speak it.
std::string SpoilingProxy::denial(const std::string& request) const {
  const bool json = !boost::ifind_first(request, "x-amz-target:").empty();
  const std::string body =
      json ? fmt::format(R"({{"__type":"com.amazon.coral.service#{}","message":"said the proxy"}})",
                         spoils_.code)
           : fmt::format("<Error><Code>{}</Code><Message>said the proxy</Message></Error>",
                         spoils_.code);
  return fmt::format(
      "HTTP/1.1 {} Denied\r\nContent-Type: application/{}\r\nContent-Length: {}\r\n\r\n{}",
      json ? 400 : 403, json ? "x-amz-json-1.0" : "xml", body.size(), body);
}

// In place of the one that is there.
std::string SpoilingProxy::with_date(std::string answer) const {
  if (const auto old = boost::ifind_first(answer, "\r\ndate:"); !old.empty()) {
    const auto begin = static_cast<std::size_t>(old.begin() - answer.begin());
    answer.erase(begin, answer.find("\r\n", begin + 2) - begin);
  }
  const auto now = std::chrono::system_clock::now() + spoils_.clock_ahead;
  const std::string date = fmt::format("\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT",
                                       fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
  return answer.insert(answer.find("\r\n"), date);
}

}  // namespace sagabus::test
