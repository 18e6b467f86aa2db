#include "verbs/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "duration.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"
#include "terminal.hpp"

namespace sagabus::tools {
namespace {

Value finding_value(const Instance& instance, const OutboxFinding& finding, TimePoint now,
                    std::string_view outcome) {
  const bool known = finding.taken_at != TimePoint{};
  Array messages;
  for (const OutgoingMessage& message : finding.entry.messages) {
    messages.emplace_back(
        Object{{"id", Value(message.envelope->id)}, {"type", Value(message.envelope->type)}});
  }
  Object out;
  out.emplace_back("saga_id", Value(instance.saga_id));
  out.emplace_back("correlation_id", Value(instance.correlation_id));
  out.emplace_back("message_id", Value(finding.entry.message_id));
  out.emplace_back("taken_at", known ? Value(to_iso8601(finding.taken_at)) : Value());
  out.emplace_back("age_ms",
                   known ? Value(std::int64_t{(now - finding.taken_at).count()}) : Value());
  out.emplace_back("worker", Value(finding.entry.worker));
  out.emplace_back("sequence", Value(finding.entry.sequence));
  out.emplace_back("outcome", Value(std::string(outcome)));
  out.emplace_back("messages", Value(std::move(messages)));
  return Value(std::move(out));
}

void print_for_people(const Instance& instance, const OutboxFinding& finding, TimePoint now,
                      std::string_view outcome) {
  const OutboxEntry& entry = finding.entry;
  const std::string when = finding.taken_at == TimePoint{}
                               ? "at an unknown time"
                               : fmt::format("{} ago, {}", age_text(now - finding.taken_at),
                                             to_iso8601(finding.taken_at));
  fmt::print("{}  {}  {}\n", escape_controls(instance.saga_id),
             escape_controls(instance.correlation_id), outcome);
  fmt::print("  took in  {}  {}\n", escape_controls(entry.message_id), when);
  fmt::print("  worker   {}  step {}\n", escape_controls(entry.worker), entry.sequence);
  for (const OutgoingMessage& message : entry.messages) {
    fmt::print("  holds    {}  {}\n", escape_controls(message.envelope->id),
               escape_controls(message.envelope->type));
  }
}

}  // namespace

CLI::App& outbox_group(CLI::App& app) {
  const auto made =
      app.get_subcommands([](const CLI::App* a) { return a->get_name() == "outbox"; });
  if (!made.empty()) return *made.front();
  CLI::App* const group = app.add_subcommand(
      "outbox", "Show and mend outbox entries that no worker has reported as done");
  group->footer(
      "Examples:\n"
      "  sagabus outbox list --store sqlite:///var/lib/orders.db --saga OrderSaga\n"
      "  sagabus outbox redispatch --help\n");
  return *group;
}

void add_outbox_options(CLI::App& verb, OutboxOptions& options) {
  add_store_option(verb, options.store);
  verb.add_option("--saga", options.saga, "The saga's name")->type_name("NAME")->required();
  const auto read = [&options](const std::string& text) {
    const auto duration = parse_duration(text);
    if (!duration) {
      throw CLI::ValidationError(fmt::format(
          "--older-than: '{}', expected a whole number and ms, s, m, h or d, such as 10m", text));
    }
    options.older_than = *duration;
  };
  verb.add_option_function<std::string>(
          "--older-than", read,
          "Leave out younger entries: their\nmessages may be on their way.\nNot below the bus's "
          "inbox_window")
      ->type_name("DURATION")
      ->default_str("10m");
  add_switch(verb, "--json", options.json, "Print one JSON object a line");
}

void print_finding(const Instance& instance, const OutboxFinding& finding, TimePoint now,
                   std::string_view outcome, bool json) {
  if (json) {
    const Value value = finding_value(instance, finding, now, outcome);
    fmt::print("{}\n", escape_controls(to_json(value)));
  } else {
    print_for_people(instance, finding, now, outcome);
  }
}

}  // namespace sagabus::tools
