// A saga's definition as a picture: which messages and timeouts it takes, and, where its handlers
// declare them (in, leads_to, stays), through which states they lead.
//
// States are drawn as soon as any handler declares one. What a handler does not declare is drawn at
// "any state". A state that nothing leaves is an end, unless something leaves any state. Where no
// handler declares a state, the picture shows the messages alone. Pure functions, from any thread.
#pragma once

#include <string>

#include "sagabus/definition.hpp"

namespace sagabus {

// For Mermaid, which GitHub, GitLab and many editors draw: a state diagram, or a flow chart.
std::string to_mermaid(const SagaDefinition& saga);

// For Graphviz: a digraph in the DOT language.
std::string to_dot(const SagaDefinition& saga);

}  // namespace sagabus
