// Percent-encoding, as signatures, forms and queries have it.
#pragma once

#include <string>
#include <string_view>

namespace sagabus::aws {

// All but letters, digits and "-_.~"; slashes as well unless they are kept.
void append_percent_encoded(std::string& out, std::string_view text, bool keep_slash = false);

}  // namespace sagabus::aws
