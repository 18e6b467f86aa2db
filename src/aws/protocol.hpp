// What is particular to how a service is spoken to: pure functions of requests and answers.
#pragma once

#include <string>
#include <string_view>

#include "aws/http_client.hpp"
#include "sagabus/aws/client.hpp"

namespace sagabus::aws {

// "DynamoDB_20120810.PutItem", which is JSON's header too; "sns.Publish".
std::string name_of(const Service& service, std::string_view operation);

// On the request line. An endpoint's own path goes before.
std::string path_of(const Endpoint& endpoint, const std::string& path);

// Empty where the body is whatever the caller says.
std::string_view content_type(Protocol protocol);

// SHA-256 in hex, where the service wants it in a header; else empty.
std::string payload_hash_of(const Service& service, const std::string& body);

// Throws std::invalid_argument that names what cannot go on the lines of a request.
void check(const Request& request);

bool crc_matches(const HttpResponse& answer);

bool says_success(const Service& service, int http_status);

// Whether it is a whole answer of the service, and a good one.
bool is_success(const Service& service, std::string_view operation, const HttpResponse& answer);

// Of one that says success and is none.
const char* what_is_broken(const Service& service, const HttpResponse& answer);

}  // namespace sagabus::aws
