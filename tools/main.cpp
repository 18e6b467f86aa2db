// The `sagabus` command: what is common to all verbs. See verbs/verbs.hpp for the verbs.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "aws_flags.hpp"
#include "command.hpp"
#include "error_advice.hpp"
#include "terminal.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace {

constexpr const char* kFooter =
    "Exit codes:\n"
    "  0 done, 1 failed, 2 wrong use, 3 not found, 4 differs, 130 interrupted\n"
    "\n"
    "Examples:\n"
    "  sagabus bench --store memory:\n"
    "  sagabus table create --store 'dynamodb://sagas?region=us-east-1'\n"
    "  sagabus table verify --help\n"
    "  sagabus schema cloudformation --table sagas --pitr\n"
    "  sagabus iam-policy runtime --table-arn arn:aws:dynamodb:us-east-1:123456789012:table/sagas\n"
    "  sagabus saga stuck OrderSaga --idle 30m --store sqlite:///var/lib/orders.db\n"
    "  sagabus outbox list --store sqlite:///var/lib/orders.db --saga OrderSaga\n"
    "  sagabus timer list --store sqlite:///var/lib/orders.db --until 24h\n"
    "  sagabus dlq list --transport 'sqs://shop?region=us-east-1' OrderSaga\n"
    "  sagabus cost --sagas 50/s --region us-east-1\n"
    "  sagabus doctor --store 'dynamodb://sagas?region=us-east-1'\n"
    "\n"
    "Environment:\n"
    "  SAGABUS_STORE, SAGABUS_TRANSPORT             where --store or --transport is not given\n"
    "  AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB,\n"
    "  AWS_ENDPOINT_URL_SQS                         where the URI names none\n"
    "  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN\n";

Exit complain(Exit exit, const std::string& problem) {
  fmt::print(stderr, "sagabus: {}\n", escape_controls(problem));
  return exit;
}

// The words that could have come next where the command line ends too early.
Exit complain_no_verb(const CLI::App& app) {
  const CLI::App* last = &app;
  std::string words = "sagabus";
  while (!last->get_subcommands().empty()) {
    last = last->get_subcommands().front();
    words += ' ' + last->get_name();
  }
  std::string verbs;
  for (const CLI::App* verb : last->get_subcommands([](const CLI::App*) { return true; })) {
    verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
  }
  return complain(Exit::wrong_use,
                  fmt::format("a verb is missing, one of: {}; see {} --help", verbs, words));
}

Exit main(int argc, const char* const* argv) {
  CLI::App app(
      "Durable sagas: tables, policies, instances, timers, messages, costs. Each verb has its own "
      "--help.",
      "sagabus");
  app.get_formatter()->column_width(30);
  app.set_version_flag("--version", "sagabus " SAGABUS_VERSION, "Print the version");
  app.footer(kFooter);
  Action action;
  for (const AddVerb add : kVerbs) add(app, action);
  add_aws_flags(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wish) {  // help or version
    app.exit(wish);
    return Exit::done;
  } catch (const CLI::ParseError& error) {
    return complain(Exit::wrong_use, error.what());
  }
  if (!action) return complain_no_verb(app);
  try {
    const Exit exit = action();
    return exit == Exit::interrupted ? complain(exit, "interrupted") : exit;
  } catch (const std::exception& error) {
    const std::string advice = advice_on(error);
    return complain(exit_of(error),
                    fmt::format("{}{}{}", error.what(), advice.empty() ? "" : "; ", advice));
  }
}

}  // namespace
}  // namespace sagabus::tools

int main(int argc, char** argv) {
  using sagabus::tools::Exit;
  Exit exit = Exit::failed;
  try {
    exit = sagabus::tools::main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "sagabus: {}\n", sagabus::tools::escape_controls(error.what()));
  }
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) {
    fmt::print(stderr, "sagabus: standard output cannot be written\n");
    if (exit == Exit::done) exit = Exit::failed;
  }
  return static_cast<int>(exit);
}
