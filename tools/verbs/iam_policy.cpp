// sagabus iam-policy: what the roles of programs have to be allowed.
#include "sagabus/dynamodb/iam_policy.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "sagabus/sqs/iam_policy.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_iam_policy {
namespace {

using Arns = std::vector<std::string>;

constexpr const char* kDescription =
    "Print a policy for IAM that allows what is needed, and nothing else";

// Valid as it stands, and for the table that `sagabus schema` prints.
constexpr const char* kAnyTable = "arn:aws:dynamodb:*:*:table/sagas";

constexpr const char* kRuntimeFooter =
    "Five actions, whatever the options of the store are: timers, leases and the store's own\n"
    "transactions are made of them. Only ctx.transact needs more, on the tables that handlers "
    "write\n"
    "to or check. What queues, topics and large messages need, `sagabus iam-policy sqs` says.\n"
    "\n"
    "Examples:\n"
    "  sagabus iam-policy runtime --table-arn arn:aws:dynamodb:us-east-1:123456789012:table/sagas\n"
    "  sagabus iam-policy runtime --transact-table-arn "
    "arn:aws:dynamodb:us-east-1:123456789012:table/stock\n";

constexpr const char* kAdminFooter =
    "For `sagabus table`. It reads and writes the table's record, and no instance. --shards of "
    "more\n"
    "than 1 adds dynamodb:Scan: such a table is made only where it holds nothing yet.\n"
    "\n"
    "Examples:\n"
    "  sagabus iam-policy admin --table-arn arn:aws:dynamodb:us-east-1:123456789012:table/sagas\n"
    "  sagabus iam-policy admin --shards 8\n";

constexpr const char* kStreamFooter =
    "For who reads the table's stream, such as a function of AWS Lambda. A store reads none.\n"
    "\n"
    "Examples:\n"
    "  sagabus iam-policy stream --table-arn arn:aws:dynamodb:us-east-1:123456789012:table/sagas\n";

constexpr const char* kSqsFooter =
    "The ARNs end with the queue prefix of the transport, and mean all that is called so, and "
    "\"-\"\n"
    "and more: queues, dead letters, topics. One that ends with * is taken as it is.\n"
    "\n"
    "Examples:\n"
    "  sagabus iam-policy sqs --queue-arn arn:aws:sqs:eu-central-1:123456789012:shop\n"
    "  sagabus iam-policy sqs --queue-arn arn:aws:sqs:eu-central-1:123456789012:shop "
    "--create-queues "
    "\\\n"
    "    --topic-arn arn:aws:sns:eu-central-1:123456789012:shop\n"
    "  sagabus iam-policy sqs --queue-arn arn:aws:sqs:eu-central-1:123456789012:shop \\\n"
    "    --claims-arn arn:aws:s3:::shop-messages/claims\n";

// May stand several times, and take several.
CLI::Option* add_arns(CLI::App& verb, const std::string& name, Arns& arns,
                      const std::string& description) {
  return verb.add_option(name, arns, description)->type_name("ARN");
}

void add_tables(CLI::App& verb, Arns& arns) {
  arns = {kAnyTable};
  add_arns(verb, "--table-arn", arns, "Tables")->default_str(kAnyTable);
}

CLI::App& add_policy(CLI::App& group, const char* name, const char* description,
                     const char* footer) {
  CLI::App* const verb = group.add_subcommand(name, description);
  verb->footer(footer);
  return *verb;
}

// `write` gives the text.
template <class Write>
void set_action(CLI::App& verb, Action& action, Write write) {
  verb.callback([write, &action] {
    action = [write] {
      fmt::print("{}", write());
      return Exit::done;
    };
  });
}

void add_runtime(CLI::App& group, Action& action) {
  const auto options = std::make_shared<dynamodb::RuntimePolicyOptions>();
  CLI::App& verb = add_policy(group, "runtime", "For a program that runs sagas", kRuntimeFooter);
  add_tables(verb, options->table_arns);
  add_arns(verb, "--transact-table-arn", options->transact_table_arns,
           "Other tables that handlers write to or check with\nctx.transact");
  set_action(verb, action, [options] { return dynamodb::runtime_policy(*options); });
}

void add_admin(CLI::App& group, Action& action) {
  struct Options {
    Arns tables;
    unsigned shards = 1;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& verb =
      add_policy(group, "admin", "For who makes, checks and deletes the table", kAdminFooter);
  add_tables(verb, options->tables);
  add_count_option(verb, "--shards", options->shards, "Key shards of the table", 1, 1000);
  set_action(verb, action, [options] {
    return dynamodb::admin_policy(
        {.table_arns = options->tables, .key_shards = options->shards > 1});
  });
}

void add_stream(CLI::App& group, Action& action) {
  const auto tables = std::make_shared<Arns>();
  CLI::App& verb = add_policy(group, "stream", "For who reads the table's stream", kStreamFooter);
  add_tables(verb, *tables);
  set_action(verb, action, [tables] { return dynamodb::stream_policy(*tables); });
}

void add_sqs(CLI::App& group, Action& action) {
  const auto options = std::make_shared<sqs::PolicyOptions>();
  CLI::App& verb =
      add_policy(group, "sqs", "For a program with queues, topics and claims", kSqsFooter);
  add_arns(verb, "--queue-arn", options->queue_arns, "Queues, by their prefix")->required();
  add_switch(verb, "--create-queues", options->create_queues,
             "It makes its queues, and its topics where it has some");
  add_arns(verb, "--topic-arn", options->topic_arns, "Topics of SNS, by their prefix");
  add_arns(verb, "--claims-arn", options->claims_arns, "Large messages: bucket and prefix in S3");
  set_action(verb, action, [options] { return sqs::transport_policy(*options); });
}

}  // namespace
}  // namespace verb_iam_policy

void add_iam_policy(CLI::App& app, Action& action) {
  using namespace verb_iam_policy;  // NOLINT(google-build-using-namespace)
  CLI::App* const group = app.add_subcommand("iam-policy", kDescription);
  group->footer(
      "Examples:\n"
      "  sagabus iam-policy runtime --table-arn "
      "arn:aws:dynamodb:us-east-1:123456789012:table/sagas\n"
      "  sagabus iam-policy sqs --queue-arn arn:aws:sqs:eu-central-1:123456789012:shop\n");
  add_runtime(*group, action);
  add_admin(*group, action);
  add_stream(*group, action);
  add_sqs(*group, action);
}

}  // namespace sagabus::tools
