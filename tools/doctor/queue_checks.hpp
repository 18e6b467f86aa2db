// What `sagabus doctor` looks at in a transport on SQS.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "doctor/finding.hpp"
#include "sagabus/sqs/transport.hpp"
#include "transport_uri.hpp"

namespace sagabus::tools {

// Looks at the queues of these endpoints and at those of their dead letters; where none is named,
// at all whose names begin with the prefix; and at what the URI asks for beside them, topics and
// the bucket of large messages. Changes nothing: sending and the like is tried with requests that
// no queue can carry out. Throws std::invalid_argument for what the transport does not take.
boost::asio::awaitable<void> examine_queues(SqsUri uri, std::vector<std::string> endpoints,
                                            Report& report);

Finding queue_finding(const sqs::QueueInfo& queue, bool holds_letters);

// The endpoint whose queue bears that name: "Orders.dlq" for "shop-Orders-dlq.fifo".
std::string endpoint_of_queue(std::string_view name, const SqsUri& uri);

}  // namespace sagabus::tools
