// sagabus schema: the table as code.
#include "sagabus/dynamodb/schema.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "verbs/table_flags.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_schema {
namespace {

constexpr const char* kDescription =
    "Print the DynamoDB table of a store as code, without asking anybody";

struct Form {
  const char* name;
  const char* description;
  const char* use;
  const char* note;
  std::string (*write)(const std::string&, const dynamodb::TableDescription&);
};

constexpr Form kForms[] = {
    {"cloudformation", "Print a template for CloudFormation", " > table.json",
     "It stays where it is taken out of its stack.", dynamodb::cloudformation_template},
    {"cdk", "Print a construct for the CDK, in TypeScript", " > lib/saga-table.ts",
     "It stays where it is taken out of its stack.", dynamodb::cdk_construct},
    {"terraform", "Print a configuration for Terraform", " > table.tf",
     "While it is there, it is not destroyed; taken out, it is.",
     dynamodb::terraform_configuration},
    {"json", "Print the requests that make the table, by operation", " | jq .CreateTable",
     "After the first, wait until the table is ACTIVE.", dynamodb::table_requests}};

struct Options {
  std::string table = "sagas";
  TableFlags flags;
};

std::string footer(const Form& form) {
  return fmt::format(
      "It is the table that `sagabus table create` makes with the same flags. {2}\n"
      "docs/guide/table-as-code.md says more.\n"
      "\n"
      "Examples:\n"
      "  sagabus schema {0}{1}\n"
      "  sagabus schema {0} --table orders --pitr --stream\n"
      "  sagabus schema {0} --lean --billing provisioned:5,10\n",
      form.name, form.use, form.note);
}

void add_form(CLI::App& group, const Form& form, Action& action) {
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = group.add_subcommand(form.name, form.description);
  verb->add_option("--table", options->table, "The table's name")
      ->type_name("TABLE")
      ->capture_default_str();
  add_table_flags(*verb, options->flags);
  verb->footer(footer(form));
  const auto print = [options, write = form.write] {
    fmt::print("{}", write(options->table, read_table_flags(options->flags)));
    return Exit::done;
  };
  verb->callback([print, &action] { action = print; });
}

}  // namespace
}  // namespace verb_schema

void add_schema(CLI::App& app, Action& action) {
  using namespace verb_schema;  // NOLINT(google-build-using-namespace)
  CLI::App* const group = app.add_subcommand("schema", kDescription);
  group->footer(
      "Examples:\n"
      "  sagabus schema cloudformation --table sagas --pitr > table.json\n"
      "  sagabus schema terraform --table sagas > table.tf\n");
  for (const Form& form : kForms) add_form(*group, form, action);
}

}  // namespace sagabus::tools
