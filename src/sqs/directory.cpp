#include "sqs/directory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/json_member.hpp"
#include "sagabus/error.hpp"
#include "sqs/names.hpp"
#include "sqs/queue_policy.hpp"
#include "sqs/requests.hpp"

namespace sagabus::sqs {

namespace asio = boost::asio;

namespace {

[[noreturn]] void refuse_to_make(const std::string& name) {
  ServiceInfo service;
  service.operation = kGetQueueUrl;
  service.resource = name;
  service.code = "QueueDoesNotExist";
  throw NotFound(fmt::format("there is no queue {}, and create_queues is false", name),
                 std::move(service));
}

}  // namespace

std::string name_in_url(std::string_view url) {
  return std::string(url.substr(url.find_last_of('/') + 1));
}

std::string Directory::name_of(const TransportOptions& options, const std::string& endpoint) {
  const auto url = options.queue_urls.find(endpoint);
  if (url != options.queue_urls.end()) return name_in_url(url->second);
  return queue_name(options.queue_prefix, endpoint, options.fifo);
}

std::string Directory::dead_letters_of(const std::string& endpoint) const {
  const std::string& common = surroundings_.options.dead_letter.endpoint;
  if (endpoint == common || is_dead_letter_endpoint(endpoint)) return {};
  return common.empty() ? dead_letter_endpoint_of(endpoint) : common;
}

asio::awaitable<Queue> Directory::find(std::string endpoint) const {
  auto looking = look_up(endpoint);
  const Found found = co_await std::move(looking);
  Queue queue;
  queue.name = name_of(endpoint);
  queue.fifo = surroundings_.options.fifo;
  queue.url = found.url;
  if (!queue.url.empty()) {
    warn_of_differences(endpoint, found);
    co_return queue;
  }
  if (!surroundings_.options.create_queues) refuse_to_make(queue.name);
  auto making = make(std::move(endpoint));
  Made made = co_await std::move(making);
  queue.url = std::move(made.url);
  co_return queue;
}

asio::awaitable<std::string> Directory::let_in(std::string endpoint,
                                               std::vector<std::string> topics) const {
  auto looking = look_up(endpoint);
  Found found = co_await std::move(looking);
  for (std::string& topic : topics) topic = surroundings_.topic_arn(topic);
  surroundings_.heard_topics[endpoint] = topics;
  const std::string name = name_of(endpoint);
  if (!found.url.empty()) {
    const std::string arn = found.attributes["QueueArn"];
    auto admitting = admit(std::move(endpoint), std::move(found), arn);
    co_await std::move(admitting);
    co_return arn;
  }
  if (!surroundings_.options.create_queues) refuse_to_make(name);
  auto making = make(std::move(endpoint));
  const Made made = co_await std::move(making);
  co_return made.arn;
}

// The topics that the endpoint's queue hears of, into one that is there.
asio::awaitable<void> Directory::admit(std::string endpoint, Found found, std::string arn) const {
  const std::string policy = policy_of(found.attributes);
  warn_of_former_topics(endpoint, policy);
  const auto missing = not_let_in(policy, surroundings_.heard_topics[endpoint]);
  if (missing.empty()) co_return;
  const auto better = letting_in(policy, arn, missing);
  if (!surroundings_.options.create_queues || !better) {
    for (const std::string& topic : missing) {
      surroundings_.log(LogLevel::warning, fmt::format("sqs: the queue {}: {}", name_of(endpoint),
                                                       does_not_let_in(topic)));
    }
    co_return;
  }
  QueueAttributes changed;
  changed.emplace(kPolicy, *better);
  auto setting = surroundings_.gateway.call(
      kSetQueueAttributes, set_queue_attributes_body(found.url, changed), name_of(endpoint));
  co_await std::move(setting);
}

asio::awaitable<Directory::Found> Directory::look_up(std::string endpoint) const {
  Found found;
  try {
    auto finding = url_of(endpoint);
    found.url = co_await std::move(finding);
    auto describing = attributes_at(found.url, name_of(endpoint));
    found.attributes = co_await std::move(describing);
    const auto arn = found.attributes.find("QueueArn");
    const bool is_named = surroundings_.options.queue_urls.contains(endpoint);  // perhaps elsewhere
    if (arn != found.attributes.end() && !is_named) surroundings_.known_arn = arn->second;
  } catch (const NotFound&) {
    // One that has a URL in the options was made by somebody else, and is theirs to make again.
    if (surroundings_.options.queue_urls.contains(endpoint)) throw;
    found.url.clear();
  }
  co_return found;
}

asio::awaitable<std::string> Directory::url_of(std::string endpoint) const {
  const auto given = surroundings_.options.queue_urls.find(endpoint);
  if (given != surroundings_.options.queue_urls.end()) co_return given->second;
  const std::string name = name_of(endpoint);
  auto asking = surroundings_.gateway.call(kGetQueueUrl, get_queue_url_body(name), name);
  const boost::json::value answer = co_await std::move(asking);
  co_return std::string(aws::find_text(answer, {"QueueUrl"}));
}

asio::awaitable<QueueAttributes> Directory::attributes_of(std::string endpoint) const {
  auto finding = url_of(endpoint);
  std::string url = co_await std::move(finding);
  auto describing = attributes_at(std::move(url), name_of(endpoint));
  co_return co_await std::move(describing);
}

asio::awaitable<QueueInfo> Directory::examine(std::string endpoint) const {
  QueueInfo info;
  info.name = name_of(endpoint);
  auto finding = url_of(endpoint);
  info.url = co_await std::move(finding);
  auto describing = attributes_at(info.url, info.name);
  info.attributes = co_await std::move(describing);
  info.differences = differences_of(endpoint, info.attributes);
  info.topics = let_in_by_name(policy_of(info.attributes));
  co_return info;
}

asio::awaitable<QueueAttributes> Directory::attributes_at(std::string url, std::string name) const {
  auto asking = surroundings_.gateway.call(kGetQueueAttributes, get_queue_attributes_body(url),
                                           std::move(name));
  const boost::json::value answer = co_await std::move(asking);
  co_return read_attributes(answer);
}

QueueForm Directory::form() const {
  QueueForm form;
  form.fifo = surroundings_.options.fifo;
  form.visibility_timeout = surroundings_.options.visibility_timeout;
  form.max_message_bytes = surroundings_.options.max_message_bytes;
  form.max_receive_count = surroundings_.options.dead_letter.max_receive_count;
  return form;
}

asio::awaitable<Directory::Made> Directory::make(std::string endpoint) const {
  QueueForm wanted = form();
  const auto heard = surroundings_.heard_topics.find(endpoint);
  if (heard != surroundings_.heard_topics.end()) wanted.topics = heard->second;
  const std::string letters = dead_letters_of(endpoint);
  if (!letters.empty()) {
    auto asking = arn_of(letters);
    wanted.dead_letter_arn = co_await std::move(asking);
  }
  const std::string name = name_of(endpoint);
  // Its dead letters are in its own account and Region; topics from the options may be elsewhere.
  if (!letters.empty()) {
    wanted.arn = sibling_arn(wanted.dead_letter_arn, "sqs", name);
  } else if (!wanted.topics.empty()) {
    wanted.arn = sibling_arn(wanted.topics.front(), "sqs", name);
  }
  auto making = surroundings_.gateway.call(
      kCreateQueue, create_queue_body(name, wanted_attributes(wanted)), name);
  const boost::json::value answer = co_await std::move(making);
  surroundings_.log(LogLevel::info, fmt::format("sqs: made the queue {}", name));
  Made made;
  made.url = aws::find_text(answer, {"QueueUrl"});
  made.arn = std::move(wanted.arn);
  co_return made;
}

asio::awaitable<std::string> Directory::arn_of(std::string endpoint) const {
  auto finding = find(endpoint);
  const Queue queue = co_await std::move(finding);
  auto describing = attributes_at(queue.url, queue.name);
  const QueueAttributes attributes = co_await std::move(describing);
  const auto arn = attributes.find("QueueArn");
  if (arn == attributes.end()) {
    throw Error(fmt::format("the queue {} does not say its ARN", queue.name));
  }
  co_return arn->second;
}

// A worker of another version may take them still: whoever knows better ends the subscription.
void Directory::warn_of_former_topics(const std::string& endpoint,
                                      const std::string& policy) const {
  const std::vector<std::string>& topics = surroundings_.heard_topics[endpoint];
  for (const std::string& topic : let_in_by_us(policy)) {
    if (std::find(topics.begin(), topics.end(), topic) != topics.end()) continue;
    surroundings_.log(LogLevel::warning,
                      fmt::format("sqs: the queue {} may still hear of the topic {}, whose type {} "
                                  "no longer takes",
                                  name_of(endpoint), topic, endpoint));
  }
}

// The ARN of the dead letters' queue is that of this one with another name.
std::vector<std::string> Directory::differences_of(const std::string& endpoint,
                                                   const QueueAttributes& found) const {
  QueueForm wanted = form();
  const std::string letters = dead_letters_of(endpoint);
  const auto arn = found.find("QueueArn");
  if (!letters.empty() && arn != found.end()) {
    wanted.dead_letter_arn = arn->second.substr(0, arn->second.find_last_of(':') + 1);
    wanted.dead_letter_arn += name_of(letters);
  }
  return differences(wanted, found);
}

void Directory::warn_of_differences(const std::string& endpoint, const Found& found) const {
  for (const std::string& difference : differences_of(endpoint, found.attributes)) {
    surroundings_.log(LogLevel::warning,
                      fmt::format("sqs: the queue {}: {}", name_of(endpoint), difference));
  }
}

}  // namespace sagabus::sqs
