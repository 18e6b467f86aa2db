// What stands in a message's body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sagabus/envelope.hpp"

namespace sagabus::sqs {

// One that its escapes alone make larger than `most` goes without: the service has come to take
// more.
std::string write_body(const Envelope& envelope, std::size_t most);

// Throws ValidationError where it is no envelope.
Envelope read_body(std::string_view body);

}  // namespace sagabus::sqs
