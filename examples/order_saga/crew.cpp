#include "crew.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <stdexcept>

namespace orders {
namespace {

constexpr std::chrono::seconds kGrace{60};  // a bus gives its handlers half of that

// A worker that was told to go before it had begun knows no better than to die of it.
bool is_good_end(int status) {
  return status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

}  // namespace

Crew::Crew(CrewOptions options) : options_(std::move(options)) {
  for (std::size_t i = 0; i < options_.workers; ++i) {
    workers_.push_back(std::make_unique<Process>(options_.command));
  }
}

void Crew::look_after(std::size_t settled) {
  // Of two, the first goes after a third of the orders, and the second after two thirds.
  while (killed_ < options_.kills &&
         settled * (options_.kills + 1) >= options_.orders * (killed_ + 1)) {
    kill_one(settled);
  }
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (const auto status = workers_[i]->ended()) {
      throw std::runtime_error(fmt::format("worker {} {}", i + 1, describe_status(*status)));
    }
  }
}

void Crew::kill_one(std::size_t settled) {
  const std::size_t number = killed_ % workers_.size();
  std::unique_ptr<Process>& worker = workers_[number];
  const pid_t old = worker->id();
  worker->signal(SIGKILL);
  worker->wait();
  worker = std::make_unique<Process>(options_.command);
  ++killed_;
  options_.say(
      fmt::format("  killed      worker {} (process {}) after {} orders; process {} goes on",
                  number + 1, old, settled, worker->id()));
}

void Crew::send_home() {
  for (const auto& worker : workers_) worker->signal(SIGTERM);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const auto status = workers_[i]->wait_for(kGrace);
    if (status && is_good_end(*status)) continue;
    throw std::runtime_error(
        fmt::format("worker {} {}", i + 1, status ? describe_status(*status) : "does not end"));
  }
  workers_.clear();
}

}  // namespace orders
