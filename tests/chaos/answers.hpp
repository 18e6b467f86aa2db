// Answers that are not the service's own, and what may become of those that are.
#pragma once

#include <string>

#include "chaos/mishap.hpp"
#include "chaos/wire.hpp"

namespace sagabus::chaos {

// What a server under stress, or somebody in between, says in place of the answer.
std::string answer_instead(Mishap mishap);

bool has_crc(const Message& answer);

// Flips one bit of the body.
void corrupt_body(Message& answer, double where);

// Makes it something that is not HTTP. Not every damage to a head can be noticed, so this does what
// can: to the version, a header's name, the length or the status.
void corrupt_head(Message& answer, double where);

// A place in `text`, neither its beginning nor its end.
std::size_t place_in(std::string_view text, double where);

}  // namespace sagabus::chaos
