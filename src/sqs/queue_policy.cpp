#include "sqs/queue_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>

namespace sagabus::sqs {
namespace {

namespace json = boost::json;

constexpr std::string_view kOurs = "SagabusTopics";
constexpr std::string_view kService = "sns.amazonaws.com";
constexpr std::string_view kSourceArn = "aws:SourceArn";

bool equal_in_any_case(std::string_view a, std::string_view b) {
  const auto same = [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

// "*" stands for any text, "?" for any character.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in_text = 0;
  std::size_t star = std::string_view::npos;  // the last one, and where its text ends so far
  std::size_t star_end = 0;
  while (in_text < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_end = in_text;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in_text])) {
      ++at;
      ++in_text;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_text = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

const json::value* member(const json::value& value, std::string_view name) {
  const json::object* object = value.if_object();
  return object ? object->if_contains({name.data(), name.size()}) : nullptr;
}

// A text, or those of a list: policies have either anywhere.
std::vector<std::string> texts(const json::value* value) {
  std::vector<std::string> out;
  const auto add = [&out](const json::value& one) {
    if (one.is_string()) out.emplace_back(std::string_view(one.get_string()));
  };
  if (!value) return out;
  if (const json::array* list = value->if_array()) {
    std::for_each(list->begin(), list->end(), add);
  } else {
    add(*value);
  }
  return out;
}

template <class Predicate>
bool any(const std::vector<std::string>& list, Predicate predicate) {
  return std::any_of(list.begin(), list.end(), predicate);
}

bool is_for_topics(const json::value& statement) {
  const auto allowed = [](const std::string& action) {
    return equal_in_any_case(action, "sqs:SendMessage") || equal_in_any_case(action, "sqs:*") ||
           action == "*";
  };
  const json::value* const principal = member(statement, "Principal");
  if (!principal) return false;
  const auto everybody = [](const std::string& who) { return who == "*"; };
  const auto us = [](const std::string& who) { return who == kService; };
  const bool fits = any(texts(principal), everybody) ||
                    any(texts(member(*principal, "AWS")), everybody) ||
                    any(texts(member(*principal, "Service")), us);
  const auto effect = texts(member(statement, "Effect"));
  return fits && effect == std::vector<std::string>{"Allow"} &&
         any(texts(member(statement, "Action")), allowed);
}

// The patterns of the condition that says where a message may come from; nothing where there is no
// condition at all.
std::optional<std::vector<std::string>> sources(const json::value& statement) {
  const json::value* const condition = member(statement, "Condition");
  if (!condition || !condition->is_object()) return std::nullopt;
  std::vector<std::string> out;
  for (const json::key_value_pair& test : condition->get_object()) {
    if (!test.value().is_object()) continue;
    for (const json::key_value_pair& key : test.value().get_object()) {
      if (!equal_in_any_case(std::string_view(key.key()), kSourceArn)) continue;
      for (std::string& arn : texts(&key.value())) out.push_back(std::move(arn));
    }
  }
  return out;
}

bool lets_in(const json::value& statement, const std::string& topic) {
  if (!is_for_topics(statement)) return false;
  const auto from = sources(statement);
  const auto fits = [&topic](const std::string& pattern) { return matches(pattern, topic); };
  return !from || any(*from, fits);
}

json::value parse(std::string_view policy) {
  json::error_code bad;
  json::value read = json::parse({policy.data(), policy.size()}, bad);
  return bad ? json::value() : read;
}

// A policy may have one statement, or a list.
json::array statements_of(const json::value& policy) {
  const json::value* const found = member(policy, "Statement");
  if (!found) return {};
  if (const json::array* list = found->if_array()) return *list;
  return {*found};
}

bool is_ours(const json::value& statement) {
  return texts(member(statement, "Sid")) == std::vector<std::string>{std::string(kOurs)};
}

json::value statement_for(std::string_view queue_arn, const std::vector<std::string>& topics) {
  json::array arns;
  for (const std::string& topic : topics) arns.emplace_back(topic);
  return {{"Sid", json::string_view(kOurs.data(), kOurs.size())},
          {"Effect", "Allow"},
          {"Principal", {{"Service", json::string_view(kService.data(), kService.size())}}},
          {"Action", "sqs:SendMessage"},
          {"Resource", json::string_view(queue_arn.data(), queue_arn.size())},
          {"Condition",
           {{"ArnEquals",
             {{json::string_view(kSourceArn.data(), kSourceArn.size()), std::move(arns)}}}}}};
}

}  // namespace

std::string policy_of(const std::map<std::string, std::string>& attributes) {
  const auto found = attributes.find(kPolicy);
  return found == attributes.end() ? std::string() : found->second;
}

std::vector<std::string> not_let_in(std::string_view policy,
                                    const std::vector<std::string>& topics) {
  const json::array statements = statements_of(parse(policy));
  std::vector<std::string> out;
  for (const std::string& topic : topics) {
    const auto fits = [&topic](const json::value& statement) { return lets_in(statement, topic); };
    if (std::none_of(statements.begin(), statements.end(), fits)) out.push_back(topic);
  }
  return out;
}

std::string does_not_let_in(std::string_view topic) {
  return fmt::format("its policy does not let the topic {} send to it", topic);
}

std::vector<std::string> let_in_by_us(std::string_view policy) {
  for (const json::value& statement : statements_of(parse(policy))) {
    if (is_ours(statement)) return sources(statement).value_or(std::vector<std::string>());
  }
  return {};
}

std::vector<std::string> let_in_by_name(std::string_view policy) {
  std::vector<std::string> out;
  for (const json::value& statement : statements_of(parse(policy))) {
    if (!is_for_topics(statement)) continue;
    for (std::string& arn : sources(statement).value_or(std::vector<std::string>())) {
      const bool is_topic = arn.find(":sns:") != std::string::npos;
      if (is_topic && arn.find_first_of("*?") == std::string::npos) out.push_back(std::move(arn));
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::optional<std::string> letting_in(std::string_view policy, std::string_view queue_arn,
                                      const std::vector<std::string>& topics) {
  json::value whole = policy.empty() ? json::object{{"Version", "2012-10-17"}} : parse(policy);
  if (!whole.is_object()) return std::nullopt;
  std::vector<std::string> ours = let_in_by_us(policy);
  ours.insert(ours.end(), topics.begin(), topics.end());
  std::sort(ours.begin(), ours.end());
  ours.erase(std::unique(ours.begin(), ours.end()), ours.end());
  json::array statements = statements_of(whole);
  statements.erase(std::remove_if(statements.begin(), statements.end(), is_ours), statements.end());
  statements.push_back(statement_for(queue_arn, ours));
  whole.get_object()["Statement"] = std::move(statements);
  return json::serialize(whole);
}

}  // namespace sagabus::sqs
