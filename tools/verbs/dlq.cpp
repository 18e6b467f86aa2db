#include "verbs/dlq.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "confirm.hpp"
#include "count_text.hpp"
#include "duration.hpp"
#include "open_transport.hpp"
#include "pretty_json.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"
#include "terminal.hpp"
#include "verbs/lasting_store.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

// Of an error's text, in a line of a list.
constexpr std::size_t kMostText = 100;

std::string check_name(const std::string& name) {
  return name.empty() ? "empty" : "";
}

// Empty where there is none.
std::string header(const Delivery& letter, std::string_view name) {
  if (!letter.envelope) return {};
  const auto found = letter.envelope->headers.find(name);
  return found == letter.envelope->headers.end() ? std::string() : found->second;
}

std::string order_key(const Delivery& letter) {
  std::string key = header(letter, headers::kOrderKey);
  return key.empty() && letter.envelope ? letter.envelope->partition_key : key;
}

// A body that is no envelope says nothing of itself.
std::string error_type(const Delivery& letter) {
  return letter.envelope ? header(letter, headers::kErrorType) : std::string(kMalformedType);
}
std::string error_message(const Delivery& letter) {
  return letter.envelope ? header(letter, headers::kErrorMessage) : letter.malformed->problem;
}

// In whole characters of UTF-8.
std::string cut_short(std::string text) {
  if (text.size() <= kMostText) return text;
  std::size_t end = kMostText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : escape_controls(text);
}

Value to_json_value(const LetterReport& report) {
  const Delivery& letter = report.letter;
  const Envelope* const envelope = letter.envelope.get();
  Object out{{"id", Value(letter_id(letter))}};
  out.emplace_back("type", envelope ? Value(envelope->type) : Value());
  out.emplace_back("published", envelope ? Value(to_iso8601(envelope->timestamp)) : Value());
  out.emplace_back("first_seen", text_or_null(header(letter, headers::kFirstSeen)));
  out.emplace_back("attempts", text_or_null(header(letter, headers::kAttempt)));
  out.emplace_back("endpoint", text_or_null(header(letter, headers::kOriginalEndpoint)));
  out.emplace_back("key", text_or_null(order_key(letter)));
  out.emplace_back("error_type", text_or_null(error_type(letter)));
  out.emplace_back("error_message", text_or_null(error_message(letter)));
  out.emplace_back("uncertain", Value(!header(letter, headers::kUncertain).empty()));
  if (!report.outcome.empty()) out.emplace_back("outcome", Value(report.outcome));
  if (report.whole) out.emplace_back("message", letter_value(letter));
  return Value(std::move(out));
}

std::string age(const LetterReport& report) {
  const Envelope* const envelope = report.letter.envelope.get();
  return envelope ? age_text(report.now - envelope->timestamp) + " ago" : "-";
}

void print_line(const LetterReport& report) {
  const Delivery& letter = report.letter;
  const bool uncertain = !header(letter, headers::kUncertain).empty();
  fmt::print("{}  {}  {}  attempt {}{}  key {}  {}: {}\n", escape_controls(letter_id(letter)),
             letter.envelope ? escape_controls(letter.envelope->type) : "no envelope", age(report),
             or_dash(header(letter, headers::kAttempt)), uncertain ? ", uncertain" : "",
             or_dash(order_key(letter)), or_dash(error_type(letter)),
             or_dash(cut_short(error_message(letter))));
  if (!report.outcome.empty()) fmt::print("  {}\n", escape_controls(report.outcome));
}

void print_whole(const LetterReport& report) {
  const Delivery& letter = report.letter;
  fmt::print("{}  {}\n", escape_controls(letter_id(letter)), age(report));
  fmt::print("  message  {}\n",
             letter.envelope ? escape_controls(letter.envelope->type) : "no envelope");
  fmt::print("  seen     {}\n", or_dash(header(letter, headers::kFirstSeen)));
  fmt::print("  by       {}  attempt {}\n", or_dash(header(letter, headers::kOriginalEndpoint)),
             or_dash(header(letter, headers::kAttempt)));
  fmt::print("  key      {}\n", or_dash(order_key(letter)));
  fmt::print("  failed   {}: {}\n", or_dash(error_type(letter)), or_dash(error_message(letter)));
  if (!header(letter, headers::kUncertain).empty()) {
    fmt::print("  is       uncertain: it may have taken effect\n");
  }
  fmt::print("  holds\n{}\n", pretty_json(letter_value(letter), "    "));
}

