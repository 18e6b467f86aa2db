#include "aws/iam_policy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace sagabus::aws {
namespace {

[[noreturn]] void refuse(const ArnKind& kind, std::string_view arn, std::string_view problem) {
  throw std::invalid_argument(
      fmt::format("{}: '{}': {}, expected one such as {}", kind.what, arn, problem, kind.example));
}

template <class Allowed>
bool consists_of(std::string_view text, Allowed allowed) {
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "aws", "aws-cn", "aws-us-gov".
bool is_partition(std::string_view text) {
  return text.starts_with("aws") &&
         consists_of(text, [](char c) { return is_lower(c) || c == '-'; });
}

// "us-east-1", "us-*", "*".
bool is_region(std::string_view text) {
  if (!consists_of(text,
                   [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '*'; })) {
    return false;
  }
  if (text.find('*') != std::string_view::npos) return true;
  return std::count(text.begin(), text.end(), '-') >= 2 && is_lower(text.front()) &&
         is_digit(text.back());
}

bool is_account(std::string_view text) {
  return text == "*" || (text.size() == 12 && consists_of(text, is_digit));
}

// None of these names has anything else in it.
bool is_resource(std::string_view text) {
  return consists_of(text, [](char c) {
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') ||
           std::string_view("_-./*!'()").find(c) != std::string_view::npos;
  });
}

// The six parts: "arn", partition, service, region, account, resource.
std::array<std::string_view, 6> split(const ArnKind& kind, std::string_view arn) {
  std::array<std::string_view, 6> parts;
  std::string_view rest = arn;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) refuse(kind, arn, "it is no ARN");
    parts.at(i) = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  parts.back() = rest;
  if (parts[0] != "arn" || !is_partition(parts[1])) refuse(kind, arn, "it is no ARN");
  return parts;
}

// Nothing in it needs an escape: actions are our own, and ARNs are checked.
std::string text_or_list(const std::vector<std::string>& texts) {
  if (texts.size() == 1) return fmt::format("\"{}\"", texts.front());
  return fmt::format("[\n        \"{}\"\n      ]", fmt::join(texts, "\",\n        \""));
}

std::string write_statement(const PolicyStatement& statement) {
  std::vector<std::string> actions;
  for (const std::string_view action : statement.actions) {
    actions.push_back(fmt::format("{}:{}", statement.service, action));
  }
  return fmt::format(R"(    {{
      "Sid": "{}",
      "Effect": "Allow",
      "Action": {},
      "Resource": {}
    }})",
                     statement.sid, text_or_list(actions), text_or_list(statement.resources));
}

}  // namespace

void check_arn(const ArnKind& kind, std::string_view arn, std::string_view but) {
  const auto [scheme, partition, service, region, account, resource] = split(kind, arn);
  if (service != kind.service) {
    refuse(kind, arn, fmt::format("its service is '{}'", service));
  }
  if (kind.global && (!region.empty() || !account.empty())) {
    refuse(kind, arn, "it has a Region or an account");
  }
  if (!kind.global && !is_region(region)) {
    refuse(kind, arn, fmt::format("'{}' is no Region", region));
  }
  if (!kind.global && !is_account(account)) {
    refuse(kind, arn, fmt::format("'{}' is no account of 12 digits", account));
  }
  const bool fits = resource.starts_with(kind.resource);
  const std::string_view name = fits ? resource.substr(kind.resource.size()) : std::string_view();
  if (!is_resource(name) || name.find_first_of(but) != std::string_view::npos) {
    refuse(kind, arn, fmt::format("'{}' is no such resource", resource));
  }
}

void check_arns(const ArnKind& kind, const std::vector<std::string>& arns, std::string_view but) {
  if (arns.empty()) {
    throw std::invalid_argument(
        fmt::format("{}: none, expected one such as {}", kind.what, kind.example));
  }
  for (const std::string& arn : arns) check_arn(kind, arn, but);
}

std::vector<std::string> with_suffix(const std::vector<std::string>& arns,
                                     std::string_view suffix) {
  std::vector<std::string> out;
  for (const std::string& arn : arns) out.push_back(arn + std::string(suffix));
  return out;
}

std::string write_policy(const std::vector<PolicyStatement>& statements) {
  std::vector<std::string> texts;
  for (const PolicyStatement& statement : statements) {
    if (!statement.resources.empty()) texts.push_back(write_statement(statement));
  }
  return fmt::format(R"({{
  "Version": "2012-10-17",
  "Statement": [
{}
  ]
}}
)",
                     fmt::join(texts, ",\n"));
}

}  // namespace sagabus::aws
