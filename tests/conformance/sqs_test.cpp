#include <gtest/gtest.h>

#include "sagabus/conformance/transport.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sqs/transport.hpp"
#include "support/endpoint.hpp"

namespace {

namespace sqs = sagabus::sqs;
using sagabus::testing::TransportFactory;
using sagabus::testing::TransportSettings;

sagabus::sqs::Client client() {
  static const sqs::Client client{
      {.region = "us-east-1",
       .endpoint = sagabus::test::sqs_endpoint(),
       .credentials = sagabus::aws::static_credentials("test", "test")}};
  return client;
}

sagabus::sqs::TopicOptions topics() {
  static const sqs::TopicClient client{
      {.region = "us-east-1",
       .endpoint = sagabus::test::sqs_endpoint(),
       .credentials = sagabus::aws::static_credentials("test", "test")}};
  return {.enabled = true, .client = client};
}

TransportFactory transport_factory(bool fifo, bool with_topics = false) {
  TransportFactory factory;
  factory.make = [fifo, with_topics](const TransportSettings& settings) {
    const auto visibility =
        std::chrono::duration_cast<std::chrono::seconds>(settings.visibility_timeout);
    return sqs::Transport{{.client = client(),
                           .queue_prefix = "conformance",
                           .fifo = fifo,
                           .create_queues = true,
                           .visibility_timeout = visibility,
                           .max_visibility = visibility,
                           .topics = with_topics ? topics() : sqs::TopicOptions{},
                           .ambient = settings.ambient}};
  };
  factory.virtual_clock = false;
  factory.ordered = false;  // by key only
  factory.ordered_by_key = fifo;
  factory.deduplicates = fifo;
  factory.window_is_set = false;  // the service's is five minutes
  factory.max_message_bytes = with_topics ? 256U * 1024 : 1024U * 1024;
  factory.cancel_time = std::chrono::seconds(2);  // threads of a busy machine
  return factory;
}

SAGABUS_TRANSPORT_CONFORMANCE(SqsFifo, transport_factory(true));
SAGABUS_TRANSPORT_CONFORMANCE(SqsStandard, transport_factory(false));
SAGABUS_TRANSPORT_CONFORMANCE(SqsTopics, transport_factory(true, true));
SAGABUS_TRANSPORT_CONFORMANCE(SqsStandardTopics, transport_factory(false, true));

}  // namespace
