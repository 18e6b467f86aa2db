// What the verbs about dead letters share.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"
#include "sagabus/letter_tools.hpp"

namespace sagabus::tools {

struct LetterOptions {
  std::string transport;
  std::string endpoint;          // the saga or the service
  std::string queue;             // where its letters are; empty: "<endpoint>.dlq"
  std::vector<std::string> ids;  // not of `list`
  unsigned limit = 10'000;
  bool all = false;  // not of `list` and `show`
  bool json = false;

  std::string letters() const { return queue.empty() ? endpoint + ".dlq" : queue; }
};

// The group `sagabus dlq`, made with the first verb that asks for it.
CLI::App& dlq_group(CLI::App& app);

// Adds --transport, --queue, --limit, --json and ENDPOINT.
void add_letter_options(CLI::App& verb, LetterOptions& options);

// Adds ID..., and --all for those who do not want to name them.
void add_letter_ids(CLI::App& verb, LetterOptions& options);
void require_ids_or_all(const LetterOptions& options);

// Asks on a terminal for the queue's name; `to_do` is such as "Erase". Throws Failure where the
// user is not sure.
void ask_about_letters(const LetterOptions& options, std::string_view to_do);

struct OpenLetters {
  Transport transport;
  LetterQuery query;
};

// Opens the transport, ready to be used. Throws std::invalid_argument and Failure for what lasts no
// longer than its program, NotFound and Failure for a queue or a file that is not there.
boost::asio::awaitable<OpenLetters> open_letters(LetterOptions options);

// Visits them, and says where the limit left some out. Throws Failure with Exit::not_found where an
// id that was asked for is not there.
boost::asio::awaitable<void> visit(OpenLetters letters, LetterVisit visit);

// What is printed of a letter: a line for people, more where it is whole; or one JSON object on a
// line.
struct LetterReport {
  const Delivery& letter;
  TimePoint now{};
  std::string outcome{};  // of a change; empty: there was none
  bool whole = false;     // with its message
};
void print_letter(const LetterReport& report, bool json);

}  // namespace sagabus::tools
