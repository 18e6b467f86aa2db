#include "faults/sqs_transport.hpp"

#include <sagabus/describe.hpp>
#include <utility>
#include <vector>

#include "faults/cast.hpp"

namespace sagabus::faults {
namespace {

template <class... Messages>
std::vector<std::string> names() {
  return {std::string(message_name<Messages>())...};
}

// The plain handlers and the sagas run in different processes, and those know nothing of each
// other.
std::vector<sqs::Route> routes() {
  std::vector<sqs::Route> out;
  const auto add = [&](const std::string& endpoint, const std::vector<std::string>& types) {
    for (const std::string& type : types) out.push_back({type, endpoint, "orderId"});
  };
  for (const SagaDefinition& saga : cast()) add(saga.name(), saga.message_types());
  add(kBooks, names<PaymentRequested, PaymentTaken, ReservationRequested, GoodsReserved,
                    OrderProgressed, ShipmentRequested, OrderReviewed, GoodsShipped, OrderEnded>());
  return out;
}

}  // namespace

sqs::Transport sqs_transport(const Plan& plan, std::chrono::seconds visibility_timeout) {
  sqs::TransportOptions options;
  options.region = "us-east-1";
  options.endpoint = plan.sqs_endpoint;
  options.credentials = aws::static_credentials("test", "test");
  options.queue_prefix = plan.queue_prefix;
  options.routes = routes();
  options.fifo = plan.fifo;
  options.create_queues = true;
  options.visibility_timeout = visibility_timeout;
  return sqs::Transport(std::move(options));
}

}  // namespace sagabus::faults
