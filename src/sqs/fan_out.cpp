#include "sqs/fan_out.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sagabus/error.hpp"
#include "sqs/directory.hpp"
#include "sqs/names.hpp"
#include "sqs/topic_form.hpp"
#include "sqs/topic_look.hpp"
#include "sqs/topic_requests.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;

}  // namespace

asio::awaitable<std::string> FanOut::find(std::string type) {
  const auto known = arns_.find(type);
  if (known != arns_.end()) co_return known->second;
  const std::string topic = rules_.topic(type);
  // One that has an ARN in the options was made by somebody else, and is theirs to make again.
  const bool is_ours = surroundings_.options.create_queues && !topic.starts_with("arn:");
  std::string arn;
  if (is_ours) {
    auto making = make(topic);
    arn = co_await std::move(making);
  } else {
    arn = surroundings_.topic_arn(topic);
  }
  std::vector<std::string> heard_by;
  for (const auto& [endpoint, member] : members_) {
    if (member.subscriptions.contains(type)) heard_by.push_back(endpoint);
  }
  for (const std::string& endpoint : heard_by) {
    auto subscribing = subscribe(endpoint, type, arn);
    co_await std::move(subscribing);
  }
  arns_[type] = arn;  // not before those that hear of it do: nothing is published until then
  co_return arn;
}

// Also finds it: the service gives the ARN of one that is there, and refuses where it has an
// attribute of another value. Asked for with what it cannot be without, it is found then too.
asio::awaitable<std::string> FanOut::make(std::string name) {
  TopicAttributes attributes = wanted_attributes(topic_form(surroundings_.options));
  std::string arn;
  for (const bool with_all : {true, false}) {
    if (!arn.empty()) break;
    if (!with_all) {
      std::erase_if(attributes, [](const auto& entry) { return entry.first != "FifoTopic"; });
    }
    try {
      auto making = call(kCreateTopic, create_topic_form(name, attributes), name);
      const aws::Element made = co_await std::move(making);
      arn = read_text(made, "TopicArn");
    } catch (const ValidationError&) {
      if (!with_all) throw;
    }
  }
  if (surroundings_.known_arn.empty()) surroundings_.known_arn = arn;
  auto comparing = warn_of_differences(arn);
  co_await std::move(comparing);
  co_return arn;
}

asio::awaitable<void> FanOut::warn_of_differences(std::string arn) {
  auto looking = look_at_topic(surroundings_.gateway, topic_form(surroundings_.options), arn);
  const std::vector<std::string> found = co_await std::move(looking);
  for (const std::string& difference : found) {
    surroundings_.log(LogLevel::warning, fmt::format("sqs: the topic {}: {}", arn, difference));
  }
}

asio::awaitable<void> FanOut::join(std::string endpoint, std::vector<std::string> types) {
  std::erase_if(types, [this](const std::string& type) { return !rules_.has_topic(type); });
  if (!surroundings_.options.create_queues && types.empty()) co_return;
  if (!surroundings_.options.create_queues) {
    std::vector<std::string> topics;
    for (const std::string& type : types) topics.push_back(rules_.topic(type));
    const Directory directory(surroundings_);
    auto looking = directory.let_in(std::move(endpoint), std::move(topics));
    co_await std::move(looking);
    co_return;
  }
  std::vector<std::string> arns;
  for (const std::string& type : types) {
    auto finding = find(type);
    arns.push_back(co_await std::move(finding));
  }
  if (!arns.empty()) {
    const Directory directory(surroundings_);
    auto letting_in = directory.let_in(endpoint, arns);
    members_[endpoint].queue_arn = co_await std::move(letting_in);
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    auto subscribing = subscribe(endpoint, types[i], arns[i]);
    co_await std::move(subscribing);
  }
  auto leaving = leave(std::move(endpoint), std::move(types));
  co_await std::move(leaving);
}

asio::awaitable<void> FanOut::subscribe(std::string endpoint, std::string type, std::string arn) {
  const std::string queue_arn = members_[endpoint].queue_arn;
  std::string subscription;
  std::exception_ptr refusal;
  try {
    auto subscribing = call(kSubscribe, subscribe_form(arn, queue_arn, wanted_subscription()), arn);
    const aws::Element answer = co_await std::move(subscribing);
    subscription = read_text(answer, "SubscriptionArn");
  } catch (const ValidationError&) {  // there may be one that differs
    refusal = std::current_exception();
  }
  if (refusal) {
    auto looking = look_up(std::move(arn), queue_arn);
    subscription = co_await std::move(looking);
    if (subscription.empty()) std::rethrow_exception(refusal);
  }
  members_[endpoint].subscriptions[type] = subscription;
}

// One that is used as it is; empty where there is none.
asio::awaitable<std::string> FanOut::look_up(std::string topic_arn, std::string queue_arn) {
  auto looking = look_at_subscription(surroundings_.gateway, topic_arn, queue_arn);
  const FoundSubscription found = co_await std::move(looking);
  for (const std::string& difference : found.differences) {
    surroundings_.log(LogLevel::warning,
                      fmt::format("sqs: the subscription of {} to the topic {}: {}", queue_arn,
                                  topic_arn, difference));
  }
  co_return found.arn;
}

// What others have subscribed stays: they may be of another version.
asio::awaitable<void> FanOut::leave(std::string endpoint, std::vector<std::string> but) {
  std::map<std::string, std::string> old = members_[endpoint].subscriptions;
  for (const std::string& type : but) old.erase(type);
  for (const auto& [type, subscription] : old) {
    auto leaving = call(kUnsubscribe, unsubscribe_form(subscription), rules_.topic(type));
    co_await std::move(leaving);
    members_[endpoint].subscriptions.erase(type);
  }
}

}  // namespace sagabus::sqs
