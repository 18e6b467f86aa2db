#include "sagabus/diagram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace sagabus {
namespace {

using detail::SagaHandler;
using detail::SagaMessage;

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

std::string text_of(const SagaMessage& message) {
  if (!message.timeout) return message.type;
  return message.timeout->empty() ? std::string("any timeout") : "timeout " + *message.timeout;
}

bool declares_states(const SagaHandler& handler) {
  return !handler.in.empty() || !handler.leads_to.empty();
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

// A message that starts the saga comes from outside, whatever state a new instance begins with.
void add(Picture& picture, const SagaMessage& message, const SagaHandler& handler) {
  const std::string text = text_of(message);
  std::vector<std::string> from = handler.in;
  if (from.empty()) from.emplace_back(kAnyState);
  for (const std::string& state : from) {
    const std::string begin = message.can_start ? std::string() : state;
    if (handler.leads_to.empty()) add(picture, {begin, state, text});
    for (const std::string& to : handler.leads_to) add(picture, {begin, to, text});
  }
}

Picture picture_of(const SagaDefinition& saga) {
  Picture picture;
  for (const SagaMessage& message : saga.data()->messages) {
    for (const SagaHandler& handler : message.handlers) add(picture, message, handler);
  }
  for (const std::string& state : picture.states) {
    const bool leaves = std::ranges::any_of(picture.transitions,
                                            [&](const Transition& it) { return it.from == state; });
    if (!leaves) picture.transitions.push_back({state, {}, {}});
  }
  return picture;
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

std::string for_dot(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + '"';
}

std::string states_in_mermaid(const SagaDefinition& saga) {
  const Picture picture = picture_of(saga);
  std::string out = fmt::format("---\ntitle: {}\n---\nstateDiagram-v2\n", for_mermaid(saga.name()));
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
  std::string out = fmt::format("digraph {} {{\n  rankdir=LR;\n", for_dot(saga.name()));
  out += "  begin [shape=point, label=\"\"];\n";
  for (std::size_t i = 0; i < picture.states.size(); ++i) {
    const bool is_end =
        std::ranges::find(picture.transitions, Transition{picture.states[i], {}, {}}) !=
        picture.transitions.end();
    out += fmt::format("  s{} [label={}, shape=box, style=rounded{}];\n", i,
                       for_dot(picture.states[i]), is_end ? ", peripheries=2" : "");
  }
  const auto id = [&](const std::string& state) {
    return state.empty() ? std::string("begin") : fmt::format("s{}", picture.number_of(state));
  };
  for (const Transition& it : picture.transitions) {
    if (it.to.empty()) continue;
    out += fmt::format("  {} -> {} [label={}];\n", id(it.from), id(it.to), for_dot(it.message));
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
                                for_dot(saga.name()), for_dot(saga.name()));
  std::size_t number = 0;
  for (const SagaMessage& message : saga.data()->messages) {
    out += fmt::format("  m{} [label={}, shape=plaintext];\n", number, for_dot(text_of(message)));
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
