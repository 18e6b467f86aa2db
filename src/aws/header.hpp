// A header of a request.
#pragma once

#include <string_view>

namespace sagabus::aws {

struct Header {
  std::string_view name;  // any case
  std::string_view value;
};

}  // namespace sagabus::aws
