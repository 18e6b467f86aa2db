#include "sagabus/sqs/iam_policy.hpp"

#include <string_view>

#include "aws/iam_policy.hpp"

namespace sagabus::sqs {
namespace {

constexpr aws::ArnKind kQueueArn{"queue ARN", "sqs", "",
                                 "arn:aws:sqs:eu-central-1:123456789012:shop"};
constexpr aws::ArnKind kTopicArn{"topic ARN", "sns", "",
                                 "arn:aws:sns:eu-central-1:123456789012:shop"};
constexpr aws::ArnKind kClaimsArn{"claims ARN", "s3", "", "arn:aws:s3:::shop-messages/claims",
                                  true};
// Of queues and topics.
constexpr std::string_view kNotInNames = "/.!'()";

// All that the transport names so.
std::vector<std::string> named_after(const aws::ArnKind& kind,
                                     const std::vector<std::string>& prefixes) {
  std::vector<std::string> out;
  for (const std::string& prefix : prefixes) {
    aws::check_arn(kind, prefix, kNotInNames);
    out.push_back(prefix.ends_with('*') ? prefix : prefix + "-*");
  }
  return out;
}

struct Claims {
  std::vector<std::string> buckets;
  std::vector<std::string> objects;
};

Claims claims_of(const std::vector<std::string>& arns) {
  Claims out;
  for (std::string arn : arns) {
    aws::check_arn(kClaimsArn, arn);
    if (arn.ends_with("/*")) arn.resize(arn.size() - 2);
    while (arn.ends_with('/')) arn.pop_back();
    out.buckets.push_back(arn.substr(0, arn.find('/')));
    out.objects.push_back(arn + "/*");
  }
  return out;
}

}  // namespace

std::string transport_policy(const PolicyOptions& options) {
  aws::check_arns(kQueueArn, options.queue_arns, kNotInNames);
  std::vector<aws::PolicyStatement> statements;
  const auto allow = [&statements](auto... parts) { statements.push_back({parts...}); };
  using Actions = std::vector<std::string_view>;
  const std::vector<std::string> queues = named_after(kQueueArn, options.queue_arns);
  const std::vector<std::string> topics = named_after(kTopicArn, options.topic_arns);
  const Claims claims = claims_of(options.claims_arns);
  allow("SagabusQueues", "sqs",
        Actions{"SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility",
                "GetQueueUrl", "GetQueueAttributes"},
        queues);
  if (options.create_queues) {
    Actions making{"CreateQueue"};
    if (!topics.empty()) making.push_back("SetQueueAttributes");
    allow("SagabusCreateQueues", "sqs", making, queues);
  }
  allow("SagabusTopics", "sns", Actions{"Publish"}, topics);
  if (options.create_queues && !topics.empty()) {
    allow("SagabusCreateTopics", "sns",
          Actions{"CreateTopic", "Subscribe", "GetTopicAttributes", "ListSubscriptionsByTopic"},
          topics);
    allow("SagabusSubscriptions", "sns", Actions{"GetSubscriptionAttributes", "Unsubscribe"},
          std::vector<std::string>{"*"});
  }
  allow("SagabusClaims", "s3", Actions{"PutObject", "GetObject"}, claims.objects);
  allow("SagabusClaimsBucket", "s3", Actions{"ListBucket"}, claims.buckets);
  return aws::write_policy(statements);
}

}  // namespace sagabus::sqs
