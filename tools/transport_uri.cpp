#include "transport_uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sagabus::tools {
namespace {

constexpr UriKind kTransportUri{
    "transport URI",
    "memory:, sqlite:///PATH or sqs://PREFIX?region=REGION&endpoint=URL"
    "&profile=NAME&fifo=true|false&topics=true|false&topic_arns=ARN_PREFIX&claims=BUCKET/PREFIX"};

bool read_bool(std::string_view name, const std::string& text) {
  if (text != "true" && text != "false")
    refuse(kTransportUri, fmt::format("the parameter '{}' is true or false", name));
  return text == "true";
}

void read_claims(const std::string& text, SqsUri& uri) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  uri.claims_bucket = text.substr(0, slash);
  uri.claims_prefix = text.substr(std::min(slash + 1, text.size()));
}

SqsUri parse_sqs(std::string_view rest) {
  if (!rest.starts_with("//"))
    refuse(kTransportUri, "expected sqs://PREFIX?region=REGION&endpoint=URL");
  rest.remove_prefix(2);
  const std::size_t question = rest.find('?');
  SqsUri uri;
  uri.queue_prefix = decode(kTransportUri, rest.substr(0, question), "queue prefix");
  if (question == std::string_view::npos) return uri;
  read_query(
      kTransportUri, "sqs", rest.substr(question + 1),
      {{"region", [&](std::string value) { uri.region = std::move(value); }},
       {"endpoint", [&](std::string value) { uri.endpoint = std::move(value); }},
       {"profile", [&](std::string value) { uri.profile = std::move(value); }},
       {"fifo", [&](const std::string& value) { uri.fifo = read_bool("fifo", value); }},
       {"topics", [&](const std::string& value) { uri.topics = read_bool("topics", value); }},
       {"topic_arns", [&](std::string value) { uri.topic_arns = std::move(value); }},
       {"claims", [&](const std::string& value) { read_claims(value, uri); }}});
  return uri;
}

}  // namespace

TransportUri parse_transport_uri(std::string_view uri) {
  const auto [scheme, rest] = split_uri(kTransportUri, uri);
  if (scheme == "memory") return parse_memory_uri(kTransportUri, rest);
  if (scheme == "sqlite") return parse_sqlite_uri(kTransportUri, rest);
  if (scheme != "sqs")
    refuse(kTransportUri, fmt::format("unknown scheme: expected {}", kTransportUri.forms));
  refuse_credentials(kTransportUri, rest);
  return parse_sqs(rest);
}

}  // namespace sagabus::tools
