#include "confirm.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "command.hpp"

namespace sagabus::tools {

void require_terminal(std::string_view to_do) {
  if (isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0) return;
  throw Failure(Exit::wrong_use,
                fmt::format("there is no terminal to ask on: give --yes to {}", to_do));
}

bool is_sure(const std::string& question, std::string_view name) {
  fmt::print(stderr, "{}: ", question);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == name;
}

}  // namespace sagabus::tools
