// A backlog of timeouts that came due while no bus ran: how fast they are set, sent and handled.
//
//   timer_drain_bench [NUMBER [STORE URI]]
//
// 100,000 on SQLite in a temporary directory, unless told otherwise. Where store and transport are
// not one database, reading and erasing such rows is measured too: no drain can be faster. Ends
// with an error where one of them did not come to its instance exactly once.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>
#include <vector>

#include "common/storage.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/saga.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/timer_store.hpp"

namespace {

using namespace sagabus;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned kBatch = 1000;

struct Begun {
  std::string id;
};
SAGABUS_MESSAGE(Begun, id)

struct Sleeper {
  int times = 0;
};
SAGABUS_DESCRIBE(Sleeper, times)

struct Count {
  std::atomic<unsigned> begun{0};
  std::atomic<unsigned> heard{0};
};

SagaDefinition sleeper(Count& count) {
  return saga<Sleeper>("Sleeper")
      .correlate<Begun>(&Begun::id, can_start)
      .initial([] { return Sleeper{}; })
      .on<Begun>()
      .handle([&count](const Begun&, Sleeper&, SagaContext& ctx) {
        ctx.set_timeout("up", 1s);
        ++count.begun;
      })
      .on_timeout("up")
      .handle([&count](Sleeper& s) {
        ++s.times;
        ++count.heard;
      })
      .build();
}

BusOptions options(const examples::Storage& storage) {
  BusOptions options;
  options.transport = storage.messages.transport;
  options.store = storage.store;
  return options;
}

template <class Ready>
double seconds_until(Ready ready) {
  const auto begin = Clock::now();
  while (!ready()) std::this_thread::sleep_for(50ms);
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

void print(std::string_view what, unsigned number, double seconds) {
  fmt::print("{:<8} {:>8.0f}/s   ({} in {:.2f} s)\n", what, number / seconds, number, seconds);
  std::fflush(stdout);
}

bool is_drained(TimerBackend& timers) {
  for (unsigned shard = 0; shard < timers.shards(); ++shard) {
    if (!sync_wait(timers.due(shard, timers.now() + 60s, 1)).empty()) return false;
  }
  return true;
}

// Many at a time, so that the disk is not what is measured.
void publish(const examples::Storage& storage, unsigned from, unsigned to) {
  std::vector<SendRequest> requests;
  for (unsigned i = from; i < to; ++i) {
    auto envelope = std::make_shared<Envelope>();
    envelope->id = fmt::format("begun-{}", i);
    envelope->type = message_name<Begun>();
    envelope->payload = to_value(Begun{std::to_string(i)});
    envelope->timestamp = system_clock()->now();
    requests.emplace_back().envelope = std::move(envelope);
  }
  sync_wait(storage.messages.transport.backend()->send(std::move(requests)));
}

void set_all(const examples::Storage& storage, Count& count, unsigned number) {
  BusOptions chosen = options(storage);
  chosen.sagas = {sleeper(count)};
  chosen.fire_timers = false;
  Bus bus(std::move(chosen));
  sync_wait(bus.start());
  const auto begin = Clock::now();
  for (unsigned i = 0; i < number; i += kBatch) publish(storage, i, std::min(i + kBatch, number));
  seconds_until([&] { return count.begun >= number; });
  print("set", number, std::chrono::duration<double>(Clock::now() - begin).count());
  sync_wait(bus.stop());
}

// Nobody takes what is sent.
double send_all(const examples::Storage& storage, unsigned number) {
  TimerBackend& timers = *storage.store.backend()->timers();
  std::this_thread::sleep_for(1100ms);  // then all of them are due
  Bus bus(options(storage));
  sync_wait(bus.start());
  const double seconds = seconds_until([&] { return is_drained(timers); });
  print("sent", number, seconds);
  sync_wait(bus.stop());
  return seconds;
}

bool erase_page(TimerBackend& timers, unsigned shard) {
  std::vector<TimerKey> keys;
  for (TimerRow& row : sync_wait(timers.due(shard, timers.now(), 200))) {
    keys.push_back(std::move(row.key));
  }
  return sync_wait(timers.erase(std::move(keys), nullptr)) > 0;
}

// Such rows, read and erased and nothing else.
double erase_all(const examples::Storage& storage, unsigned number) {
  TimerBackend& timers = *storage.store.backend()->timers();
  const TimePoint due = timers.now() - 1h;
  Envelope envelope;
  envelope.type = message_name<SagaTimeoutExpired>();
  envelope.timestamp = due;
  envelope.payload = to_value(SagaTimeoutExpired{"id", "Sleeper", "1", 1000, due, "up"});
  std::vector<TimerRow> rows;
  for (unsigned i = 0; i < number; ++i) {
    envelope.id = fmt::format("bare-{}", i);
    rows.push_back({{due, envelope.id}, "Sleeper", std::make_shared<const Envelope>(envelope)});
  }
  sync_wait(timers.put(std::move(rows), nullptr));
  const auto begin = Clock::now();
  for (unsigned shard = 0; shard < timers.shards(); ++shard) {
    while (erase_page(timers, shard)) {
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (!is_drained(timers)) throw std::runtime_error("rows were left");
  print("erased", number, seconds);
  return seconds;
}

void handle_all(const examples::Storage& storage, Count& count, unsigned number) {
  BusOptions chosen = options(storage);
  chosen.sagas = {sleeper(count)};
  Bus bus(std::move(chosen));
  sync_wait(bus.start());
  print("handled", number, seconds_until([&] { return count.heard >= number; }));
  sync_wait(bus.stop());
}

unsigned not_once(const SagaStore& store) {
  unsigned wrong = 0;
  FindRequest request{.saga_name = "Sleeper", .limit = 1000};
  do {
    FindPage page = sync_wait(store.find_by_name(request));
    for (const Instance& it : page.instances) {
      const bool once = from_value<Sleeper>(it.state).times == 1 && it.bookkeeping.timers.empty();
      wrong += once ? 0 : 1;
    }
    request.continuation = std::move(page.continuation);
  } while (!request.continuation.empty());
  return wrong;
}

int run(unsigned number, const std::string& uri) {
  const examples::Storage storage = examples::open_storage(uri);
  Count count;
  set_all(storage, count, number);
  const double sent = send_all(storage, number);
  if (!storage.store.backend()->join(storage.messages.transport.backend())) {
    fmt::print("sent at {:.2f} of that speed\n", erase_all(storage, number) / sent);
  }
  handle_all(storage, count, number);
  const unsigned wrong = not_once(storage.store);
  fmt::print("{} came exactly once, {} did not\n", number - wrong, wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  try {
    const unsigned number = count > 1 ? static_cast<unsigned>(std::stoul(words[1])) : 100'000;
    return run(number, count > 2 ? words[2] : "");
  } catch (const std::exception& error) {
    fmt::print(stderr, "timer_drain_bench: {}\n", error.what());
    return 1;
  }
}
