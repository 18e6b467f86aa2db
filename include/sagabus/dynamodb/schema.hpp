// The table as code: for those whose tables are made by CloudFormation, the CDK or Terraform, or by
// requests of their own. Every text is made from the description that create_table goes by, so a
// table made from it is one that verify_table finds nothing wrong with.
//
// docs/guide/table-as-code.md shows them. `sagabus schema` prints them.
#pragma once

#include <string>

#include "sagabus/dynamodb/table.hpp"

namespace sagabus::dynamodb {

// All functions are pure: they need neither network nor credentials. They throw
// std::invalid_argument, naming what is wrong and what is allowed, for a name that no table can
// have (an ARN is none), units of 0 where provisioned, and key shards out of range. Their texts end
// with a line break.
//
// A table of more than one key shard needs a record in it, which only the last of these has in it:
// with the others, create_table of the same description writes the record of the table that is
// there. It has to be there before any program starts.
//
// Template and construct keep the table where it is taken out of the stack or would be replaced,
// but not where the operation that makes it fails: the next try would find its name taken. The
// configuration for Terraform refuses to destroy or replace it while it is there; Terraform
// destroys a table whose resource is taken out of the configuration, unless its deletion protection
// is on.

// A template in JSON with one resource, SagaTable. Outputs: TableName, TableArn; StreamArn where
// there is a stream; KeyShards where there is more than one.
std::string cloudformation_template(const std::string& table_name,
                                    const TableDescription& description = {});

// A module in TypeScript for version 2 of the CDK (of late 2023 or later, of 2025 where there is
// point-in-time recovery; tests compile it with 2.220) that exports one construct, SagaTable. Its
// member `table` grants and is referred to; its outputs are those of the template.
std::string cdk_construct(const std::string& table_name, const TableDescription& description = {});

// A configuration for Terraform with the provider hashicorp/aws, 4.0 or later: one resource,
// aws_dynamodb_table.sagas. Outputs: table_name, table_arn; stream_arn; key_shards.
std::string terraform_configuration(const std::string& table_name,
                                    const TableDescription& description = {});

// The requests of create_table where there is no table yet: one JSON object with a member for each
// operation, in order, whose value is the body of that request; after the first, wait until the
// table is ACTIVE. Each fits `--cli-input-json` of the AWS CLI.
std::string table_requests(const std::string& table_name, const TableDescription& description = {});

}  // namespace sagabus::dynamodb
