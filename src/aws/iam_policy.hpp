// Policies of IAM as JSON, and the ARNs in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sagabus::aws {

// Allows actions of one service on resources.
struct PolicyStatement {
  std::string_view sid;
  std::string_view service;               // "dynamodb"
  std::vector<std::string_view> actions;  // "GetItem"
  std::vector<std::string> resources;     // ARNs, or "*"
};

// Statements without resources are left out.
std::string write_policy(const std::vector<PolicyStatement>& statements);

// What an ARN in a policy has to be: that of a resource of this service, such as
// arn:aws:dynamodb:us-east-1:123456789012:table/sagas. Region, account and resource may hold a "*".
struct ArnKind {
  std::string_view what;      // "table ARN", for errors
  std::string_view service;   // "dynamodb"
  std::string_view resource;  // how the resource begins, such as "table/"
  std::string_view example;
  bool global = false;  // has neither region nor account, as buckets
};

// Throws std::invalid_argument with one line that names the ARN, what is wrong with it, and one
// that would do. What follows ArnKind::resource may hold none of the characters `but`.
void check_arn(const ArnKind& kind, std::string_view arn, std::string_view but = {});

// The same for a list, which may not be empty.
void check_arns(const ArnKind& kind, const std::vector<std::string>& arns,
                std::string_view but = {});

// Each with something behind it.
std::vector<std::string> with_suffix(const std::vector<std::string>& arns, std::string_view suffix);

}  // namespace sagabus::aws
