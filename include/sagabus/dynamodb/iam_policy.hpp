// What the roles of programs have to be allowed, as policies for IAM: what the store, and whoever
// looks after its table, asks for, and nothing else.
//
// docs/guide/table-as-code.md says who needs which. `sagabus iam-policy` prints them.
#pragma once

#include <string>
#include <vector>

namespace sagabus::dynamodb {

// All functions are pure: they need neither network nor credentials. Each gives a policy document
// in JSON that ends with a line break. Table ARNs, at least one, are such as
// arn:aws:dynamodb:us-east-1:123456789012:table/sagas; Region, account and name may hold a "*".
// std::invalid_argument names the ARN that is none, and what is wrong with it.

struct RuntimePolicyOptions {
  std::vector<std::string> table_arns = {};
  // Tables that handlers write to or check with ctx.transact: a statement of its own allows the
  // four actions that such writes are made of, dynamodb:ConditionCheckItem among them.
  std::vector<std::string> transact_table_arns = {};
};

// For a program that runs sagas: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem and Query on the
// tables and their indexes. Timers, leases, watermarks and the store's own transactions need
// nothing else, whatever its options are.
std::string runtime_policy(const RuntimePolicyOptions& options);

struct AdminPolicyOptions {
  std::vector<std::string> table_arns = {};
  // Tables of more than one key shard are made: create_table then asks whether there are items
  // already, which takes dynamodb:Scan.
  bool key_shards = false;
};

// For create_table, describe_table, verify_table and delete_table.
std::string admin_policy(const AdminPolicyOptions& options);

// For a program that reads the tables' streams, such as a function of AWS Lambda. The store itself
// reads none.
std::string stream_policy(const std::vector<std::string>& table_arns);

}  // namespace sagabus::dynamodb
