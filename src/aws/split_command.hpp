// The command line of a profile's `credential_process`, as words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sagabus::aws {

// Splits a command line as a POSIX shell splits plain words: at blanks, with '…', "…" (in which \"
// and \\ stand for " and \) and \x outside quotes. Nothing else is special: no variables, globs or
// pipes. Throws AccessDenied, which holds nothing of the command, where a quote is open, there is
// no word, or a byte is zero.
std::vector<std::string> split_command(std::string_view command);

}  // namespace sagabus::aws
