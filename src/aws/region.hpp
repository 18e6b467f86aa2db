// Which region a client speaks to, where it may have to ask.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sagabus/aws/credentials.hpp"

namespace sagabus::aws {

// As resolve_region, but nothing where there is none.
std::optional<std::string> configured_region(std::string_view configured,
                                             const Environment& environment);

// The same, and where there is none the region of the EC2 instance that this runs on. To ask for it
// blocks, for 4 s at the most. Throws std::invalid_argument as resolve_region does.
std::string find_region(std::string_view configured, const CredentialsOptions& options);

}  // namespace sagabus::aws
