#include "sagabus/diagram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "definition_text.hpp"

namespace sagabus {
namespace {

using detail::SagaHandler;
using detail::SagaMessage;
using detail::text_of;

constexpr std::string_view kAnyState = "any state";

// From one state to another by one message; empty: the outside.
struct Transition {
  std::string from;
  std::string to;
  std::string message;
  friend bool operator==(const Transition&, const Transition&) = default;
};

struct Picture {
  std::vector<std::string> states;  // in the order in which they were declared
  std::vector<Transition> transitions;

  std::size_t number_of(const std::string& state) const {
    return static_cast<std::size_t>(std::ranges::find(states, state) - states.begin());
  }
};

bool declares_states(const SagaHandler& handler) {
  return !handler.in.empty() || !handler.leads_to.empty() || handler.stays;
}

bool declares_states(const SagaDefinition& saga) {
  return std::ranges::any_of(saga.data()->messages, [](const SagaMessage& message) {
    return std::ranges::any_of(message.handlers,
                               [](const SagaHandler& it) { return declares_states(it); });
  });
}

void add(Picture& picture, Transition it) {
  for (const std::string* state : {&it.from, &it.to}) {
    const bool known = std::ranges::find(picture.states, *state) != picture.states.end();
    if (!state->empty() && !known) picture.states.push_back(*state);
  }
  if (std::ranges::find(picture.transitions, it) == picture.transitions.end()) {
    picture.transitions.push_back(std::move(it));
  }
}

// Where a handler leads from a state.
std::vector<std::string> ends_of(const SagaHandler& handler, const std::string& from) {
  std::vector<std::string> ends = handler.leads_to;
  if (handler.stays) ends.push_back(from);
  if (ends.empty()) ends.emplace_back(kAnyState);
  return ends;
}

// What starts the saga comes from outside, and from those states that the saga leads to.
void add(Picture& picture, const SagaMessage& message, const SagaHandler& handler,
         const std::vector<std::string>& reached) {
  std::vector<std::string> from;
  if (message.can_start) from.emplace_back();
  for (const std::string& state : handler.in) {
    const bool only_new = message.can_start && std::ranges::find(reached, state) == reached.end();
    if (!only_new) from.push_back(state);
  }
  if (handler.in.empty() && !message.can_start) from.emplace_back(kAnyState);
  for (const std::string& begin : from) {
    for (const std::string& end :
         ends_of(handler, begin.empty() ? std::string(kAnyState) : begin)) {
      add(picture, {begin, end, text_of(message)});
    }
  }
}

std::vector<std::string> reached_states(const SagaDefinition& saga) {
  std::vector<std::string> reached;
  for (const SagaMessage& message : saga.data()->messages) {
    for (const SagaHandler& handler : message.handlers) {
      reached.insert(reached.end(), handler.leads_to.begin(), handler.leads_to.end());
    }
  }
  return reached;
}

// A state is an end where nothing leaves it, nor any state.
void add_ends(Picture& picture) {
  const auto leaves = [&](const std::string& state) {
    return std::ranges::any_of(picture.transitions,
                               [&](const Transition& it) { return it.from == state; });
  };
  if (leaves(std::string(kAnyState))) return;
  for (const std::string& state : picture.states) {
    if (state != kAnyState && !leaves(state)) picture.transitions.push_back({state, {}, {}});
  }
}

Picture picture_of(const SagaDefinition& saga) {
  Picture picture;
  const std::vector<std::string> reached = reached_states(saga);
  for (const SagaMessage& message : saga.data()->messages) {
    for (const SagaHandler& handler : message.handlers) add(picture, message, handler, reached);
    if (message.handlers.empty()) add(picture, {{}, std::string(kAnyState), text_of(message)});
  }
  add_ends(picture);
  return picture;
}

// A text in quotes, in YAML and in DOT alike.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

// Everything but letters, digits, `_`, `-`, `.`, spaces and what is not ASCII, as an entity.
std::string for_mermaid(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                       (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.' || c == ' ';
    out += plain ? std::string(1, c) : fmt::format("#{};", byte);
  }
  return out;
}

std::string states_in_mermaid(const SagaDefinition& saga) {
  const Picture picture = picture_of(saga);
  std::string out = fmt::format("---\ntitle: {}\n---\nstateDiagram-v2\n", quoted(saga.name()));
  for (std::size_t i = 0; i < picture.states.size(); ++i) {
    out += fmt::format("  state \"{}\" as s{}\n", for_mermaid(picture.states[i]), i);
  }
  const auto id = [&](const std::string& state) {
    return state.empty() ? std::string("[*]") : fmt::format("s{}", picture.number_of(state));
  };
  for (const Transition& it : picture.transitions) {
    out += fmt::format("  {} --> {}", id(it.from), id(it.to));
    if (!it.message.empty()) out += " : " + for_mermaid(it.message);
    out += '\n';
  }
  return out;
}

std::string states_in_dot(const SagaDefinition& saga) {
  const Picture picture = picture_of(saga);
  std::string out = fmt::format("digraph {} {{\n  rankdir=LR;\n", quoted(saga.name()));
  out += "  begin [shape=point, label=\"\"];\n";
  for (std::size_t i = 0; i < picture.states.size(); ++i) {
    const bool is_end =
        std::ranges::find(picture.transitions, Transition{picture.states[i], {}, {}}) !=
        picture.transitions.end();
    out += fmt::format("  s{} [label={}, shape=box, style=rounded{}];\n", i,
                       quoted(picture.states[i]), is_end ? ", peripheries=2" : "");
  }
  const auto id = [&](const std::string& state) {
    return state.empty() ? std::string("begin") : fmt::format("s{}", picture.number_of(state));
  };
  for (const Transition& it : picture.transitions) {
    if (it.to.empty()) continue;
    out += fmt::format("  {} -> {} [label={}];\n", id(it.from), id(it.to), quoted(it.message));
  }
  return out + "}\n";
}

std::string messages_in_mermaid(const SagaDefinition& saga) {
  std::string out = fmt::format("flowchart LR\n  saga[\"{}\"]\n", for_mermaid(saga.name()));
  std::size_t number = 0;
  for (const SagaMessage& message : saga.data()->messages) {
    out += fmt::format("  m{}([\"{}\"]) --{}> saga\n", number++, for_mermaid(text_of(message)),
                       message.can_start ? " starts --" : "");
  }
  return out;
}

std::string messages_in_dot(const SagaDefinition& saga) {
  std::string out = fmt::format("digraph {} {{\n  rankdir=LR;\n  saga [label={}, shape=box];\n",
                                quoted(saga.name()), quoted(saga.name()));
  std::size_t number = 0;
  for (const SagaMessage& message : saga.data()->messages) {
    out += fmt::format("  m{} [label={}, shape=plaintext];\n", number, quoted(text_of(message)));
    out +=
        fmt::format("  m{} -> saga{};\n", number++, message.can_start ? " [label=\"starts\"]" : "");
  }
  return out + "}\n";
}

}  // namespace

std::string to_mermaid(const SagaDefinition& saga) {
  return declares_states(saga) ? states_in_mermaid(saga) : messages_in_mermaid(saga);
}

std::string to_dot(const SagaDefinition& saga) {
  return declares_states(saga) ? states_in_dot(saga) : messages_in_dot(saga);
}

}  // namespace sagabus
