#include "doctor/queue_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "doctor/claim_checks.hpp"
#include "doctor/service_checks.hpp"
#include "doctor/topic_checks.hpp"
#include "open_transport.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

constexpr unsigned kLooks = 50;
constexpr std::chrono::milliseconds kUsualLook{100};
constexpr std::string_view kFifo = ".fifo";
constexpr std::string_view kLetters = ".dlq";
constexpr std::string_view kLettersInName = "-dlq";
constexpr unsigned kMostQueues = 100;  // of a listing

bool holds_letters(std::string_view queue) {
  if (queue.ends_with(kFifo)) queue.remove_suffix(kFifo.size());
  return queue.ends_with(kLettersInName);
}

std::string body_with(std::string_view member, std::string_view text, std::string_view more = "") {
  std::string out = fmt::format("{{\"{}\":", member);
  append_json_string(out, text);
  out += more;
  return out += '}';
}

// What no queue can carry out, whoever asks.
struct QueueTrial {
  std::string_view operation;   // a literal
  std::string_view permission;  // batches need that of the single one
  std::string_view members;
};
constexpr QueueTrial kQueueTrials[] = {
    {"SendMessageBatch", "SendMessage", R"(,"Entries":[])"},
    {"ReceiveMessage", "ReceiveMessage", R"(,"MaxNumberOfMessages":0)"},
    {"DeleteMessageBatch", "DeleteMessage", R"(,"Entries":[])"},
    {"ChangeMessageVisibilityBatch", "ChangeMessageVisibility", R"(,"Entries":[])"},
};

asio::awaitable<void> try_on_queue(aws::Client client, sqs::QueueInfo queue, Report& report) {
  std::vector<std::string> not_denied;
  for (const QueueTrial& trial : kQueueTrials) {
    auto trying = client.call(trial.operation, body_with("QueueUrl", queue.url, trial.members));
    const aws::Outcome outcome = co_await std::move(trying);
    if (!is_denied(outcome)) {
      not_denied.emplace_back(trial.permission);
      continue;
    }
    report.add({Severity::error, "permissions",
                fmt::format("{}: sqs:{} is denied: {}", queue.name, trial.permission,
                            text_of(outcome.error())),
                "allow it on the queue: the transport needs it"});
  }
  std::string found = queue.name + ": allowed: GetQueueUrl, GetQueueAttributes";
  if (!not_denied.empty()) {
    found += fmt::format("; not denied, though perhaps not looked at either: {}",
                         fmt::join(not_denied, ", "));
  }
  report.add({Severity::ok, "permissions", std::move(found)});
}

// The queue under its other name: one that is FIFO where the URI says standard, or the opposite.
asio::awaitable<bool> is_of_other_kind(aws::Client client, std::string name, bool fifo) {
  const std::string other =
      fifo ? name.substr(0, name.size() - kFifo.size()) : name + std::string(kFifo);
  auto asking = client.call("GetQueueUrl", body_with("QueueName", other));
  const aws::Outcome outcome = co_await std::move(asking);
  co_return outcome.has_value();
}

Finding missing_finding(const std::string& name, bool fifo, bool is_other_kind) {
  if (is_other_kind) {
    return {Severity::error, "queue",
            fmt::format("there is no queue {}, but a {} one of that name", name,
                        fifo ? "standard" : "FIFO"),
            fmt::format("say fifo={} in the URI, or make the queue anew", !fifo)};
  }
  return {Severity::error, "queue", fmt::format("there is no queue {}", name),
          "make it, or set create_queues in the program"};
}

// What a queue is looked at with.
struct Queues {
  SqsUri uri;
  aws::Client client;
  sqs::Transport transport;
  std::shared_ptr<s3::ClaimStore> claims;  // null: the URI names no bucket
};

