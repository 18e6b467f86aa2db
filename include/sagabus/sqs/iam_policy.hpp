// What the role of a program with sqs::Transport has to be allowed, as a policy for IAM.
//
// docs/guide/table-as-code.md shows it. `sagabus iam-policy sqs` prints it.
#pragma once

#include <string>
#include <vector>

namespace sagabus::sqs {

struct PolicyOptions {
  // Where the queues are, and TransportOptions::queue_prefix: for the prefix "shop",
  // arn:aws:sqs:eu-central-1:123456789012:shop, which means all queues called "shop-...". At least
  // one. An ARN that ends with "*" is taken as it is.
  std::vector<std::string> queue_arns = {};
  bool create_queues =
      false;  // as in TransportOptions: makes queues, and topics where there are any
  // With TransportOptions::topics: the same for SNS, arn:aws:sns:eu-central-1:123456789012:shop.
  std::vector<std::string> topic_arns = {};
  // With TransportOptions::claims in S3: bucket and prefix, arn:aws:s3:::shop-messages/claims.
  std::vector<std::string> claims_arns = {};
};

// A policy document in JSON that ends with a line break. Pure: it needs neither network nor
// credentials. A statement for queues, and others for what `options` asks for beside them. SNS
// takes no resources for Unsubscribe and GetSubscriptionAttributes: that one statement is for all.
// Throws std::invalid_argument naming the ARN that is none, and what is wrong with it.
std::string transport_policy(const PolicyOptions& options);

}  // namespace sagabus::sqs
