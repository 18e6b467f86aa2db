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

// Reads code and message from the body, else from the x-amzn-errortype header. Never fails: a body
// that is not JSON leaves both empty. Does not fill in operation and attempts.
ServiceError read_error(const Service& service, HttpResponse response,
                        const Credentials& credentials);

}  // namespace sagabus::aws
