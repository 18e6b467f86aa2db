// What the verbs share that send messages.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/transport.hpp"
#include "transport_uri.hpp"

namespace sagabus::tools {

struct SendingOptions {
  std::string transport;
  std::vector<std::string> routes;  // as --route has them; for SQS
};

// Adds --transport and --route.
void add_sending_options(CLI::App& verb, SendingOptions& options);

// Whether the transport drops what it took within its window: SQLite alone lets one choose.
enum class Repeats { drop, send };

// The transport, with all routes known. Throws Failure with Exit::wrong_use for a URI or a route
// that is none, and Exit::not_found for a file that is not there.
Transport open_for_sending(const SendingOptions& options, Repeats repeats, const Ambient& ambient);

// Who takes the type by the routes, as ENDPOINT or ENDPOINT:MEMBER.
std::vector<std::string> routed_to(const SendingOptions& options, const std::string& type);

// Throws Failure with Exit::wrong_use where nobody says who takes the type: on SQS without topics,
// where no route does.
void require_route(const SendingOptions& options, const std::string& type);

}  // namespace sagabus::tools
