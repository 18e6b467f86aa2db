#include "doctor/topic_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <set>
#include <utility>

#include "doctor/service_checks.hpp"
#include "sagabus/error.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

constexpr const char* kSubscribeAdvice =
    "subscribe it, with raw delivery and no filter, or let a program do so (create_queues)";

std::string name_in(const std::string& arn) {
  return arn.substr(arn.rfind(':') + 1);
}

Finding failed_finding(const std::string& topic_arn, const std::string& queue, const Error& error,
                       bool is_gone) {
  if (is_gone) {
    return {Severity::warning, "topic",
            fmt::format("there is no topic {}, which may send to {}", topic_arn, queue),
            "make it, or take it out of the queue's policy"};
  }
  return {Severity::warning, "topic", fmt::format("{}: not looked at: {}", topic_arn, error.what()),
          "programs need sns:Publish alone; ask with the rights of who makes the topics"};
}

asio::awaitable<void> examine_one(const sqs::Transport& transport, const std::string& topic_arn,
                                  const sqs::QueueInfo& queue, Report& report) {
  std::optional<Finding> finding;
  try {
    auto examining = transport.examine_topic(topic_arn, queue.attributes.at("QueueArn"));
    const sqs::TopicInfo found = co_await std::move(examining);
    finding = topic_finding(topic_arn, queue.name, found);
  } catch (const NotFound& error) {
    finding = failed_finding(topic_arn, queue.name, error, true);
  } catch (const Error& error) {
    finding = failed_finding(topic_arn, queue.name, error, false);
  }
  report.add(*finding);
}

// No topic publishes a batch of nothing.
asio::awaitable<void> try_to_publish(const aws::Client& topics, std::string topic_arn,
                                     Report& report) {
  auto trying =
      topics.call("PublishBatch", "Action=PublishBatch&Version=2010-03-31&TopicArn=" + topic_arn);
  const aws::Outcome outcome = co_await std::move(trying);
  if (is_denied(outcome)) {
    report.add({Severity::error, "permissions",
                fmt::format("{}: sns:Publish is denied: {}", topic_arn, text_of(outcome.error())),
                "allow it on the topic: who publishes needs it"});
    co_return;
  }
  report.add({Severity::ok, "permissions",
              fmt::format("{}: not denied, though perhaps not looked at either: Publish",
                          name_in(topic_arn))});
}

Finding deaf_finding(const std::string& queue) {
  return {
      Severity::warning, "topic", fmt::format("the policy of {} names no topic", queue),
      fmt::format("right where a pattern lets them in, which are not looked at then, or where all "
                  "that it takes is sent to it straight; else {}",
                  kSubscribeAdvice)};
}

}  // namespace

asio::awaitable<void> examine_topics(sqs::Transport transport, aws::Client topics,
                                     std::vector<sqs::QueueInfo> queues, std::string arn_prefix,
                                     Report& report) {
  std::set<std::string> seen;
  for (const sqs::QueueInfo& queue : queues) {
    if (queue.topics.empty()) report.add(deaf_finding(queue.name));
    for (const std::string& topic_arn : queue.topics) {
      auto examining = examine_one(transport, topic_arn, queue, report);
      co_await std::move(examining);
      seen.insert(topic_arn);
    }
  }
  for (const std::string& topic_arn : seen) {
    if (!topic_arn.starts_with(arn_prefix)) {
      report.add(
          {Severity::warning, "topic",
           fmt::format("{} does not begin with {}, as the URI has it", topic_arn, arn_prefix),
           "nobody here publishes to it"});
      continue;
    }
    auto trying = try_to_publish(topics, topic_arn, report);
    co_await std::move(trying);
  }
}

Finding topic_finding(const std::string& topic_arn, const std::string& queue,
                      const sqs::TopicInfo& topic) {
  Finding finding{Severity::ok, "topic", fmt::format("{} to {}", name_in(topic_arn), queue)};
  if (topic.subscription.empty()) {
    finding.severity = Severity::error;
    finding.found += ": the queue is not subscribed";
    finding.advice = kSubscribeAdvice;
  } else if (!topic.subscription_differences.empty()) {
    finding.severity = Severity::error;
    finding.found += fmt::format(": {}", fmt::join(topic.subscription_differences, "; "));
    finding.advice = "set it as expected: what comes otherwise cannot be read, or does not come";
  } else {
    finding.found += ", subscribed with raw delivery";
  }
  if (topic.differences.empty()) return finding;
  if (finding.severity == Severity::ok) {
    finding.severity = Severity::warning;
    finding.advice = "set it as expected: a topic that create_queues makes is so";
  }
  finding.found += fmt::format("; of the topic: {}", fmt::join(topic.differences, "; "));
  return finding;
}

}  // namespace sagabus::tools
