// sagabus publish: sends one message.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <utility>

#include "open_transport.hpp"
#include "sagabus/envelope.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sqlite/transport.hpp"
#include "terminal.hpp"
#include "verbs/lasting_store.hpp"
#include "verbs/sending.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_publish {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Send a message to all who take its type, or to one of them";

constexpr const char* kFooter =
    "PAYLOAD is a JSON object, or - to read it from standard input. Prints the message's id. "
    "Exits\n"
    "with 3 where nobody takes the type, or a queue is not there, and sends nothing.\n"
    "\n"
    "In a file, those take it who have subscribed. On SQS say who does with --to or --route, or "
    "have\n"
    "topics=true in the URI. On FIFO queues a message keeps its place among those with the same "
    "value\n"
    "of MEMBER, which is what the saga there correlates by; else among those with its --key.\n"
    "\n"
    "With --id a message that was sent before, within the transport's window, is not sent again.\n"
    "\n"
    "Examples:\n"
    "  sagabus publish OrderCancelled '{\"orderId\":\"order-1\",\"reason\":\"by hand\"}' \\\n"
    "    --transport sqlite:///var/lib/orders.db\n"
    "  sagabus publish OrderCancelled - --transport 'sqs://shop?region=us-east-1' \\\n"
    "    --to OrderSaga:orderId < cancelled.json\n";

struct Options {
  SendingOptions sending;
  std::string type;
  std::string payload;
  std::vector<std::string> to;
  std::string id;
  std::string key;
  std::vector<std::string> headers;
  bool dry_run = false;
  bool json = false;
};

// More than any transport takes.
constexpr std::size_t kMostPayload = 64U * 1024 * 1024;

std::string read_payload(const std::string& argument) {
  if (argument != "-") return argument;
  std::string text;
  char block[65536];
  while (std::cin.read(block, sizeof block) || std::cin.gcount() > 0) {
    text.append(block, static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > kMostPayload) {
      throw Failure(Exit::wrong_use, "PAYLOAD: over 64 MiB on standard input");
    }
  }
  return text;
}

Value parse_payload(const std::string& text) {
  try {
    Value payload = parse_json(text);
    require_unique_members(payload);
    if (payload.if_object()) return payload;
  } catch (const ValidationError& error) {
    throw Failure(Exit::wrong_use, fmt::format("PAYLOAD: {}", error.what()));
  }
  throw Failure(Exit::wrong_use,
                "PAYLOAD: expected a JSON object, such as '{\"orderId\":\"order-1\"}'");
}

void add_header(const std::string& text, Headers& headers) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw Failure(Exit::wrong_use,
                  fmt::format("--header: '{}', expected NAME=VALUE", escape_controls(text)));
  }
  headers.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
}

EnvelopePtr make_envelope(const Options& options, const Ambient& ambient) {
  Envelope envelope;
  envelope.id = options.id.empty() ? new_uuid(*ambient.random) : options.id;
  envelope.type = options.type;
  envelope.payload = parse_payload(read_payload(options.payload));
  for (const std::string& header : options.headers) add_header(header, envelope.headers);
  envelope.timestamp = ambient.clock->now();
  envelope.partition_key = options.key;
  try {
    check(envelope);
  } catch (const ValidationError& error) {
    throw Failure(Exit::wrong_use, error.what());
  }
  return std::make_shared<const Envelope>(std::move(envelope));
}

// In a file one can see who does. Throws Failure with Exit::not_found where nobody does, or one of
// those named does not.
asio::awaitable<std::vector<std::string>> takers_in_file(SqliteUri file, Options options) {
  sqlite::TransportOptions opened;
  opened.path = file.path;
  const sqlite::Transport transport(std::move(opened));
  std::vector<std::string> takers = co_await transport.takers(options.type);
  for (const std::string& to : options.to) {
    if (std::find(takers.begin(), takers.end(), to) != takers.end()) continue;
    throw Failure(Exit::not_found, fmt::format("no {} in {} takes {}", escape_controls(to),
                                               file.path, escape_controls(options.type)));
  }
  if (takers.empty()) {
    throw Failure(Exit::not_found,
                  fmt::format("nobody in {} takes {}", file.path, escape_controls(options.type)));
  }
  co_return options.to.empty() ? takers : options.to;
}

// Who is named on the command line.
std::vector<std::string> named(const Options& options) {
  return options.to.empty() ? routed_to(options.sending, options.type) : options.to;
}

// A topic is looked at in a dry run alone: who sends may lack the right to look.
asio::awaitable<void> require_topic(SqsUri uri, Options options) {
  require_route(options.sending, options.type);
  if (!options.dry_run) co_return;
  auto looking = look_up_topic(std::move(uri), options.type);
  co_await std::move(looking);
}

