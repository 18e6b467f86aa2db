#include "sagabus/dynamodb/iam_policy.hpp"

#include "aws/iam_policy.hpp"

namespace sagabus::dynamodb {
namespace {

constexpr aws::ArnKind kTableArn{"table ARN", "dynamodb", "table/",
                                 "arn:aws:dynamodb:us-east-1:123456789012:table/sagas"};

// Its indexes and streams are resources of their own, which the policies name themselves.
void check_tables(const std::vector<std::string>& arns) {
  aws::check_arns(kTableArn, arns, "/!'()");
}

std::vector<std::string> with_indexes(const std::vector<std::string>& tables) {
  std::vector<std::string> out;
  for (const std::string& table : tables) {
    out.push_back(table);
    out.push_back(table + "/index/*");
  }
  return out;
}

}  // namespace

std::string runtime_policy(const RuntimePolicyOptions& options) {
  check_tables(options.table_arns);
  if (!options.transact_table_arns.empty()) check_tables(options.transact_table_arns);
  return aws::write_policy({{"SagabusRuntime",
                             "dynamodb",
                             {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"},
                             with_indexes(options.table_arns)},
                            {"SagabusTransact",
                             "dynamodb",
                             {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"},
                             options.transact_table_arns}});
}

std::string admin_policy(const AdminPolicyOptions& options) {
  check_tables(options.table_arns);
  std::vector<aws::PolicyStatement> statements{
      {"SagabusTable",
       "dynamodb",
       {"CreateTable", "DescribeTable", "UpdateTable", "DeleteTable", "DescribeTimeToLive",
        "UpdateTimeToLive", "DescribeContinuousBackups", "UpdateContinuousBackups"},
       options.table_arns},
      {"SagabusTableRecord", "dynamodb", {"GetItem", "PutItem"}, options.table_arns}};
  if (options.key_shards) statements.back().actions.push_back("Scan");
  return aws::write_policy(statements);
}

std::string stream_policy(const std::vector<std::string>& table_arns) {
  check_tables(table_arns);
  return aws::write_policy({{"SagabusStream",
                             "dynamodb",
                             {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"},
                             aws::with_suffix(table_arns, "/stream/*")}});
}

}  // namespace sagabus::dynamodb
