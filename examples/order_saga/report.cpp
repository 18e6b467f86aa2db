#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <sagabus/codec.hpp>
#include <sagabus/describe.hpp>
#include <sagabus/json.hpp>
#include <sagabus/sync_wait.hpp>
#include <unordered_map>

#include "order_saga.hpp"
#include "workload.hpp"

namespace orders {

struct Report {
  Setup setup;
  double seconds = 0;
  std::uint64_t messages = 0;
  std::uint64_t repeats = 0;
  double p50Ms = 0;
  double p99Ms = 0;
  std::uint64_t storeRequests = 0;
  std::uint64_t transportRequests = 0;
  std::uint64_t failedConditions = 0;
  double readUnits = 0;
  double writeUnits = 0;
};
SAGABUS_DESCRIBE(Setup, orders, inFlight, workers, kills)
SAGABUS_DESCRIBE(Report, setup, seconds, messages, repeats, p50Ms, p99Ms, storeRequests,
                 transportRequests, failedConditions, readUnits, writeUnits)

namespace {

double percentile(const std::vector<std::chrono::duration<double, std::milli>>& sorted,
                  double share) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)].count();
}

// Every instance of the run, a page at a time.
std::unordered_multimap<std::string, sagabus::Instance> read_all(const sagabus::SagaStore& store,
                                                                 const std::string& run) {
  std::unordered_multimap<std::string, sagabus::Instance> instances;
  sagabus::FindRequest request{.saga_name = kOrderSaga, .limit = 500};
  do {
    sagabus::FindPage page = sagabus::sync_wait(store.find_by_name(request));
    for (sagabus::Instance& instance : page.instances) {
      if (!instance.correlation_id.starts_with(run)) continue;  // of another run
      std::string order = instance.correlation_id;
      instances.emplace(std::move(order), std::move(instance));
    }
    request.continuation = std::move(page.continuation);
  } while (!request.continuation.empty());
  return instances;
}

std::string problem_of(const sagabus::Instance& instance, Ledger::End end) {
  if (!instance.completed) return "its saga is not completed";
  const auto state = sagabus::from_value<OrderState>(instance.state);
  if (state.status == OrderStatus::completed && end == Ledger::End::completed) return "";
  if (state.status == OrderStatus::cancelled && end == Ledger::End::cancelled) return "";
  return "store and ledger disagree on how it ended";
}

}  // namespace

void print_summary(const Tally& tally, std::chrono::duration<double> elapsed) {
  std::size_t cancelled = 0;
  for (const auto& [reason, orders] : tally.cancelled) cancelled += orders;
  fmt::print("  completed   {:>8}\n", tally.completed);
  fmt::print("  cancelled   {:>8}\n", cancelled);
  for (const auto& [reason, orders] : tally.cancelled) {
    fmt::print("              {:>8}  {}\n", orders, reason);
  }
  fmt::print("  messages    {:>8}  handled, {} of them tried again\n", tally.messages,
             tally.failures);
  if (tally.repeats > 0) {
    fmt::print("  repeated    {:>8}  messages that came again, and took effect once\n",
               tally.repeats);
  }
  fmt::print("  seconds     {:>8.2f}\n", elapsed.count());
  fmt::print("  messages/s  {:>8.0f}\n", static_cast<double>(tally.messages) / elapsed.count());
  fmt::print("  p50         {:>8.1f}  ms from the order to its end\n",
             percentile(tally.latencies, 0.50));
  fmt::print("  p99         {:>8.1f}  ms\n", percentile(tally.latencies, 0.99));
}

std::string json_report(const Setup& setup, const Tally& tally,
                        std::chrono::duration<double> elapsed) {
  Report report;
  report.setup = setup;
  report.seconds = elapsed.count();
  report.messages = tally.messages;
  report.repeats = tally.repeats;
  report.p50Ms = percentile(tally.latencies, 0.50);
  report.p99Ms = percentile(tally.latencies, 0.99);
  report.storeRequests = tally.bill.store.requests;
  report.transportRequests = tally.bill.transport_requests;
  report.failedConditions = tally.bill.store.failed_conditions;
  report.readUnits = tally.bill.store.read_units;
  report.writeUnits = tally.bill.store.write_units;
  return sagabus::to_json(sagabus::to_value(report));
}

std::vector<std::string> check_store(const sagabus::SagaStore& store, const Ledger& ledger,
                                     const std::string& run, std::size_t orders) {
  std::vector<std::string> problems;
  const auto instances = read_all(store, run);
  for (std::size_t n = 0; n < orders; ++n) {
    const std::string order = order_id(run, n);
    const auto [first, last] = instances.equal_range(order);
    const auto found = std::distance(first, last);
    const std::string problem = found == 1 ? problem_of(first->second, ledger.end_of(order))
                                           : fmt::format("the store has {} sagas for it", found);
    if (!problem.empty()) problems.push_back(order + ": " + problem);
  }
  if (instances.size() > orders) problems.emplace_back("the store has sagas nobody started");
  return problems;
}

}  // namespace orders
