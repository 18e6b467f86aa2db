// The policy of a queue, as far as it says which topics may send to it: pure functions. A statement
// of ours stands beside those of others, which stay as they are.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sagabus::sqs {

inline constexpr const char* kPolicy = "Policy";  // the attribute's name

// Empty where the queue has none.
std::string policy_of(const std::map<std::string, std::string>& attributes);

// Those of the topics that no statement lets send. Statements that forbid are not looked at.
std::vector<std::string> not_let_in(std::string_view policy,
                                    const std::vector<std::string>& topics);

// What is said of one of them.
std::string does_not_let_in(std::string_view topic);

// The topics that statements of anybody let send, as far as they are named one by one.
std::vector<std::string> let_in_by_name(std::string_view policy);

// The policy with those topics in our statement too. Nothing where it is none that can be read.
std::optional<std::string> letting_in(std::string_view policy, std::string_view queue_arn,
                                      const std::vector<std::string>& topics);

// The topics in our statement.
std::vector<std::string> let_in_by_us(std::string_view policy);

}  // namespace sagabus::sqs
