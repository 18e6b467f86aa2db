// The question before what cannot be undone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sagabus::tools {

// Throws Failure with Exit::wrong_use where there is no terminal: "give --yes to" do so.
void require_terminal(std::string_view to_do);

// Asks on the terminal. Returns the line that the user types; nothing at the end of the input, as
// Ctrl-D makes it. Blocks its thread. Throws Failure with Exit::interrupted at Ctrl-C and SIGTERM.
std::optional<std::string> ask_for_line(const std::string& question);

// Asks whether the user is sure: whether he types that name. The same.
bool is_sure(const std::string& question, std::string_view name);

}  // namespace sagabus::tools
