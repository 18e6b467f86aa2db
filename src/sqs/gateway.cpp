#include "sqs/gateway.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <numeric>

#include "sagabus/error.hpp"
#include "sqs/requests.hpp"

namespace sagabus::sqs {
namespace {

namespace json = boost::json;

// What was received beside such a request waits for it.
constexpr std::chrono::milliseconds kQuickReceive{2000};

// What an attempt may take beside the service's own wait.
constexpr std::chrono::milliseconds kAttemptTime{5000};

// A page of a hundred subscriptions has some 1,200.
constexpr std::size_t kMostTags = 2000;

// Some operations answer with nothing at all.
json::value parse_answer(std::string_view operation, std::string_view body) {
  if (body.empty()) return json::object();
  json::error_code bad;
  json::value answer = json::parse({body.data(), body.size()}, bad);
  if (bad || !answer.is_object()) {
    throw TransientError(fmt::format("{}: the answer is not a JSON object", operation));
  }
  return answer;
}

}  // namespace

boost::asio::awaitable<json::value> Gateway::call(std::string_view operation, std::string body,
                                                  std::string queue,
                                                  std::chrono::milliseconds wait) {
  aws::CallOptions options;
  if (wait.count() > 0) options.attempt_timeout = wait + kAttemptTime;
  if (operation == kReceive && wait.count() == 0) options.deadline = kQuickReceive;
  auto calling = client().call(operation, std::move(body), options);
  const aws::Outcome outcome = co_await std::move(calling);
  count_requests(operation, outcome ? outcome->attempts : outcome.error().attempts);
  if (!outcome) aws::throw_service_error(outcome.error(), queue);
  co_return parse_answer(operation, outcome->body);
}

boost::asio::awaitable<aws::Element> Gateway::call_topics(std::string_view operation,
                                                          std::string form, std::string topic) {
  auto calling = clients_.topics.value().aws().call(operation, std::move(form));
  const aws::Outcome outcome = co_await std::move(calling);
  count_requests(operation, outcome ? outcome->attempts : outcome.error().attempts);
  if (!outcome) aws::throw_service_error(outcome.error(), topic);
  auto answer = aws::parse_xml(outcome->body, kMostTags);
  if (!answer) throw TransientError(fmt::format("{}: the answer is not XML", operation));
  co_return *std::move(answer);
}

void Gateway::count_requests(std::string_view operation, int attempts) {
  const std::lock_guard lock(mutex_);
  usage_.requests[std::string(operation)] += static_cast<std::uint64_t>(std::max(attempts, 0));
}

void Gateway::count_sent(std::uint64_t messages) {
  const std::lock_guard lock(mutex_);
  usage_.sent += messages;
}

void Gateway::count_received(std::uint64_t messages) {
  const std::lock_guard lock(mutex_);
  usage_.received += messages;
}

void Gateway::count_deleted(std::uint64_t messages) {
  const std::lock_guard lock(mutex_);
  usage_.deleted += messages;
}

Usage Gateway::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

std::uint64_t Usage::total_requests() const {
  return std::accumulate(requests.begin(), requests.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

}  // namespace sagabus::sqs
