#include "transport.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <iterator>
#include <sagabus/clock.hpp>
#include <sagabus/memory/transport.hpp>
#include <sagabus/sqs/transport.hpp>
#include <sagabus/sync_wait.hpp>
#include <utility>

#include "open_transport.hpp"
#include "transport_uri.hpp"

namespace examples {
namespace {

// Messages of a worker that was killed come back after this time: nobody who watches an example
// wants to wait for half a minute. What takes longer to handle is kept hidden.
constexpr std::chrono::seconds kVisibilityTimeout{5};

// How long a look into a queue waits for one more message.
constexpr std::chrono::milliseconds kLook{300};

Messages messages_of(const sagabus::memory::Transport& transport) {
  Messages messages;
  messages.transport = transport;
  messages.waiting = [transport](const std::string& endpoint) { return transport.peek(endpoint); };
  messages.pending = [transport](const std::string& endpoint) {
    return transport.pending(endpoint);
  };
  return messages;
}

// What comes within the time; nothing else.
boost::asio::awaitable<std::vector<sagabus::Delivery>> receive_soon(
    std::shared_ptr<sagabus::TransportBackend> transport, std::string endpoint) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto receiving = transport->receive(std::move(endpoint), 10);
  auto waiting = sagabus::system_clock()->sleep_for(kLook);
  auto either = std::move(receiving) || std::move(waiting);
  auto first = co_await std::move(either);
  if (first.index() == 1) co_return std::vector<sagabus::Delivery>();
  co_return std::get<0>(std::move(first));
}

// SQS shows messages only to those who receive them: all are taken, and then given back.
std::vector<sagabus::EnvelopePtr> look_into(const sagabus::sqs::Transport& transport,
                                            const std::string& endpoint) {
  const auto backend = transport.backend();
  std::vector<sagabus::Delivery> all;
  for (;;) {
    auto some = sagabus::sync_wait(receive_soon(backend, endpoint));
    if (some.empty()) break;
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  std::vector<sagabus::EnvelopePtr> envelopes;
  for (sagabus::Delivery& delivery : all) {
    if (delivery.envelope) envelopes.push_back(delivery.envelope);
    sagabus::sync_wait(backend->give_back(std::move(delivery), {}));
  }
  return envelopes;
}

Messages messages_of(const sagabus::sqs::Transport& transport) {
  Messages messages;
  messages.transport = transport;
  messages.waiting = [transport](const std::string& endpoint) {
    return look_into(transport, endpoint);
  };
  messages.pending = [transport](const std::string& endpoint) {
    const auto depth = sagabus::sync_wait(transport.depth(endpoint));
    return depth.ready + depth.delayed + depth.hidden;
  };
  messages.requests = [transport] { return transport.usage().total_requests(); };
  return messages;
}

}  // namespace

Messages messages_of(const sagabus::sqlite::Transport& transport) {
  Messages messages;
  messages.transport = transport;
  messages.waiting = [transport](const std::string& endpoint) {
    std::vector<sagabus::EnvelopePtr> envelopes;
    for (const auto& delivery : sagabus::sync_wait(transport.list(endpoint))) {
      if (delivery.envelope) envelopes.push_back(delivery.envelope);
    }
    return envelopes;
  };
  messages.pending = [transport](const std::string& endpoint) {
    return sagabus::sync_wait(transport.pending(endpoint));
  };
  return messages;
}

Messages open_transport(const std::string& uri) {
  const auto parsed = sagabus::tools::parse_transport_uri(uri);
  if (const auto* file = std::get_if<sagabus::tools::SqliteUri>(&parsed)) {
    return messages_of(
        sagabus::sqlite::Transport(sagabus::sqlite::TransportOptions{.path = file->path}));
  }
  if (const auto* queues = std::get_if<sagabus::tools::SqsUri>(&parsed)) {
    return messages_of(sagabus::sqs::Transport(sagabus::sqs::TransportOptions{
        .region = queues->region,
        .endpoint = queues->endpoint,
        .queue_prefix = queues->queue_prefix,
        .fifo = queues->fifo,
        .create_queues = true,
        .visibility_timeout = kVisibilityTimeout,
        .claims = sagabus::tools::claims_of(*queues, {}),
        .topics = {.enabled = queues->topics},
        .ambient = {.log = sagabus::stderr_logger(sagabus::LogLevel::warning)}}));
  }
  return messages_of(sagabus::memory::Transport());
}

}  // namespace examples
