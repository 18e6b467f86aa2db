// A saga's definition as a picture: which messages and timeouts it takes, and, where its handlers
// declare them (in, leads_to), through which states they lead.
//
// States are drawn as far as any handler declares one: one that no handler leaves is an end, and
// what a handler that declares none does is drawn at "any state". Where none is declared, the
// picture shows the messages alone. Pure functions, from any thread.
#pragma once

#include <string>

#include "sagabus/definition.hpp"

namespace sagabus {

// For Mermaid, which GitHub, GitLab and many editors draw: a state diagram, or a flow chart.
std::string to_mermaid(const SagaDefinition& saga);

// For Graphviz: a digraph in the DOT language.
std::string to_dot(const SagaDefinition& saga);

}  // namespace sagabus
