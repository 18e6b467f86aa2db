// What is asked of every AWS service: who signs, where it is, how the way there is. Beside the one
// request, all are functions of values.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/finding.hpp"
#include "sagabus/aws/client.hpp"

namespace sagabus::tools {

// A service as the URI on the command line has it.
struct AskedService {
  aws::Client client;
  aws::Service service;
  std::shared_ptr<aws::CredentialsProvider> credentials;  // the client's
  std::string uri_region;                                 // empty: the URI says nothing
  std::string uri_endpoint;
};

// A client, and who is asked for its credentials: that profile, or the default chain where it is
// empty. Throws std::invalid_argument as the client does.
AskedService ask_service(const aws::Service& service, std::string region, std::string endpoint,
                         const std::string& profile);
aws::ClientOptions client_options(const AskedService& asked);

// A request that changes nothing, and its answer.
struct Probe {
  std::string_view operation;  // a literal
  std::string body;
};

// Sends it, and reports on credentials, region, endpoint, TLS and clock. The answer, where the
// service gave one that is worth looking at; else nothing, and there is no more to find.
boost::asio::awaitable<std::optional<aws::Outcome>> examine_service(AskedService asked, Probe probe,
                                                                    Report& report);

// Whether the service says that these credentials may not do this, but are good.
bool is_denied(const aws::Outcome& outcome);
// "AccessDeniedException: User ... is not authorized", one line.
std::string text_of(const aws::ServiceError& error);

// What `requests` of these cost in time, one after the other.
boost::asio::awaitable<std::vector<std::chrono::nanoseconds>> time_requests(aws::Client client,
                                                                            Probe probe,
                                                                            unsigned requests);

struct Identity {
  std::string source;  // "environment"
  aws::Credentials credentials;
};
Finding credentials_finding(const Identity& identity, TimePoint now, const aws::Outcome& answer);
Finding region_finding(const std::string& region, const std::string& uri_region,
                       const aws::Environment& environment);
Finding endpoint_finding(const AskedService& asked, const aws::Environment& environment,
                         const aws::Outcome& answer);
Finding tls_finding(const aws::Endpoint& endpoint, std::string_view version);
Finding clock_finding(std::chrono::milliseconds service_ahead);  // of the local clock

// What the times are like where the middle one should take `usual` at most.
Finding latency_finding(std::vector<std::chrono::nanoseconds> times, std::string_view of,
                        std::chrono::milliseconds usual, std::string_view advice);

}  // namespace sagabus::tools
