// A client of one AWS service: signs, sends, checks and retries requests. For the adapters, and for
// whoever needs an operation that they lack.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/system/result.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sagabus/aws/credentials.hpp"
#include "sagabus/aws/endpoint.hpp"
#include "sagabus/aws/environment.hpp"
#include "sagabus/aws/service_error.hpp"
#include "sagabus/clock.hpp"
#include "sagabus/log.hpp"
#include "sagabus/random.hpp"

namespace sagabus::aws {

class HttpClient;    // a seam of our own tests
struct ClientState;  // what the copies of a client share

// The figures are the defaults of AWS's SDKs. An option wins over the environment.
struct ClientOptions {
  std::string region = {};                  // empty: as resolve_region, then EC2's metadata
  std::string endpoint = {};                // a URL; empty: see resolve_endpoint
  std::optional<bool> use_fips = {};        // nothing: AWS_USE_FIPS_ENDPOINT
  std::optional<bool> use_dual_stack = {};  // nothing: AWS_USE_DUALSTACK_ENDPOINT
  std::shared_ptr<CredentialsProvider> credentials = nullptr;  // null: default_credentials()

  int max_attempts = 0;  // requests for one call; 0: AWS_MAX_ATTEMPTS, else the service's (4 or 3)
  std::chrono::milliseconds connect_timeout{1000};  // name, TCP and TLS together; 1 ms or more
  std::chrono::milliseconds attempt_timeout{3000};  // one attempt, connecting included
  std::chrono::milliseconds deadline{0};            // a whole call, retries included; 0: none
  int max_connections = 25;                         // 1 or more; who comes later waits in line
  std::chrono::milliseconds idle_timeout{20000};    // an idle connection is not used again after
  std::size_t max_answer_bytes = 32 * 1024 * 1024;  // a larger answer is an error
  std::string ca_file = {};  // PEM, trusted in place of the system's authorities; empty: those

  std::shared_ptr<Clock> clock = system_clock();
  std::shared_ptr<RandomSource> random = system_random();
  Logger logger = {};
  Environment environment = process_environment();
  std::shared_ptr<HttpClient> http = nullptr;  // null: the client's own
};

struct CallOptions {                             // zero: as in ClientOptions
  std::chrono::milliseconds attempt_timeout{0};  // more than the wait of a long poll
  std::chrono::milliseconds deadline{0};
};

// What is asked of a service. Give one a name before it goes into a co_await expression: g++ 12
// destroys a temporary of its kind there twice.
struct Request {
  std::string_view operation{};  // for errors and logs, and for JSON's header; must live until the
                                 // call ends: use a literal
  std::string method = "POST";
  std::string path = "/";  // percent-encoded, under the endpoint's own one
  std::string query = {};  // percent-encoded, without the question mark
  // Beside those of the protocol and the signature, which signs all of them. A name comes once.
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
};

struct Response {
  int http_status = 0;  // 200; another 2xx where the service is one of Protocol::rest
  int attempts = 0;     // requests sent, the first included
  std::string body;     // as the service sent it, with its CRC32 checked where it sent one
  std::string request_id;
  TimePoint date{};  // of the service; the epoch where it sent none
};

// outcome.value() throws the fitting error of sagabus/error.hpp.
using Outcome = boost::system::result<Response, ServiceError>;

// A cheap handle to shared state: copy it freely, use it from any thread. Calls keep the state
// alive. It may outlive the io_context of its callers, and serve several.
class Client {
 public:
  // Throws std::invalid_argument that names the option or the variable, its value and what is
  // allowed.
  explicit Client(const Service& service, ClientOptions options = {});

  // Sends `operation`, such as "PutItem", with its JSON or its form, and retries what may pass by
  // itself. `operation` must live until the call ends: use a literal.
  //
  // Whatever the service answers, and a service that does not, is an Outcome. Throws AccessDenied
  // where there are no credentials, and boost::system::system_error(operation_aborted) when
  // cancelled; the request may have been carried out then. Repeating a call is as safe as the
  // operation is: the retries may already have applied it twice (ServiceError::maybe_applied).
  boost::asio::awaitable<Outcome> call(std::string_view operation, std::string body) const;
  boost::asio::awaitable<Outcome> call(std::string_view operation, std::string body,
                                       CallOptions options) const;

  // As call, for a service that wants a method, a path or headers. Throws std::invalid_argument
  // where one of them has a character that cannot stand there; nothing was sent then.
  boost::asio::awaitable<Outcome> send(Request request) const;
  boost::asio::awaitable<Outcome> send(Request request, CallOptions options) const;

  // The service's time of day: its last Date header and the monotonic clock since; at most about a
  // second behind. Before the first answer, the local clock.
  TimePoint service_now() const;

  // What the last answer came over, "TLSv1.3"; its certificate was verified then, as always. Empty
  // before the first answer, and where the endpoint is plain HTTP.
  std::string_view tls_version() const;

  const std::string& region() const;
  const Endpoint& endpoint() const;

 private:
  std::shared_ptr<ClientState> state_;
};

}  // namespace sagabus::aws
