// What to do about an error of a service, for who reads it on a terminal.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace sagabus::tools {

// Whether a service that answers so refuses the credentials themselves, and not what they may do.
bool blames_credentials(std::string_view code);

// A clause for the end of the error's line; empty where its text says all there is to say.
std::string advice_on(const std::exception& error);

}  // namespace sagabus::tools
