// sagabus saga edit: another state for one instance.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "confirm.hpp"
#include "edit_text.hpp"
#include "pretty_json.hpp"
#include "read_file.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "state_changes.hpp"
#include "terminal.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_edit {
namespace {

namespace asio = boost::asio;

constexpr const char* kWritten = "written";
constexpr const char* kDescription = "Change the state of one instance in your editor";

constexpr const char* kFooter =
    "Opens $VISUAL, else $EDITOR, else vi on the state as JSON, in a file that only you can read. "
    "Save\n"
    "and quit to write it back; quit without a change, or with an error (:cq in vi), to leave all "
    "as it\n"
    "is. What is no JSON object is asked for again on a terminal, and refused elsewhere. Nothing "
    "looks\n"
    "whether the saga can read the fields: keep their names and types. Bytes stand as\n"
    "{\"$bytes\": \"<base64>\"}.\n"
    "\n"
    "Inbox, outbox and timeouts stay as they are. Written only where the instance is as it was "
    "read:\n"
    "where somebody else was faster nothing is changed, and the command exits with 1. The write "
    "sets\n"
    "the expiry of a completed instance anew, as the ttl_days of --store say. Exits with 3 where\n"
    "there is no such instance.\n"
    "\n"
    "The file goes when its state is written or unchanged. Where it could not be written, the "
    "command\n"
    "says where the file is: --from FILE takes it up, instead of an editor, and leaves the file. "
    "Look\n"
    "with --dry-run what it would change by now, and name the version that this shows with\n"
    "--if-version. With --json the line is an object: sagaName, sagaId, correlationId, version,\n"
    "outcome (written, unchanged, would be written) and changes: path, and before and after where "
    "the\n"
    "member was or is there.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga edit OrderSaga --correlation order-1 --store sqlite:///var/lib/orders.db\n"
    "  sagabus saga edit OrderSaga --correlation order-1 --store sqlite:///var/lib/orders.db \\\n"
    "    --from state.json --if-version 7\n"
    "  EDITOR='sed -i s/pending/paid/' sagabus saga edit OrderSaga --id SAGA_ID --dry-run \\\n"
    "    --store 'dynamodb://sagas?region=us-east-1'\n";

struct Options : SagaOptions {
  SagaChoice choice;
  std::string from;
  std::optional<std::uint64_t> if_version;
  bool dry_run = false;
};

bool on_terminal() {
  return isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
}

// As people see it.
Value shown(const Value& state) {
  return parse_json(write_state(state), {.max_depth = 210});
}

// Empty where it is not what a state can be; then the problem has been said.
std::optional<Value> read_edited(const std::string& text) {
  std::string problem;
  try {
    return read_state(text);
  } catch (const ValidationError& error) {
    problem = error.what();
  }
  if (!on_terminal()) {
    throw Failure(Exit::wrong_use,
                  fmt::format("the edited state cannot be read, nothing was changed: {}", problem));
  }
  fmt::print(stderr, "sagabus: the edited state cannot be read: {}\n", escape_controls(problem));
  return std::nullopt;
}

Value edit_state(EditedText& text) {
  for (;;) {
    std::optional<Value> edited = read_edited(text.edit());
    if (edited) return *std::move(edited);
    const std::optional<std::string> answer =
        ask_for_line("Press Enter to edit it again, or type anything else to give up");
    if (!answer || !answer->empty()) throw Failure(Exit::failed, "nothing was changed");
  }
}

Value read_from(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    throw Failure(Exit::wrong_use, fmt::format("--from: {} is a directory, expected a file", path));
  }
  const std::optional<std::string> text = read_file(path);
  if (!text) throw Failure(Exit::not_found, fmt::format("--from: {} cannot be read", path));
  try {
    return read_state(*text);
  } catch (const ValidationError& error) {
    throw Failure(Exit::wrong_use, fmt::format("{}: {}; nothing was changed", path, error.what()));
  }
}

