// The question before what cannot be undone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "command.hpp"

namespace sagabus::tools {

// Of verbs that change what cannot be changed back.
struct Consent {
  bool yes = false;
  bool dry_run = false;

  bool is_asked_for() const { return !yes && !dry_run; }
};

// Adds --yes and --dry-run. The second function throws Failure where there is neither, and no
// terminal to ask on.
void add_consent(CLI::App& verb, Consent& consent);
void require_consent(const Consent& consent, std::string_view to_do);

// Throws Failure with Exit::wrong_use where there is no terminal: "give --yes to" do so.
void require_terminal(std::string_view to_do);

// Asks on the terminal. Returns the line that the user types; nothing at the end of the input, as
// Ctrl-D makes it. Blocks its thread. Throws Failure with Exit::interrupted at Ctrl-C and SIGTERM.
std::optional<std::string> ask_for_line(const std::string& question);

// Asks whether the user is sure: whether he types that name. The same.
bool is_sure(const std::string& question, std::string_view name);

}  // namespace sagabus::tools
