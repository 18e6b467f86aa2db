// What an answer that is no success says.
#pragma once

#include <string>
#include <string_view>

#include "aws/http_client.hpp"
#include "sagabus/aws/credentials.hpp"
#include "sagabus/aws/service_error.hpp"

namespace sagabus::aws {

// "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException" and
// "ResourceNotFoundException:http://..." both give "ResourceNotFoundException".
std::string_view bare_code(std::string_view type);

// The first line of `text`, cut to 512 bytes, without control characters and without the secret
// or the token: an answer to a wrong signature quotes the signed headers.
std::string safe_message(std::string_view text, const Credentials& credentials);

// The service's name for what was asked; empty where it sent none.
std::string_view request_id_of(const HttpResponse& response);

// Reads code and message from the body, in JSON or XML as the service's protocol has it, else from
// the x-amzn-errortype header. Never fails: a body that is neither leaves both empty; what holds
// the secret or the token is taken for no code. Does not fill in operation and attempts.
ServiceError read_error(const Service& service, HttpResponse response,
                        const Credentials& credentials);

}  // namespace sagabus::aws
