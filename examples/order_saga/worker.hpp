// What a worker process of the demo does: it runs the saga and the services until it is told to
// stop, or killed.
#pragma once

#include <sys/types.h>

#include <string>

namespace orders {

struct WorkerOptions {
  std::string store;  // the URIs
  std::string transport;
  std::string books;  // the file
  unsigned concurrency = 64;
  pid_t parent = 0;          // it ends with that process
  bool ships_twice = false;  // does what must not be, once: does the demo see it?
};

// Returns at SIGTERM, when the steps that were running are done. Throws what starting threw.
void work(const WorkerOptions& options);

}  // namespace orders
