#include "verbs/sending.hpp"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include "command.hpp"
#include "open_transport.hpp"
#include "sagabus/sqlite/transport.hpp"
#include "sagabus/sqs/transport.hpp"
#include "terminal.hpp"
#include "verbs/lasting_store.hpp"

namespace sagabus::tools {
namespace {

constexpr const char* kForms =
    "--transport: expected sqlite:///PATH or sqs://PREFIX?region=REGION&endpoint=URL";

TransportUri parse(const std::string& uri) {
  TransportUri parsed = parse_transport_uri(uri);
  if (std::holds_alternative<MemoryUri>(parsed)) throw Failure(Exit::wrong_use, kForms);
  if (const auto* file = std::get_if<SqliteUri>(&parsed)) require_file(*file);
  return parsed;
}

// "OrderSubmitted=OrderSaga:orderId".
sqs::Route parse_route(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':', equals == std::string::npos ? 0 : equals);
  sqs::Route route;
  route.type = text.substr(0, equals);
  if (equals != std::string::npos) route.endpoint = text.substr(equals + 1, colon - equals - 1);
  if (colon != std::string::npos) route.group_by = text.substr(colon + 1);
  const bool incomplete = colon != std::string::npos && route.group_by.empty();
  if (route.type.empty() || route.endpoint.empty() || incomplete) {
    throw Failure(Exit::wrong_use, fmt::format("--route: '{}', expected TYPE=ENDPOINT or "
                                               "TYPE=ENDPOINT:MEMBER",
                                               escape_controls(text)));
  }
  return route;
}

std::vector<sqs::Route> parse_routes(const SendingOptions& options) {
  std::vector<sqs::Route> routes;
  for (const std::string& text : options.routes) routes.push_back(parse_route(text));
  return routes;
}

Transport open(const SqliteUri& uri, Repeats repeats, const Ambient& ambient) {
  sqlite::TransportOptions options;
  options.path = uri.path;
  if (repeats == Repeats::send) options.deduplication_window = std::chrono::milliseconds(0);
  options.ambient = ambient;
  return sqlite::Transport(std::move(options));
}

}  // namespace

void add_sending_options(CLI::App& verb, SendingOptions& options) {
  add_transport_option(verb, options.transport,
                       "sqlite:///PATH or\nsqs://PREFIX?region=REGION&endpoint=URL\n"
                       "&topics=true&topic_arns=ARN_PREFIX");
  verb.add_option("--route", options.routes,
                  "On SQS without topics: who takes\nmessages of a type, and by which\nmember it "
                  "keeps their order")
      ->type_name("TYPE=ENDPOINT[:MEMBER]");
}

Transport open_for_sending(const SendingOptions& options, Repeats repeats, const Ambient& ambient) {
  const TransportUri uri = parse(options.transport);
  std::vector<sqs::Route> routes = parse_routes(options);
  if (const auto* file = std::get_if<SqliteUri>(&uri)) {
    if (!routes.empty()) {
      throw Failure(Exit::wrong_use, "--route: in a file, those who take a type have subscribed");
    }
    return open(*file, repeats, ambient);
  }
  return open_sqs(std::get<SqsUri>(uri), std::move(routes), ambient);
}

std::vector<std::string> routed_to(const SendingOptions& options, const std::string& type) {
  std::vector<std::string> out;
  for (const sqs::Route& route : parse_routes(options)) {
    if (route.type != type) continue;
    out.push_back(route.endpoint + (route.group_by.empty() ? "" : ':' + route.group_by));
  }
  return out;
}

void require_route(const SendingOptions& options, const std::string& type) {
  const TransportUri uri = parse(options.transport);
  const auto* const queues = std::get_if<SqsUri>(&uri);
  if (!queues) return;
  if (queues->topics) {
    if (!queues->topic_arns.empty()) return;
    throw Failure(
        Exit::wrong_use,
        "--transport: topics=true needs topic_arns=arn:aws:sns:REGION:ACCOUNT: too, since "
        "no queue is looked up here");
  }
  if (!routed_to(options, type).empty()) return;
  throw Failure(Exit::wrong_use, fmt::format("who takes {0}? give --route {0}=ENDPOINT:MEMBER, or "
                                             "topics=true&topic_arns=ARN_PREFIX in the URI",
                                             escape_controls(type)));
}

}  // namespace sagabus::tools