TransportUri parse_lasting_transport(const std::string& uri) {
  TransportUri parsed = parse_transport_uri(uri);
  if (std::holds_alternative<MemoryUri>(parsed)) {
    throw Failure(Exit::wrong_use,
                  "--transport: memory: ends with its program and holds nothing here");
  }
  if (const auto* file = std::get_if<SqliteUri>(&parsed)) require_file(*file);
  return parsed;
}

}  // namespace

CLI::App& dlq_group(CLI::App& app) {
  const auto made = app.get_subcommands([](const CLI::App* a) { return a->get_name() == "dlq"; });
  if (!made.empty()) return *made.front();
  CLI::App* const group = app.add_subcommand("dlq", "Show, send back and erase dead letters");
  group->footer(
      "Examples:\n"
      "  sagabus dlq list --transport sqlite:///var/lib/orders.db OrderSaga\n"
      "  sagabus dlq redrive --help\n");
  return *group;
}

void add_letter_options(CLI::App& verb, LetterOptions& options) {
  add_transport_option(verb, options.transport,
                       "sqlite:///PATH or\nsqs://PREFIX?region=REGION&endpoint=URL\n"
                       "&claims=BUCKET/PREFIX");
  verb.add_option("--queue", options.queue,
                  "Where the letters are, where that is\nnot ENDPOINT.dlq")
      ->type_name("NAME")
      ->check(check_name);
  add_count_option(verb, "--limit", options.limit, "Letters to look through at most", 1, 100'000);
  add_switch(verb, "--json", options.json, "Print one JSON object a line");
  verb.add_option("endpoint", options.endpoint, "The saga or service whose letters\nthey are")
      ->type_name("ENDPOINT")
      ->check(check_name)
      ->required();
}

void add_letter_ids(CLI::App& verb, LetterOptions& options) {
  CLI::Option* const ids =
      verb.add_option("ids", options.ids,
                      "As `list` prints them; after -- where\none begins with -")
          ->type_name("ID")
          ->check(check_name);
  add_switch(verb, "--all", options.all, "All letters");
  ids->excludes(verb.get_option("--all"));
}

void require_ids_or_all(const LetterOptions& options) {
  if (!options.ids.empty() || options.all) return;
  throw CLI::ValidationError("ID or --all is required: which letters?");
}

void ask_about_letters(const LetterOptions& options, std::string_view to_do) {
  const std::string count = options.all ? "all letters" : count_text(options.ids.size(), "letter");
  const std::string queue = options.letters();
  const std::string question =
      fmt::format("{} {} of {}? Type the name of that queue", to_do, count, escape_controls(queue));
  if (is_sure(question, queue)) return;
  throw Failure(Exit::failed, "nothing was changed: the answer was not the queue's name");
}

asio::awaitable<OpenLetters> open_letters(LetterOptions options) {
  TransportUri uri = parse_lasting_transport(options.transport);
  OpenLetters out;
  out.query.endpoint = options.letters();
  out.query.ids = options.ids;
  out.query.limit = options.limit;
  if (std::holds_alternative<SqliteUri>(uri)) out.query.patience = std::chrono::seconds(1);
  auto opening = open_transport(std::move(uri), out.query.endpoint, {});
  out.transport = co_await std::move(opening);
  co_return out;
}

asio::awaitable<void> visit(OpenLetters letters, LetterVisit visit) {
  std::set<std::string> missing(letters.query.ids.begin(), letters.query.ids.end());
  const std::string where = letters.query.endpoint;
  LetterVisit note = [&](Delivery letter) {
    missing.erase(letter_id(letter));
    return visit(std::move(letter));
  };
  auto visiting = visit_letters(letters.transport, std::move(letters.query), std::move(note));
  const bool more = co_await std::move(visiting);
  if (more) fmt::print(stderr, "sagabus: there are more: give a higher --limit\n");
  if (missing.empty()) co_return;
  std::vector<std::string> ids;
  for (const std::string& id : missing) ids.push_back(escape_controls(id));
  throw Failure(Exit::not_found, fmt::format("{} holds no letter {}, or another program holds it",
                                             where, fmt::join(ids, ", ")));
}

void print_letter(const LetterReport& report, bool json) {
  if (json) {
    fmt::print("{}\n", escape_controls(to_json(to_json_value(report))));
  } else if (report.whole) {
    print_whole(report);
  } else {
    print_line(report);
  }
}

}  // namespace sagabus::tools
