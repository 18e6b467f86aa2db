// What the demo tells at its end: numbers, and whether every order ended exactly once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sagabus/store.hpp>
#include <string>
#include <vector>

#include "ledger.hpp"

namespace orders {

void print_summary(const Tally& tally, std::chrono::duration<double> elapsed);

// How the run was set up, for the report.
struct Setup {
  std::uint64_t orders = 0;
  std::uint64_t inFlight = 0;
  std::uint64_t workers = 0;  // processes; 0: all in one
  std::uint64_t kills = 0;
};

// The figures as one JSON object, for programs that compare runs.
std::string json_report(const Setup& setup, const Tally& tally,
                        std::chrono::duration<double> elapsed);

// Compares the instances in the store with the ledger, for the orders 0 to `orders` - 1 of the run:
// each must be there once, completed, and have ended as the ledger says. One line for each that is
// not so.
std::vector<std::string> check_store(const sagabus::SagaStore& store, const Ledger& ledger,
                                     const std::string& run, std::size_t orders);

}  // namespace orders
