#include "doctor/finding.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "sagabus/json.hpp"
#include "sagabus/value.hpp"
#include "terminal.hpp"

namespace sagabus::tools {
namespace {

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::warning:
      return "warning";
    case Severity::error:
      break;
  }
  return "error";
}

std::string_view colour_of(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "\x1b[32m";
    case Severity::warning:
      return "\x1b[33m";
    case Severity::error:
      break;
  }
  return "\x1b[31m";
}

// See no-color.org.
bool wants_colours() {
  const char* const none = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && (!none || *none == '\0') &&
         !(terminal && std::string_view(terminal) == "dumb");
}

Value finding_value(const Finding& finding, std::string_view part) {
  Object out;
  out.emplace_back("severity", Value(std::string(name_of(finding.severity))));
  out.emplace_back("part", Value(std::string(part)));
  out.emplace_back("check", Value(finding.check));
  out.emplace_back("found", Value(finding.found));
  out.emplace_back("advice", finding.advice.empty() ? Value() : Value(finding.advice));
  return Value(std::move(out));
}

}  // namespace

Report::Report(bool json) : json_(json), colours_(!json && wants_colours()) {}

void Report::add(const Finding& finding) {
  if (finding.severity == Severity::error) ++errors_;
  if (json_) {
    fmt::print("{}\n", escape_controls(to_json(finding_value(finding, part_))));
  } else {
    print_for_people(finding);
  }
  std::fflush(stdout);  // some checks take their time
}

void Report::add_missing(const Finding& finding) {
  missing_ = true;
  add(finding);
}

void Report::print_for_people(const Finding& finding) const {
  const std::string word = fmt::format("{:<7}", name_of(finding.severity));
  fmt::print("{}{}{}  {:<9}  {:<11}  {}\n", colours_ ? colour_of(finding.severity) : "", word,
             colours_ ? "\x1b[0m" : "", part_, finding.check, escape_controls(finding.found));
  if (!finding.advice.empty()) fmt::print("{:>33}{}\n", "-> ", escape_controls(finding.advice));
}

}  // namespace sagabus::tools
