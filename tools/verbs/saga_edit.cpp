// sagabus saga edit: another state for one instance.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "edit_text.hpp"
#include "pretty_json.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "terminal.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_edit {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Change the state of one instance in your editor";

constexpr const char* kFooter =
    "Opens $VISUAL, else $EDITOR, else vi on the state as JSON, in a file that only you can read, "
    "and\n"
    "which is removed at the end. Save and quit to write it back; quit without a change, or with\n"
    "an error (:cq in vi), to leave all as it is. What is no JSON object is asked for again on a\n"
    "terminal, and refused elsewhere. Nothing looks whether the saga can read the fields: keep "
    "their\n"
    "names and types. Bytes stand as {\"$bytes\": \"<base64>\"}.\n"
    "\n"
    "Inbox, outbox and timeouts stay as they are. Written only where the instance is as it was "
    "read:\n"
    "where somebody else was faster nothing is changed, and the command exits with 1. The write "
    "sets\n"
    "the expiry of a completed instance anew, as the ttl_days of --store say. Exits with 3 where\n"
    "there is no such instance.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga edit OrderSaga --correlation order-1 --store sqlite:///var/lib/orders.db\n"
    "  EDITOR='sed -i s/pending/paid/' sagabus saga edit OrderSaga --id SAGA_ID \\\n"
    "    --store 'dynamodb://sagas?region=us-east-1'\n";

struct Options : SagaOptions {
  SagaChoice choice;
};

bool on_terminal() {
  return isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
}

// Empty where it is not what a state can be; then the problem has been said.
std::optional<Value> read_edited(const std::string& text) {
  std::string problem;
  try {
    return read_state(text);
  } catch (const ValidationError& error) {
    problem = one_line(error.what());
  }
  if (!on_terminal()) {
    throw Failure(Exit::wrong_use,
                  fmt::format("the edited state cannot be read, nothing was changed: {}", problem));
  }
  fmt::print(stderr, "sagabus: the edited state cannot be read: {}\n", escape_controls(problem));
  return std::nullopt;
}

void ask_for_another_try() {
  fmt::print(stderr, "Press Enter to edit it again, or type anything else to give up: ");
  std::string answer;
  if (std::getline(std::cin, answer) && answer.empty()) return;
  throw Failure(Exit::failed, "nothing was changed");
}

// Empty where the user left it as it was.
std::optional<Value> edit_state(const Value& state) {
  const std::string before =
      pretty_json(parse_json(write_state(state), {.max_depth = 210}), "") + '\n';
  EditedText text("state.json", before);
  for (;;) {
    const std::string after = text.edit();
    if (after == before) return std::nullopt;
    std::optional<Value> edited = read_edited(after);
    if (edited && *edited == state) return std::nullopt;
    if (edited) return edited;
    ask_for_another_try();
  }
}

asio::awaitable<Exit> edit(Options options) {
  const SagaStore store = co_await open_sagas(options.store);
  auto finding = find_saga(store, options.name, options.choice);
  const InstancePtr current = co_await std::move(finding);
  std::optional<Value> edited = edit_state(current->state);
  if (!edited) {
    fmt::print("{} is left as it was, version {}\n", name_of(*current), current->version);
    co_return Exit::done;
  }
  auto replacing = changed(replace_state(store, current, *std::move(edited)), current);
  const InstancePtr now = co_await std::move(replacing);
  fmt::print("{} has its new state, version {}\n", name_of(*now), now->version);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_saga_edit

void add_saga_edit(CLI::App& app, Action& action) {
  using namespace verb_saga_edit;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("edit", kDescription);
  add_saga_options(*verb, *options);
  add_saga_choice(*verb, options->choice);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_choice(options->choice);
    action = [options] { return run(edit(*options)); };
  });
}

}  // namespace sagabus::tools
