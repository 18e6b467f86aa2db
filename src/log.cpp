#include "sagabus/log.hpp"

#include <cstdio>

namespace sagabus {

Logger stderr_logger(LogLevel least) {
  return Logger(
      [](LogLevel level, std::string_view line) {
        static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
        std::fprintf(stderr, "sagabus %s: %.*s\n", kNames[static_cast<int>(level)],
                     static_cast<int>(line.size()), line.data());
      },
      least);
}

}  // namespace sagabus