// Nothing where it could not be looked at.
asio::awaitable<std::optional<sqs::QueueInfo>> examine_queue(Queues queues, std::string endpoint,
                                                             Report& report) {
  std::optional<sqs::QueueInfo> queue;
  std::optional<Finding> failure;
  try {
    auto examining = queues.transport.examine(endpoint);
    queue = co_await std::move(examining);
  } catch (const NotFound&) {  // looked into below
  } catch (const AccessDenied& error) {
    failure = Finding{Severity::error, "permissions",
                      fmt::format("{}: sqs:{} is denied: {}", error.service().resource,
                                  error.service().operation, error.what()),
                      "allow it on the queue: the transport needs it"};
  } catch (const Error& error) {
    failure = Finding{Severity::error, "queue", error.what(),
                      "see to what the lines above say, or try again"};
  }
  if (failure) {
    report.add(*failure);
    co_return std::nullopt;
  }
  if (!queue) {
    const std::string name = queues.transport.queue_name(endpoint);
    auto asking = is_of_other_kind(queues.client, name, queues.uri.fifo);
    const bool other = co_await std::move(asking);
    report.add(missing_finding(name, queues.uri.fifo, other));
    co_return std::nullopt;
  }
  report.add(queue_finding(*queue, endpoint.ends_with(kLetters)));
  auto trying = try_on_queue(queues.client, *queue, report);
  co_await std::move(trying);
  co_return queue;
}

// The endpoints behind the queues of a listing. Says what is odd about them.
std::vector<std::string> listed_endpoints(const aws::Outcome& answer, const SqsUri& uri,
                                          Report& report) {
  std::vector<std::string> endpoints;
  if (!answer) {
    report.add({Severity::warning, "queue", fmt::format("not listed: {}", text_of(answer.error())),
                "name the sagas and services whose queues are to be looked at"});
    return endpoints;
  }
  const Value listing = parse_json(answer->body);
  const Value* const urls = listing.find("QueueUrls");
  const Array* const list = urls ? urls->if_array() : nullptr;
  for (const Value& url : list ? *list : Array()) {
    const std::string* const text = url.if_string();
    if (!text) continue;
    const std::string name = text->substr(text->rfind('/') + 1);
    if (name.ends_with(kFifo) == uri.fifo) {
      endpoints.push_back(endpoint_of_queue(name, uri));
      continue;
    }
    report.add({Severity::warning, "queue",
                fmt::format("{} is {}, and the URI says fifo={}", name,
                            uri.fifo ? "a standard queue" : "FIFO", uri.fifo),
                "nobody here uses it"});
  }
  if (listing.find("NextToken")) {
    report.add({Severity::warning, "queue", fmt::format("only {} are looked at", kMostQueues),
                "name the sagas and services whose queues are to be looked at"});
  }
  if (endpoints.empty()) {
    report.add({Severity::warning, "queue",
                fmt::format("there is none whose name begins with {}-", uri.queue_prefix),
                "make them, or set create_queues in the program; or check the prefix"});
  }
  return endpoints;
}

std::vector<std::string> with_letters(std::vector<std::string> endpoints) {
  std::vector<std::string> out;
  for (std::string& endpoint : endpoints) {
    std::string letters = endpoint + std::string(kLetters);
    const bool are_letters = endpoint.ends_with(kLetters);
    out.push_back(std::move(endpoint));
    if (!are_letters) out.push_back(std::move(letters));
  }
  return out;
}

sqs::Transport open_transport(const SqsUri& uri, const aws::ClientOptions& options) {
  sqs::TransportOptions transport;
  transport.client = sqs::Client(options);
  transport.queue_prefix = uri.queue_prefix;
  transport.fifo = uri.fifo;
  transport.topics.enabled = uri.topics;
  if (uri.topics) transport.topics.client = sqs::TopicClient(options);
  return sqs::Transport(std::move(transport));
}

std::string attribute(const sqs::QueueInfo& queue, const char* name) {
  const auto found = queue.attributes.find(name);
  return found == queue.attributes.end() ? "?" : found->second;
}

std::string redrive_text(const sqs::QueueInfo& queue) {
  const auto policy = queue.attributes.find("RedrivePolicy");
  if (policy == queue.attributes.end()) return "no redrive policy";
  try {
    const Value read = parse_json(policy->second);
    const Value* const count = read.find("maxReceiveCount");
    const std::string* const text = count ? count->if_string() : nullptr;
    return fmt::format("to its dead letters after {} deliveries", text    ? *text
                                                                  : count ? to_json(*count)
                                                                          : "?");
  } catch (const ValidationError&) {
    return "a redrive policy that cannot be read";
  }
}

