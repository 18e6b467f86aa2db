// A process that kill_test starts, and that is killed: runs the sagas of cast.hpp as the plan on
// its command line says. A byte on its standard output is a sign of life.
// It ends by itself when the test has ended.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "faults/cast.hpp"
#include "faults/saboteur.hpp"
#include "faults/sqs_transport.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sqlite/embedded.hpp"
#include "sagabus/sync_wait.hpp"

namespace {

using namespace sagabus;
using namespace std::chrono_literals;

SagaStore dynamodb_store(const faults::Plan& plan) {
  dynamodb::StoreOptions options;
  options.table_name = plan.table;
  options.region = "us-east-1";
  options.endpoint = plan.endpoint;
  options.credentials = aws::static_credentials("test", "test");
  options.max_attempts = plan.max_attempts;
  return dynamodb::SagaStore(std::move(options));
}

sqlite::Embedded open(const faults::Plan& plan) {
  sqlite::EmbeddedOptions options;
  options.path = plan.database;
  // A message whose receiver never heard that it has it, or sleeps, comes back after this.
  if (plan.lose_every != 0 || plan.naps) options.visibility_timeout = 1s;
  return sqlite::embedded(std::move(options));
}

// Messages of a worker that was killed come back soon.
constexpr std::chrono::seconds kVisibilityTimeout = 2s;

// Until nobody reads our signs of life any more.
void wait_for_end_of_test() {
  pollfd life{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  while (::poll(&life, 1, -1) <= 0) {
  }
}

void run(const faults::Plan& plan) {
  faults::Saboteur saboteur(plan);
  const sqlite::Embedded here = open(plan);
  SagaStore store = here.store;
  if (!plan.table.empty()) store = dynamodb_store(plan);
  Transport transport = here.transport;
  if (!plan.queue_prefix.empty()) transport = faults::sqs_transport(plan, kVisibilityTimeout);
  BusOptions options;
  options.transport = saboteur.around(transport);
  options.store = saboteur.around(store);
  options.sagas = faults::cast();
  options.concurrency = 8;
  options.threads = 2;
  options.min_timeout = 1ms;
  options.retry = {.base_delay = 5ms, .max_delay = 100ms};  // outages are short here
  Bus bus(std::move(options));
  sync_wait(bus.start());
  wait_for_end_of_test();
  std::_Exit(0);
}

}  // namespace

int main(int count, char** words) {
  try {
    run(faults::from_words(count - 1, words + 1));
  } catch (const TransientError&) {
    return faults::kTryAgain;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kill_worker: %s\n", error.what());
  }
  return 1;
}
