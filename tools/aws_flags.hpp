// --profile, --region and --endpoint: what the URIs of AWS say in their parameters, as flags that
// go with every verb that takes such a URI.
#pragma once

#include <CLI/CLI.hpp>

namespace sagabus::tools {

// Adds them to all verbs below `app` that have --store or --transport. They become parameters of
// the URIs given there, or in the environment. One that a URI has already, or that no URI takes, is
// wrong use.
void add_aws_flags(CLI::App& app);

}  // namespace sagabus::tools