// Empty where topics hand it on.
asio::awaitable<std::vector<std::string>> takers_of(Options options) {
  const TransportUri uri = parse_transport_uri(options.sending.transport);
  if (const auto* file = std::get_if<SqliteUri>(&uri)) {
    auto finding = takers_in_file(*file, options);
    co_return co_await std::move(finding);
  }
  std::vector<std::string> takers;
  const auto* const queues = std::get_if<SqsUri>(&uri);
  if (queues && queues->topics && options.to.empty()) {
    auto requiring = require_topic(*queues, options);
    co_await std::move(requiring);
    co_return takers;
  }
  for (const std::string& to : named(options)) {
    std::string taker = to.substr(0, to.find(':'));
    auto looking = open_transport(uri, taker, {});  // all of them, before one gets it
    co_await std::move(looking);
    takers.push_back(std::move(taker));
  }
  if (takers.empty()) require_route(options.sending, options.type);
  co_return takers;
}

// On SQS an order is by a member of the receiver's choosing, which a route tells.
SendingOptions routed(const Options& options) {
  SendingOptions sending = options.sending;
  const bool in_queue = std::holds_alternative<SqsUri>(parse_transport_uri(sending.transport));
  for (const std::string& to : options.to) {
    if (in_queue) sending.routes.push_back(options.type + '=' + to);
  }
  return sending;
}

// Without its member a message has no place among those of its saga.
void require_members(const Options& options, const Envelope& envelope) {
  for (const std::string& to : named(options)) {
    const std::size_t colon = to.find(':');
    if (colon == std::string::npos || envelope.payload.find(to.substr(colon + 1))) continue;
    throw Failure(Exit::wrong_use, fmt::format("{}: PAYLOAD has no member '{}'",
                                               options.to.empty() ? "--route" : "--to",
                                               escape_controls(to.substr(colon + 1))));
  }
}

// Some may have got it: whoever tries again must not make another message of it.
asio::awaitable<void> send(Transport transport, std::vector<SendRequest> requests) {
  const std::string id = requests.front().envelope->id;
  try {
    co_await transport.backend()->send(std::move(requests));
  } catch (const Error& error) {
    throw Failure(exit_of(error),
                  fmt::format("{}; to try again: --id {}", error.what(), escape_controls(id)));
  }
}

void report(const Options& options, const Envelope& envelope) {
  const char* const outcome = options.dry_run ? "would be sent" : "sent";
  if (options.json) {
    Object out{{"id", Value(envelope.id)}};
    out.emplace_back("type", Value(envelope.type));
    out.emplace_back("outcome", Value(outcome));
    fmt::print("{}\n", escape_controls(to_json(Value(std::move(out)))));
  } else {
    fmt::print("{}  {}\n", escape_controls(envelope.id), outcome);
  }
}

asio::awaitable<Exit> publish(Options options) {
  const Ambient ambient;
  const EnvelopePtr envelope = make_envelope(options, ambient);
  require_members(options, *envelope);
  const Transport transport = open_for_sending(routed(options), Repeats::drop, ambient);
  auto finding = takers_of(options);
  std::vector<std::string> takers = co_await std::move(finding);
  if (options.to.empty()) takers.assign(1, "");  // the transport knows them
  std::vector<SendRequest> requests;
  for (std::string& taker : takers) {
    SendRequest& request = requests.emplace_back();
    request.envelope = envelope;
    request.endpoint = std::move(taker);
  }
  if (!options.dry_run) {
    auto sending = send(transport, std::move(requests));
    co_await std::move(sending);
  }
  report(options, *envelope);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_publish

void add_publish(CLI::App& app, Action& action) {
  using namespace verb_publish;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  const auto not_empty = [](const std::string& text) { return text.empty() ? "empty" : ""; };
  CLI::App* const verb = app.add_subcommand("publish", kDescription);
  verb->add_option("type", options->type, "The message's name on the wire")
      ->type_name("TYPE")
      ->check(not_empty)
      ->required();
  verb->add_option("payload", options->payload, "A JSON object; - for standard input")
      ->type_name("PAYLOAD")
      ->required();
  add_sending_options(*verb, options->sending);
  verb->add_option("--to", options->to, "Only to this saga or service")
      ->type_name("ENDPOINT[:MEMBER]")
      ->check(not_empty);
  verb->add_option("--id", options->id, "The message's id; a new one without")
      ->type_name("ID")
      ->check(not_empty);
  verb->add_option("--key", options->key, "Messages with one key keep their\norder")
      ->type_name("KEY");
  verb->add_option("--header", options->headers, "Goes with the message")->type_name("NAME=VALUE");
  add_switch(*verb, "--dry-run", options->dry_run, "Check all of it, and send nothing");
  add_switch(*verb, "--json", options->json, "Print one JSON object");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(publish(*options)); }; });
}

}  // namespace sagabus::tools
