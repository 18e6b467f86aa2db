// Environment variables, as a function that can be replaced: for whoever configures the AWS client
// in a test without touching the process.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace sagabus::aws {

// Returns the value of a variable, or nothing where it is unset or empty: AWS tools treat the two
// alike. Called where a client or a chain of credentials is built and, by the environment's
// credentials, on every request; from any thread.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// The process's own variables. Do not call setenv while a client is in use: the C library allows
// no such race.
Environment process_environment();

// Just these variables, for tests.
Environment fixed_environment(std::map<std::string, std::string> variables);

}  // namespace sagabus::aws