void report(const Instance& instance, const char* outcome, const std::vector<StateChange>& changes,
            bool json) {
  if (json) {
    Object out = outcome_of(instance, outcome);
    out.emplace_back("changes", to_value(changes));
    print_object(std::move(out));
  } else if (changes.empty()) {
    fmt::print("{} is left as it was, version {}\n", name_of(instance), instance.version);
  } else if (outcome == std::string_view(kWritten)) {
    fmt::print("{} has its new state, version {}\n", name_of(instance), instance.version);
  } else {
    fmt::print("{}, version {}, would be changed:\n", name_of(instance), instance.version);
    print_changes(changes);
  }
}

asio::awaitable<void> put_state(SagaStore store, InstancePtr current, Value state,
                                Options options) {
  const std::vector<StateChange> changes = changes_between(shown(current->state), shown(state));
  const char* outcome = changes.empty() ? "unchanged" : "would be written";
  if (!changes.empty() && !options.dry_run) {
    auto replacing = changed(replace_state(store, current, std::move(state)), current);
    current = co_await std::move(replacing);
    outcome = kWritten;
  }
  report(*current, outcome, changes, options.json);
}

// What failed, and where the user's text is.
[[noreturn]] void keep(EditedText& text, const std::exception_ptr& failure) {
  if (!text.is_changed()) std::rethrow_exception(failure);
  const std::string kept =
      fmt::format("; what you wrote is kept: go on with --from {}", text.keep());
  if (is_cancellation(failure)) {
    throw Failure(Exit::interrupted, "interrupted, and perhaps written" + kept);
  }
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    throw Failure(exit_of(error), error.what() + kept);
  }
}

asio::awaitable<void> edit_and_put(SagaStore store, InstancePtr current, Options options) {
  EditedText text("state.json", pretty_json(shown(current->state), "") + '\n');
  std::exception_ptr failure;
  try {
    auto putting = put_state(store, current, edit_state(text), options);
    co_await std::move(putting);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) keep(text, failure);
}

asio::awaitable<Exit> edit(Options options) {
  const SagaStore store = co_await open_sagas(options.store);
  auto finding = find_saga(store, options.name, options.choice);
  const InstancePtr current = co_await std::move(finding);
  if (options.if_version && *options.if_version != current->version) {
    throw Failure(Exit::failed,
                  fmt::format("{} has version {}, not {}: nothing was changed", name_of(*current),
                              current->version, *options.if_version));
  }
  auto putting = options.from.empty() ? edit_and_put(store, current, options)
                                      : put_state(store, current, read_from(options.from), options);
  co_await std::move(putting);
  co_return Exit::done;
}

void add_version(CLI::App& verb, std::optional<std::uint64_t>& version) {
  const auto read = [&version](const std::string& text) {
    const char* const end = text.data() + text.size();
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) {
      throw CLI::ValidationError(fmt::format("--if-version: '{}', expected a whole number", text));
    }
    version = number;
  };
  verb.add_option_function<std::string>("--if-version", read, "Only where it has that version")
      ->type_name("N");
}

}  // namespace
}  // namespace verb_saga_edit

void add_saga_edit(CLI::App& app, Action& action) {
  using namespace verb_saga_edit;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("edit", kDescription);
  add_saga_options(*verb, *options);
  add_saga_choice(*verb, options->choice);
  add_saga_json(*verb, *options);
  verb->add_option("--from", options->from, "Take the state from there, open no editor")
      ->type_name("FILE")
      ->check([](const std::string& path) { return path.empty() ? "empty" : ""; });
  add_version(*verb, options->if_version);
  add_switch(*verb, "--dry-run", options->dry_run, "Only say what would be changed");
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_choice(options->choice);
    if (!options->from.empty() && !options->if_version && !options->dry_run) {
      throw CLI::ValidationError(
          "--from needs --if-version, or --dry-run: which version is to be changed?");
    }
    action = [options] { return run(edit(*options)); };
  });
}

}  // namespace sagabus::tools
