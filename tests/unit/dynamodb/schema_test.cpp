// The table and its policies as texts: what is refused, and the form. That they say the right
// things, tests/schema finds out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

// [schema]
#include <sagabus/dynamodb/iam_policy.hpp>
#include <sagabus/dynamodb/schema.hpp>
#include <string>

std::string table_template() {
  return sagabus::dynamodb::cloudformation_template(
      "sagas", {.point_in_time_recovery = true, .stream = true});
}

std::string worker_policy() {
  sagabus::dynamodb::RuntimePolicyOptions options;
  options.table_arns = {"arn:aws:dynamodb:us-east-1:123456789012:table/sagas"};
  return sagabus::dynamodb::runtime_policy(options);
}
// [schema]

namespace sagabus::dynamodb {
namespace {

using ::testing::HasSubstr;

using Writer = std::string (*)(const std::string&, const TableDescription&);
constexpr Writer kWriters[] = {cloudformation_template, cdk_construct, terraform_configuration,
                               table_requests};

TEST(Schema, WhatNoTableCanBeIsRefused) {
  for (const Writer write : kWriters) {
    EXPECT_TRUE(write("sagas", {}).ends_with("}\n"));
    for (const char* name : {"", "ab", "a b c", "x'); y", "${x}", "t\"able",
                             "arn:aws:dynamodb:us-east-1:123456789012:table/sagas"}) {
      EXPECT_THROW(write(name, {}), std::invalid_argument) << name;
    }
    EXPECT_THROW(write("sagas", {.key_shards = 0}), std::invalid_argument);
    EXPECT_THROW(write("sagas", {.billing = Billing::provisioned, .write_units = 0}),
                 std::invalid_argument);
  }
}

TEST(Schema, ATemplateIsLaidOutForPeople) {
  const std::string text = table_template();
  EXPECT_THAT(
      text, HasSubstr("\n      \"Properties\": {\n"
                      "        \"TableName\": \"sagas\",\n"
                      "        \"AttributeDefinitions\": [\n"
                      "          {\"AttributeName\": \"sagaName\", \"AttributeType\": \"S\"},\n"));
  EXPECT_THAT(text, HasSubstr("{\"StreamViewType\": \"NEW_AND_OLD_IMAGES\"}"));
}

TEST(Schema, APolicyIsTheDocument) {
  EXPECT_EQ(worker_policy(), R"({
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "SagabusRuntime",
      "Effect": "Allow",
      "Action": [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:Query"
      ],
      "Resource": [
        "arn:aws:dynamodb:us-east-1:123456789012:table/sagas",
        "arn:aws:dynamodb:us-east-1:123456789012:table/sagas/index/*"
      ]
    }
  ]
}
)");
  EXPECT_THROW(runtime_policy({}), std::invalid_argument);
  EXPECT_THROW(stream_policy({}), std::invalid_argument);
}

}  // namespace
}  // namespace sagabus::dynamodb
