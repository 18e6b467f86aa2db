// sagabus manual: the command's page for man(1), from the same texts as --help.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_manual {
namespace {

constexpr const char* kDescription = "Print the manual page, for man";

constexpr const char* kFooter =
    "Examples:\n"
    "  sagabus manual > /usr/local/share/man/man1/sagabus.1\n"
    "  sagabus manual | man -l -\n";

// Text for roff: backslashes and hyphens as they are, and no line that looks like a request.
std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool begins = out.empty() || out.back() == '\n';
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

// In one paragraph, whatever lines it has in --help.
std::string flow(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return escape(text);
}

// Lines that are indented stand as they are; the others flow, but for what begins with "Examples:".
void print_footer(std::string_view footer) {
  bool as_is = false;
  bool fresh = true;  // a paragraph begins
  while (!footer.empty()) {
    const std::size_t end = std::min(footer.find('\n'), footer.size());
    const std::string_view line = footer.substr(0, end);
    footer.remove_prefix(std::min(end + 1, footer.size()));
    const bool indented = line.starts_with("  ");
    if (indented != as_is) fmt::print("{}\n", indented ? ".PP\n.RS 4\n.nf" : ".fi\n.RE");
    if (indented != as_is) fresh = !indented;
    as_is = indented;
    if (line.empty()) {
      fresh = true;
    } else if (indented) {
      fmt::print("{}\n", escape(line.substr(2)));
    } else {
      if (fresh) fmt::print(".PP\n");
      fmt::print("{}\n", escape(line));
      fresh = false;
    }
  }
  if (as_is) fmt::print(".fi\n.RE\n");
}

std::string names_of(const CLI::Option& option) {
  if (option.nonpositional()) {
    std::string out;
    for (const std::string& name : option.get_snames()) out += "\\-" + name + ", ";
    for (const std::string& name : option.get_lnames()) out += "\\-\\-" + escape(name) + ", ";
    return out.substr(0, out.size() - 2);
  }
  return {};
}

void print_option(const CLI::Option& option) {
  const std::string names = names_of(option);
  const std::string value = option.get_type_name();
  const bool takes = option.get_expected_max() > 0;
  fmt::print(".TP\n");
  if (names.empty()) {
    fmt::print(".I {}\n", escape(value));
  } else if (takes) {
    fmt::print(".BI \"{} \" \"{}\"\n", names, escape(value));
  } else {
    fmt::print(".B {}\n", names);
  }
  std::string text = flow(option.get_description());
  if (!option.get_default_str().empty())
    text += fmt::format(" ({})", escape(option.get_default_str()));
  if (option.get_required()) text += " (required)";
  if (!option.get_envname().empty())
    text += fmt::format(" (environment: {})", escape(option.get_envname()));
  fmt::print("{}\n", text);
}

void print_verb(const CLI::App& verb, const std::string& words) {
  const auto parts = verb.get_subcommands([](const CLI::App*) { return true; });
  if (parts.empty()) {
    fmt::print(".SS {}\n{}.\n", escape(words), flow(verb.get_description()));
    for (const CLI::Option* option : verb.get_options()) {
      if (option != verb.get_help_ptr()) print_option(*option);
    }
    print_footer(verb.get_footer());
  }
  for (const CLI::App* part : parts) print_verb(*part, words + ' ' + part->get_name());
}

Exit print_page(const CLI::App& app) {
  fmt::print(".TH SAGABUS 1 \"\" \"sagabus {}\" \"User Commands\"\n", SAGABUS_VERSION);
  fmt::print(".nh\n.ad l\n");  // URIs and options are copied: no hyphens in them, no gaps
  fmt::print(".SH NAME\nsagabus \\- looks after durable sagas and their tables\n");
  fmt::print(".SH SYNOPSIS\n.B sagabus\n.I verb\n[\\fIoption\\fR ...]\n");
  fmt::print(".SH DESCRIPTION\n{}\n", flow(app.get_description()));
  print_footer(app.get_footer());
  fmt::print(".SH VERBS\n");
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    print_verb(*verb, "sagabus " + verb->get_name());
  }
  return Exit::done;
}

}  // namespace
}  // namespace verb_manual

void add_manual(CLI::App& app, Action& action) {
  using namespace verb_manual;  // NOLINT(google-build-using-namespace)
  CLI::App* const verb = app.add_subcommand("manual", kDescription);
  verb->footer(kFooter);
  verb->callback([&app, &action] { action = [&app] { return print_page(app); }; });
}

}  // namespace sagabus::tools
