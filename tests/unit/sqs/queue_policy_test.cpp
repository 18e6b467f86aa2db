#include "sqs/queue_policy.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

namespace sagabus::sqs {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kQueueArn = "arn:aws:sqs:eu-west-1:1:shop-A.fifo";
constexpr const char* kT = "arn:aws:sns:eu-west-1:1:shop-T.fifo";
constexpr const char* kU = "arn:aws:sns:eu-west-1:1:shop-U.fifo";

// With one statement, made of a good one by a change.
std::string policy_with(const std::string& changed, const std::string& to) {
  std::string statement =
      R"({"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage",)"
      R"("Resource":"*","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:1:)"
      R"(shop-T.fifo"}}})";
  if (!changed.empty()) statement.replace(statement.find(changed), changed.size(), to);
  return R"({"Version":"2012-10-17","Statement":[)" + statement + "]}";
}

bool lets_t_in(const std::string& changed, const std::string& to) {
  return not_let_in(policy_with(changed, to), {kT}).empty();
}

TEST(SqsQueuePolicy, OursLetsItsTopicsInAndSaysWhich) {
  EXPECT_THAT(not_let_in("", {kT, kU}), ElementsAre(kT, kU));
  const std::string policy = letting_in("", kQueueArn, {kU, kT}).value();
  EXPECT_THAT(not_let_in(policy, {kT, kU}), IsEmpty());
  EXPECT_THAT(not_let_in(policy, {"arn:aws:sns:eu-west-1:1:shop-V.fifo"}),
              ElementsAre("arn:aws:sns:eu-west-1:1:shop-V.fifo"));
  EXPECT_THAT(let_in_by_us(policy), ElementsAre(kT, kU));
  EXPECT_EQ(json::parse(policy), json::parse(R"({
      "Version":"2012-10-17","Statement":[{
        "Sid":"SagabusTopics","Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},
        "Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-west-1:1:shop-A.fifo",
        "Condition":{"ArnEquals":{"aws:SourceArn":[
          "arn:aws:sns:eu-west-1:1:shop-T.fifo","arn:aws:sns:eu-west-1:1:shop-U.fifo"]}}}]})"));
}

TEST(SqsQueuePolicy, TopicsThatAnybodyLetsInAreKnownByTheirNames) {
  EXPECT_THAT(let_in_by_name(letting_in("", kQueueArn, {kU, kT}).value()), ElementsAre(kT, kU));
  EXPECT_THAT(let_in_by_name(letting_in(policy_with("", ""), kQueueArn, {kU}).value()),
              ElementsAre(kT, kU));
  EXPECT_THAT(let_in_by_name(policy_with("shop-T", "shop-*")), IsEmpty());
  EXPECT_THAT(let_in_by_name(policy_with(":sns:", ":s3:")), IsEmpty());
  EXPECT_THAT(let_in_by_name(policy_with("Allow", "Deny")), IsEmpty());
  EXPECT_THAT(let_in_by_name(""), IsEmpty());
}

TEST(SqsQueuePolicy, WhatOthersSayStays) {
  const std::string theirs =
      R"({"Version":"2008-10-17","Id":"x","Statement":{"Sid":"Theirs","Effect":"Deny","Action":"*"}})";
  const std::string once = letting_in(theirs, kQueueArn, {kT}).value();
  const std::string twice = letting_in(once, kQueueArn, {kU}).value();
  EXPECT_THAT(let_in_by_us(twice), ElementsAre(kT, kU));
  const json::value read = json::parse(twice);
  EXPECT_EQ(read.at("Version"), "2008-10-17");
  EXPECT_EQ(read.at("Id"), "x");
  ASSERT_EQ(read.at("Statement").as_array().size(), 2U);
  EXPECT_EQ(read.at("Statement").at(0), json::parse(theirs).at("Statement"));
}

TEST(SqsQueuePolicy, TheStatementsOfOthersCountWhereTheyLetATopicIn) {
  EXPECT_TRUE(lets_t_in("", ""));
  EXPECT_TRUE(lets_t_in(R"("sqs:SendMessage")", R"(["sqs:GetQueueUrl","SQS:*"])"));
  EXPECT_TRUE(lets_t_in(R"({"Service":"sns.amazonaws.com"})", R"("*")"));
  EXPECT_TRUE(lets_t_in(R"({"Service":"sns.amazonaws.com"})", R"({"AWS":["*"]})"));
  EXPECT_TRUE(lets_t_in("ArnEquals", "ArnLike"));
  EXPECT_TRUE(lets_t_in("1:shop-T", "*:sh?p-*"));
  EXPECT_TRUE(lets_t_in("aws:SourceArn", "AWS:SourceARN"));
}

TEST(SqsQueuePolicy, AndNotWhereTheyDoNot) {
  EXPECT_FALSE(lets_t_in("Allow", "Deny"));
  EXPECT_FALSE(lets_t_in("sqs:SendMessage", "sqs:ReceiveMessage"));
  EXPECT_FALSE(lets_t_in("sns.amazonaws.com", "s3.amazonaws.com"));
  EXPECT_FALSE(lets_t_in("shop-T", "shop-T2"));
  EXPECT_FALSE(lets_t_in("1:shop-T", "*:sh?p-?X"));
  EXPECT_FALSE(lets_t_in("aws:SourceArn", "aws:SourceAccount"));
  for (const char* text : {"{", "[]", "null", R"({"Statement":7})", R"({"Statement":["x",{}]})"}) {
    EXPECT_THAT(not_let_in(text, {kT}), ElementsAre(kT)) << text;
  }
}

TEST(SqsQueuePolicy, OneThatCannotBeReadIsLeftAlone) {
  EXPECT_FALSE(letting_in("{", kQueueArn, {kT}));
  EXPECT_FALSE(letting_in("[]", kQueueArn, {kT}));
}

}  // namespace
}  // namespace sagabus::sqs
