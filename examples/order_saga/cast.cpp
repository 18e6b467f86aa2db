#include "cast.hpp"

#include <chrono>
#include <sagabus/sync_wait.hpp>
#include <utility>

#include "ledger.hpp"
#include "order_saga.hpp"
#include "services.hpp"

namespace orders {
namespace {

std::vector<sagabus::Service> services(Books& books) {
  return {payments(books), inventory(books), shipping(books), audit(books)};
}

// Counts the saga's steps; the services count their own.
sagabus::Middleware count_steps(Books& books) {
  return [&books](sagabus::StepView& step, sagabus::Next next) -> boost::asio::awaitable<void> {
    co_await next();
    books.count(Outcome::handled);
    if (step.outcome == sagabus::StepOutcome::repeated) books.count(Outcome::repeated);
  };
}

// Of the cast as it would be, without anybody in it.
std::vector<sagabus::Subscription> subscriptions() {
  const sagabus::SagaDefinition saga = order_saga();
  std::vector<sagabus::Subscription> all{{saga.name(), saga.message_types()}};
  all.front().order_by = [](const sagabus::Envelope& envelope) {
    const sagabus::Value* const order = envelope.payload.find("orderId");
    return order && order->if_string() ? *order->if_string() : std::string();
  };
  Ledger nobody;
  for (const sagabus::Service& service : services(nobody)) {
    sagabus::Subscription& subscription = all.emplace_back();
    subscription.endpoint = service.endpoint();
    for (const auto& handler : service.handlers()) subscription.types.push_back(handler.type);
  }
  return all;
}

}  // namespace

sagabus::BusOptions cast(sagabus::Transport transport, sagabus::SagaStore store, Books& books,
                         unsigned concurrency) {
  return {
      .transport = std::move(transport),
      .store = std::move(store),
      .sagas = {order_saga()},
      .services = services(books),
      .middleware = {count_steps(books)},
      // Nobody watching a demo wants to wait for a second.
      .retry = {.base_delay = std::chrono::milliseconds(20)},
      .concurrency = concurrency,
      .ambient = {.log = sagabus::stderr_logger(sagabus::LogLevel::warning)},
  };
}

std::vector<std::string> endpoints() {
  std::vector<std::string> names;
  for (const auto& subscription : subscriptions()) names.push_back(subscription.endpoint);
  return names;
}

void announce(const sagabus::Transport& transport) {
  for (sagabus::Subscription& subscription : subscriptions()) {
    sagabus::sync_wait(transport.backend()->subscribe(std::move(subscription)));
  }
}

}  // namespace orders
