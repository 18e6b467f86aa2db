// Transports from their URIs, for commands that look into queues.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/s3/claim_store.hpp"
#include "sagabus/sqs/transport.hpp"
#include "sagabus/transport.hpp"
#include "transport_uri.hpp"

namespace sagabus::tools {

// Looks the queue up before it returns, so that whoever receives from it need not wait for a first
// connection. Makes no queues. Throws std::invalid_argument for what the transport does not take,
// and what the transport reports: NotFound for a queue on SQS that is not there.
boost::asio::awaitable<Transport> open_transport(TransportUri uri, std::string queue,
                                                 Ambient ambient);

// As the URI says. Throws std::invalid_argument for what cannot be a bucket or a prefix.
sqs::TransportOptions sqs_options(const SqsUri& uri, const Ambient& ambient);

// To send, and to receive nothing. Those who take a type are those of the routes, or what its topic
// tells. Throws std::invalid_argument for what the transport does not take.
Transport open_sqs(const SqsUri& uri, std::vector<sqs::Route> routes, const Ambient& ambient);

// Looks the topic of a type up. Throws what the transport reports: NotFound where there is none,
// and AccessDenied for who may publish and not look.
boost::asio::awaitable<void> look_up_topic(SqsUri uri, std::string type);

// Where the URI says that large payloads are; null where it says nothing. Throws
// std::invalid_argument for what cannot be a bucket or a prefix.
std::shared_ptr<s3::ClaimStore> claims_of(const SqsUri& uri, const Ambient& ambient);

}  // namespace sagabus::tools
