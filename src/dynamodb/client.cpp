#include "sagabus/dynamodb/client.hpp"

#include <utility>

namespace sagabus::dynamodb {

Client::Client(ClientOptions options)
    : clock_(options.clock), random_(options.random), aws_(aws::kDynamoDb, std::move(options)) {}

boost::asio::awaitable<std::string> Client::call(std::string operation, std::string body,
                                                 std::string resource) const {
  const aws::Client client = aws_;  // this handle may go while the call runs
  auto calling = client.call(operation, std::move(body));
  aws::Outcome outcome = co_await std::move(calling);
  if (!outcome) aws::throw_service_error(outcome.error(), resource);
  co_return std::move(outcome->body);
}

}  // namespace sagabus::dynamodb
