// What `sagabus doctor` looks at in the topics of a transport on SQS.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "doctor/finding.hpp"
#include "sagabus/aws/client.hpp"
#include "sagabus/sqs/transport.hpp"

namespace sagabus::tools {

// The topics that may send to these queues, each queue's subscription to them, and the right to
// publish. `topics`: a client for SNS. `arn_prefix`: as the URI has it. Changes nothing: publishing
// is tried with a request that no topic can carry out.
boost::asio::awaitable<void> examine_topics(sqs::Transport transport, aws::Client topics,
                                            std::vector<sqs::QueueInfo> queues,
                                            std::string arn_prefix, Report& report);

Finding topic_finding(const std::string& topic_arn, const std::string& queue,
                      const sqs::TopicInfo& topic);

}  // namespace sagabus::tools