// What beside queues the URI asks for.
asio::awaitable<void> examine_beside(Queues queues, aws::ClientOptions options,
                                     std::vector<sqs::QueueInfo> found, Report& report) {
  if (queues.uri.topics) {
    std::erase_if(found, [](const sqs::QueueInfo& queue) { return holds_letters(queue.name); });
    aws::Client topics(aws::kSns, std::move(options));
    auto examining = examine_topics(queues.transport, std::move(topics), std::move(found),
                                    queues.uri.topic_arns, report);
    co_await std::move(examining);
  }
  if (queues.claims) {
    auto examining = examine_claims(queues.claims, report);
    co_await std::move(examining);
  }
}

asio::awaitable<void> examine_all(SqsUri uri, std::vector<std::string> endpoints, Report& report) {
  AskedService asked = ask_service(aws::kSqs, uri.region, uri.endpoint, uri.profile);
  const Queues queues{uri, asked.client, open_transport(uri, client_options(asked)),
                      claims_of(uri, {})};
  const bool named = !endpoints.empty();
  if (!named && uri.queue_prefix.empty()) {
    throw std::invalid_argument(
        "the transport URI has no prefix: name the sagas and services to look at");
  }
  Probe probe{"ListQueues", body_with("QueueNamePrefix", uri.queue_prefix + "-",
                                      fmt::format(",\"MaxResults\":{}", kMostQueues))};
  if (named) {
    probe = {"GetQueueUrl", body_with("QueueName", queues.transport.queue_name(endpoints.front()))};
  }
  auto examining = examine_service(asked, std::move(probe), report);
  const std::optional<aws::Outcome> answer = co_await std::move(examining);
  if (!answer) co_return;
  endpoints = named ? with_letters(std::move(endpoints)) : listed_endpoints(*answer, uri, report);
  std::vector<sqs::QueueInfo> found;
  for (const std::string& endpoint : endpoints) {
    auto looking = examine_queue(queues, endpoint, report);
    std::optional<sqs::QueueInfo> queue = co_await std::move(looking);
    if (queue) found.push_back(*std::move(queue));
  }
  auto examining_more = examine_beside(queues, client_options(asked), found, report);
  co_await std::move(examining_more);
  if (found.empty()) co_return;
  Probe read{"GetQueueAttributes", body_with("QueueUrl", found.front().url)};
  auto timing = time_requests(asked.client, std::move(read), kLooks);
  std::vector<std::chrono::nanoseconds> times = co_await std::move(timing);
  report.add(latency_finding(std::move(times), "looks at a queue", kUsualLook,
                             "run where the queues are"));
}

}  // namespace

asio::awaitable<void> examine_queues(SqsUri uri, std::vector<std::string> endpoints,
                                     Report& report) {
  return examine_all(std::move(uri), std::move(endpoints), report);
}

Finding queue_finding(const sqs::QueueInfo& queue, bool holds_letters) {
  Finding finding{Severity::ok, "queue",
                  fmt::format("{}, {}, {} ready, {} hidden, hidden for {} s", queue.name,
                              queue.attributes.contains("FifoQueue") ? "FIFO" : "standard",
                              attribute(queue, "ApproximateNumberOfMessages"),
                              attribute(queue, "ApproximateNumberOfMessagesNotVisible"),
                              attribute(queue, "VisibilityTimeout"))};
  if (!holds_letters) finding.found += ", " + redrive_text(queue);
  if (queue.differences.empty()) return finding;
  finding.severity = Severity::warning;
  finding.found += fmt::format("; {}", fmt::join(queue.differences, "; "));
  finding.advice = "set it as expected: a queue that create_queues makes is so";
  return finding;
}

std::string endpoint_of_queue(std::string_view name, const SqsUri& uri) {
  if (uri.fifo) name.remove_suffix(kFifo.size());
  name.remove_prefix(uri.queue_prefix.empty() ? 0 : uri.queue_prefix.size() + 1);
  if (!name.ends_with(kLettersInName)) return std::string(name);
  name.remove_suffix(kLettersInName.size());
  return std::string(name) + std::string(kLetters);
}

}  // namespace sagabus::tools
