#include "aws_flags.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "uri.hpp"

namespace sagabus::tools {
namespace {

struct Flag {
  std::string parameter;
  const char* description;
  const char* type;
};

const std::array<Flag, 3> kFlags{
    {{"profile", "Of ~/.aws, whose credentials sign", "NAME"},
     {"region", "Of AWS, as region= in the URI", "REGION"},
     {"endpoint", "In place of AWS's own, as endpoint=\nin the URI", "URL"}}};

// Schemes are written in capitals too.
bool is_on_aws(std::string_view uri) {
  const std::string scheme = CLI::detail::to_lower(std::string(uri.substr(0, uri.find(':'))));
  return scheme == "dynamodb" || scheme == "sqs";
}

// What is wrong with it, the verb's own parser says.
void add_parameter(std::string& uri, const std::string& name, const std::string& value) {
  const std::size_t question = uri.find('?');
  const std::string query = question == std::string::npos ? "" : uri.substr(question + 1);
  if (('&' + query).find('&' + name + '=') != std::string::npos) {
    throw CLI::ValidationError(
        fmt::format("--{0}: the URI has {1} {0} already, give one of the two", name,
                    name == "endpoint" ? "an" : "a"));
  }
  append_parameter(uri, name, value);
}

struct Flags {
  std::array<std::string, kFlags.size()> values;
  std::vector<CLI::Option*> uris;
};

void apply(const Flags& flags) {
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if (flags.values[i].empty()) continue;
    bool taken = false;
    for (CLI::Option* option : flags.uris) {
      if (option->count() != 1 || !is_on_aws(option->results().front())) continue;
      std::string uri = option->results().front();
      add_parameter(uri, kFlags[i].parameter, flags.values[i]);
      option->clear();
      option->add_result(std::move(uri));
      option->run_callback();
      taken = true;
    }
    if (taken) continue;
    throw CLI::ValidationError(fmt::format(
        "--{}: neither the store nor the transport is one of AWS", kFlags[i].parameter));
  }
}

void add_to_verb(CLI::App& verb) {
  const auto flags = std::make_shared<Flags>();
  for (const char* name : {"--store", "--transport"}) {
    if (CLI::Option* option = verb.get_option_no_throw(name)) flags->uris.push_back(option);
  }
  if (flags->uris.empty()) return;
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    const Flag& flag = kFlags[i];
    verb.add_option("--" + flag.parameter, flags->values[i], flag.description)
        ->type_name(flag.type)
        ->check([](const std::string& text) { return text.empty() ? "empty" : ""; });
  }
  verb.parse_complete_callback([flags] { apply(*flags); });
}

}  // namespace

void add_aws_flags(CLI::App& app) {
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    add_to_verb(*verb);
    add_aws_flags(*verb);
  }
}

}  // namespace sagabus::tools
