#include "faults/audit.hpp"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <set>

#include "faults/cast.hpp"
#include "sagabus/codec.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::faults {
namespace {

std::string problem_of(const Instance& it) {
  std::set<std::string> taken;
  for (const InboxEntry& entry : it.bookkeeping.inbox) taken.insert(entry.message_id);
  if (taken.size() != it.bookkeeping.inbox.size()) return "it took a message twice";
  if (it.saga_name != kOrder) {
    const int times = from_value<DeedState>(it.state).times;
    return times == 1 ? "" : fmt::format("it happened {} times", times);
  }
  if (!it.completed) return "it has not ended";
  const auto s = from_value<OrderState>(it.state);
  if (s == OrderState{1, 1, 1, 1, 1}) return "";
  return fmt::format("placed {}, paid {}, reserved {}, shipped {}, picked {} times, {} early",
                     s.placed, s.payments, s.reservations, s.shipments, s.picks, s.early);
}

}  // namespace

std::vector<Instance> read_instances(const SagaStore& store) {
  std::vector<Instance> instances;
  for (const SagaDefinition& saga : cast()) {
    FindRequest request{.saga_name = saga.name(), .limit = 500};
    do {
      FindPage page = sync_wait(store.find_by_name(request));
      std::move(page.instances.begin(), page.instances.end(), std::back_inserter(instances));
      request.continuation = std::move(page.continuation);
    } while (!request.continuation.empty());
  }
  return instances;
}

std::vector<std::string> audit(const std::vector<Instance>& instances,
                               const std::vector<std::string>& orders) {
  std::map<std::string, std::set<std::string>> missing;
  for (const SagaDefinition& saga : cast()) {
    missing[saga.name()].insert(orders.begin(), orders.end());
  }
  std::vector<std::string> problems;
  for (const Instance& it : instances) {
    const bool expected = missing[it.saga_name].erase(it.correlation_id) == 1;
    const std::string problem = expected ? problem_of(it) : "nobody asked for it";
    if (problem.empty()) continue;
    problems.push_back(fmt::format("{} of {}: {}", it.saga_name, it.correlation_id, problem));
  }
  for (const auto& [saga, ids] : missing) {
    for (const std::string& id : ids) problems.push_back(fmt::format("{} of {}: none", saga, id));
  }
  return problems;
}

}  // namespace sagabus::faults
