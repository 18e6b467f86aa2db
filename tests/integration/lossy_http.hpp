// An HTTP client that loses answers, or makes one up, when it is told to.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "aws/http_client.hpp"

namespace sagabus::test {

// Sends everything, and loses the answers to some of it.
class LossyHttp final : public aws::HttpClient {
 public:
  explicit LossyHttp(std::string_view endpoint) {
    aws::HttpClientOptions options;
    options.endpoint = aws::parse_endpoint("endpoint", endpoint);
    inner_ = aws::make_http_client(std::move(options));
  }
  void lose(int answers) { lose("", answers); }
  void lose(std::string operation, int answers) {
    operation_ = std::move(operation);
    losing_ = answers;
  }
  // The next such operation is not sent, and answered so.
  void answer(std::string operation, int status, std::string body) {
    canned_operation_ = std::move(operation);
    canned_.emplace();
    canned_->status = status;
    canned_->body = std::move(body);
  }
  // What others do between the loss and the next try.
  void after_loss(std::function<boost::asio::awaitable<void>()> act) { act_ = std::move(act); }

  boost::asio::awaitable<aws::HttpResponse> send(const aws::HttpRequest& request) override {
    if (canned_ && is_meant(request, canned_operation_)) {
      co_return *std::exchange(canned_, std::nullopt);
    }
    auto sending = inner_->send(request);
    aws::HttpResponse response = co_await std::move(sending);
    if (is_meant(request, operation_) && losing_.fetch_sub(1) > 0) {
      if (act_) {
        auto acting = act_();
        co_await std::move(acting);
      }
      throw aws::HttpError(aws::HttpError::Kind::broken, true, "the answer was lost");
    }
    co_return response;
  }

 private:
  // The services of the Query protocol are told by the body.
  static bool is_meant(const aws::HttpRequest& request, std::string_view operation) {
    if (request.body.starts_with("Action=" + std::string(operation) + "&")) return true;
    return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
      return header.name == "X-Amz-Target" && header.value.ends_with(operation);
    });
  }

  std::shared_ptr<aws::PooledHttpClient> inner_;
  std::string operation_;
  std::atomic<int> losing_ = 0;
  std::string canned_operation_;
  std::optional<aws::HttpResponse> canned_;
  std::function<boost::asio::awaitable<void>()> act_;
};

}  // namespace sagabus::test
