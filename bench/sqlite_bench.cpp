// What a bus does with the store for each message: one load and one commit, from many lanes.
//
//   sqlite_bench [--seconds S] [--directory DIR]
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "sagabus/sync_wait.hpp"
#include "sqlite/factory.hpp"

namespace {

namespace asio = boost::asio;
using namespace sagabus;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::uint64_t kSteps = 4;  // an instance's life

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return t.tv_sec + t.tv_usec / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// About 400 bytes in ten fields.
Value make_state(const std::string& id, std::uint64_t step) {
  Object items;
  for (int i = 0; i < 3; ++i) items.emplace_back("sku-" + std::to_string(i), Value(i + 1));
  Object out;
  out.emplace_back("orderId", Value(id));
  out.emplace_back("customerId", Value("customer-0123456789"));
  out.emplace_back("status", Value("payment_requested"));
  out.emplace_back("total", Value(1234.56));
  out.emplace_back("transactionId", Value("9f1c6f0e-3f7b-4c57-9c49-0c1d4e9a7a10"));
  out.emplace_back("shipmentId", Value("3b1c6f0e-3f7b-4c57-9c49-0c1d4e9a7a11"));
  out.emplace_back("address", Value("1 Long Street, Some Town, 12345, Some Country"));
  out.emplace_back("items", Value(std::move(items)));
  out.emplace_back("step", Value(step));
  out.emplace_back("express", Value(true));
  return Value(std::move(out));
}

EnvelopePtr make_message(const std::string& id) {
  Object payload;
  payload.emplace_back("orderId", Value(id));
  payload.emplace_back("total", Value(1234.56));
  auto envelope = std::make_shared<Envelope>();
  envelope->id = derive_message_id(id, id, 0);
  envelope->type = "PaymentRequested";
  envelope->payload = Value(std::move(payload));
  envelope->timestamp = system_clock()->now();
  return envelope;
}

struct Totals {
  std::uint64_t pairs = 0;
  std::vector<float> microseconds;
};

Instance next_step(const InstanceKey& key, const InstancePtr& before, std::uint64_t step) {
  const TimePoint now = system_clock()->now();
  Instance next;
  if (before) {
    next = *before;
  } else {
    next.saga_name = key.saga_name;
    next.saga_id = key.saga_id;
    next.correlation_id = key.correlation_id;
    next.created_at = now;
    next.bookkeeping.birth = new_nonce(*system_random());
  }
  next.version = step;
  next.updated_at = now;
  next.completed = step == kSteps;
  next.state = make_state(key.correlation_id, step);
  next.bookkeeping.inbox.push_back({derive_message_id(key.saga_id, key.saga_id, step), now});
  OutboxEntry entry;
  entry.message_id = next.bookkeeping.inbox.back().message_id;
  entry.worker = "0123456789abcdef";
  entry.sequence = step;
  entry.messages.push_back({make_message(key.correlation_id), {}});
  next.bookkeeping.outbox.assign(1, std::move(entry));
  return next;
}

asio::awaitable<void> lane(std::shared_ptr<StoreBackend> store, int number, SteadyTime end,
                           Totals& totals) {
  for (std::uint64_t order = 0;; ++order) {
    InstanceKey key;
    key.saga_name = "OrderSaga";
    key.correlation_id = fmt::format("order-{}-{}", number, order);
    key.saga_id = derive_saga_id(key.saga_name, key.correlation_id);
    for (std::uint64_t step = 1; step <= kSteps; ++step) {
      const auto start = std::chrono::steady_clock::now();
      if (start >= end) co_return;
      const InstancePtr before = co_await store->load(key);
      CommitRequest request;
      request.next = std::make_shared<const Instance>(next_step(key, before, step));
      if (before) {
        request.expected.emplace();
        request.expected->version = before->version;
        request.expected->birth = before->bookkeeping.birth;
        request.expected->created_at = before->created_at;
      }
      const CommitResult result = co_await store->commit(std::move(request));
      if (!result.committed) throw std::runtime_error("a conflict that cannot be");
      ++totals.pairs;
      totals.microseconds.push_back(
          std::chrono::duration<float, std::micro>(std::chrono::steady_clock::now() - start)
              .count());
    }
  }
}

void measure(const std::string& directory, int concurrency, double seconds) {
  const std::string path = fmt::format("{}/bench-{}.db", directory, concurrency);
  auto here = sqlite::embedded(path);
  sync_wait(here.store.backend()->prepare());
  asio::io_context context(1);
  Totals totals;
  const double cpu = cpu_seconds();
  const sqlite::LaneCounters before = sqlite::counters_of(here.store);
  const auto start = std::chrono::steady_clock::now();
  const auto end = start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                               std::chrono::duration<double>(seconds));
  for (int i = 0; i < concurrency; ++i) {
    asio::co_spawn(context, lane(here.store.backend(), i, end, totals),
                   [](std::exception_ptr error) {
                     if (error) std::rethrow_exception(error);
                   });
  }
  context.run();
  const double elapsed =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double used = cpu_seconds() - cpu;
  const sqlite::LaneCounters after = sqlite::counters_of(here.store);
  std::sort(totals.microseconds.begin(), totals.microseconds.end());
  const auto quantile = [&](double q) {
    return totals.microseconds[static_cast<std::size_t>(q * (totals.microseconds.size() - 1))];
  };
  const double pairs = static_cast<double>(totals.pairs);
  fmt::print(
      "{:4} lanes  {:8.0f} load+commit/s  {:6.2f} us CPU/pair  {:6.1f} commits/fsync  "
      "p50 {:6.0f} us  p99 {:6.0f} us\n",
      concurrency, pairs / elapsed, used / pairs * 1e6,
      pairs / static_cast<double>(after.transactions - before.transactions), quantile(0.5),
      quantile(0.99));
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 3;
  std::string directory = ".";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::stod(argv[i + 1]);
    if (std::strcmp(argv[i], "--directory") == 0) directory = argv[i + 1];
  }
  const std::string work = directory + "/sqlite-bench-" + std::to_string(::getpid());
  std::filesystem::create_directory(work);
  for (const int concurrency : {1, 16, 64, 256}) measure(work, concurrency, seconds);
  std::filesystem::remove_all(work);
}
