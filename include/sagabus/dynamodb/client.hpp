// A client of DynamoDB: make one to share its connections, credentials and retries among several
// stores, or to call operations that the store has no use for. Who has one store needs none.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "sagabus/aws/client.hpp"

namespace sagabus::dynamodb {

// Region, endpoint, credentials, max_attempts (4 unless given), timeouts, max_connections, ca_file
// and so on; also the clock that requests and retries wait on, which is not that of a store's time.
using ClientOptions = aws::ClientOptions;

// A cheap handle to shared state: copy it freely, use it from any thread.
class Client {
 public:
  // Makes no connection yet. Throws std::invalid_argument that names the option or the variable,
  // its value and what is allowed.
  explicit Client(ClientOptions options = {});

  // Sends `operation`, such as "DescribeTable", with a body in DynamoDB's JSON, and returns the
  // answer's. Retries what may pass by itself. Throws what sagabus/error.hpp has for what the
  // service says (a lost condition is an Error with the service's code in it), AccessDenied where
  // there are no credentials, and boost::system::system_error(operation_aborted) when cancelled.
  // Repeating a call is as safe as its operation is. `resource` is the table, for error texts.
  boost::asio::awaitable<std::string> call(std::string operation, std::string body,
                                           std::string resource = {}) const;

  // The same, with the service's refusal as a value.
  const aws::Client& aws() const noexcept { return aws_; }

  // What waits between requests are measured by.
  Clock& clock() const noexcept { return *clock_; }
  RandomSource& random() const noexcept { return *random_; }

 private:
  std::shared_ptr<Clock> clock_;
  std::shared_ptr<RandomSource> random_;
  aws::Client aws_;
};

}  // namespace sagabus::dynamodb
