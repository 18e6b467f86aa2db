#include "conformance/bus_on_store.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "sagabus/random.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::test {

using namespace std::chrono_literals;
using sagabus::testing::FaultyStore;
using sagabus::testing::FaultyTransport;
using sagabus::testing::VirtualClock;

namespace {

constexpr int kMostWaits = 10'000;  // a run that ends needs some hundreds

}  // namespace

BusOnStore::BusOnStore(std::optional<double> ttl_days)
    : clock_(std::make_shared<VirtualClock>(
          std::chrono::floor<std::chrono::seconds>(system_clock()->now()))),
      ambient_{.clock = clock_},
      name_("Account-" + new_nonce(*system_random())),
      store_(GetParam().make({.ambient = {.clock = clock_}, .ttl_days = ttl_days})) {}

BusOnStore::~BusOnStore() {
  stop();
}

void BusOnStore::stop() {
  for (auto& worker : workers_) await(worker->bus->stop());
}

BusOnStore::Worker& BusOnStore::worker(const SagaDefinition& saga,
                                       std::chrono::milliseconds visibility_timeout) {
  memory::TransportOptions options;
  options.visibility_timeout = visibility_timeout;
  options.ambient = ambient_;
  return worker(saga, memory::Transport(std::move(options)));
}

BusOnStore::Worker& BusOnStore::worker(const SagaDefinition& saga, memory::Transport transport) {
  Worker& worker = *workers_.emplace_back(std::make_unique<Worker>());
  worker.transport = std::move(transport);
  const SagaStore counted(std::make_shared<sagabus::testing::BusyStore>(store_, waiting_));
  BusOptions options;
  options.transport =
      Transport(std::make_shared<FaultyTransport>(worker.transport, worker.transport_faults));
  options.store = SagaStore(std::make_shared<FaultyStore>(counted, worker.store_faults));
  options.sagas = {saga};
  options.services = {ear()};
  options.executor = io_.get_executor();
  options.ambient = ambient_;
  options.retry.jitter = false;
  options.max_coalesced_steps = max_coalesced_steps_;
  options.fire_timers = fire_timers_;
  worker.bus = std::make_unique<Bus>(std::move(options));
  await(worker.bus->start());
  return worker;
}

Service BusOnStore::ear() {
  return service("ear").on<Said>([this](const Said& m, MessageContext& ctx) {
    const auto [there, is_new] = said_.emplace(ctx.envelope().id, m.sum);
    EXPECT_EQ(there->second, m.sum) << "one message, two texts";
  });
}

void BusOnStore::run_now() {
  for (;;) {
    io_.restart();
    if (io_.poll() != 0) continue;
    if (*waiting_ == 0) return;
    wait_for_store();
  }
}

// The answer comes from another thread, or over the network.
void BusOnStore::wait_for_store() {
  io_.restart();
  io_.run_one_for(30s);
}

void BusOnStore::run() {
  int waits = 0;
  do {
    run_now();
    if (++waits > kMostWaits) {
      ADD_FAILURE() << "it goes on for ever";
      return stop();
    }
  } while (clock_->advance_to_next());
}

void BusOnStore::pass(std::chrono::nanoseconds time) {
  clock_->advance(time);
  run_now();
}

void BusOnStore::await(boost::asio::awaitable<void> operation) {
  auto result = boost::asio::co_spawn(io_, std::move(operation), boost::asio::use_future);
  while (result.wait_for(0s) != std::future_status::ready) {
    io_.restart();
    if (io_.poll() != 0) continue;
    if (*waiting_ != 0) {
      wait_for_store();
    } else {
      clock_->advance_to_next();
    }
  }
  result.get();
}

std::optional<Instance> BusOnStore::find(const std::string& id) const {
  return sync_wait(store_.get_by_correlation_id(name_, id));
}

Account BusOnStore::state(const std::string& id) const {
  return from_value<Account>(find(id).value().state);
}

void BusOnStore::erase(const std::string& id) const {
  sync_wait(store_.erase(name_, derive_saga_id(name_, id)));
}

std::vector<std::string> BusOnStore::letters(const Worker& of) const {
  std::vector<std::string> types;
  for (const EnvelopePtr& letter : of.transport.peek(name_ + ".dlq")) {
    types.push_back(letter->headers.at("x-saga-error-type"));
  }
  return types;
}

void BusOnStore::send_back(Worker& to, const std::function<void(Envelope&)>& change) {
  std::vector<SendRequest> requests;
  for (const EnvelopePtr& letter : to.transport.drain(name_ + ".dlq")) {
    auto envelope = std::make_shared<Envelope>(*letter);
    change(*envelope);
    SendRequest& request = requests.emplace_back();
    request.endpoint = name_;
    request.deduplication_key = envelope->id + "/back/" + new_nonce(*system_random());
    request.envelope = std::move(envelope);
  }
  await(to.transport.backend()->send(std::move(requests)));
  run_now();
}

std::vector<int> BusOnStore::sums() const {
  std::vector<int> sums;
  for (const auto& [id, sum] : said_) sums.push_back(sum);
  std::sort(sums.begin(), sums.end());
  return sums;
}

}  // namespace sagabus::test
