// What the verbs about outboxes share.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "command.hpp"
#include "sagabus/outbox.hpp"
#include "verbs/lasting_store.hpp"

namespace sagabus::tools {

struct OutboxOptions {
  std::string store;
  std::string saga;
  std::chrono::milliseconds older_than{std::chrono::minutes(10)};
  bool json = false;
};

// The group `sagabus outbox`, made with the first verb that asks for it.
CLI::App& outbox_group(CLI::App& app);

// Adds --store, --saga, --older-than and --json.
void add_outbox_options(CLI::App& verb, OutboxOptions& options);

// Prints one entry: a few lines for people, or one JSON object on a line. `outcome` tells what
// became of it.
void print_finding(const Instance& instance, const OutboxFinding& finding, TimePoint now,
                   std::string_view outcome, bool json);

}  // namespace sagabus::tools
