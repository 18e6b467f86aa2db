// The demo from its first line to its last: orders, whoever carries them out, and the verdict.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace orders {

struct PlayOptions {
  std::size_t orders = 1000;
  std::string store;  // URIs, as examples::open_storage takes them
  std::string transport;
  unsigned concurrency = 64;         // orders under way at once
  unsigned timeout = 120;            // seconds
  std::size_t workers = 0;           // processes; 0: this one does all
  std::optional<std::size_t> kills;  // nothing: two, where somebody is left then to go on
  std::string report;                // a file for the figures; empty: none
  bool keep = false;                 // temporary directories
  bool ships_twice = false;          // each worker, once: WorkerOptions
};

// Returns the exit code, after saying why on standard error. Throws std::invalid_argument for wrong
// options, and what went wrong besides.
int play(const PlayOptions& options);

}  // namespace orders
