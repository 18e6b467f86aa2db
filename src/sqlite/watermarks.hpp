// The rows of workers: what each told the others last. Functions of a Connection run inside a job.
#pragma once

#include <cstdint>
#include <string>

#include "sqlite/connection.hpp"

namespace sagabus::sqlite {

// Removes in passing what was saved more than 400 days before `now` (in seconds).
void save_watermark(Connection& connection, const std::string& worker, const std::string& text,
                    std::int64_t now);

// An empty text where there is none.
std::string load_watermark(Connection& connection, const std::string& worker);

}  // namespace sagabus::sqlite
