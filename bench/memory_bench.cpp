// What an operation of the memory adapters costs, awaited as the bus awaits it.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"

namespace sagabus {
namespace {

namespace asio = boost::asio;

constexpr int kInstances = 5000;

// Runs the coroutine on one thread until it is done.
void run(asio::awaitable<void> operation) {
  asio::io_context context(1);
  asio::co_spawn(context, std::move(operation), asio::detached);
  context.run();
}

InstancePtr instance(int i) {
  Instance first;
  first.saga_name = "OrderSaga";
  first.correlation_id = "order-" + std::to_string(i);
  first.saga_id = derive_saga_id(first.saga_name, first.correlation_id);
  first.version = 1;
  first.bookkeeping.birth = "0123456789abcdef";
  return std::make_shared<const Instance>(std::move(first));
}

std::vector<InstancePtr> instances() {
  std::vector<InstancePtr> all;
  for (int i = 0; i < kInstances; ++i) all.push_back(instance(i));
  return all;
}

CommitRequest start(InstancePtr instance) {
  CommitRequest request;
  request.next = std::move(instance);
  return request;
}

asio::awaitable<void> fill(StoreBackend& store, const std::vector<InstancePtr>& all) {
  for (const InstancePtr& one : all) {
    CommitRequest request = start(one);
    co_await store.commit(std::move(request));
  }
}

asio::awaitable<void> loads(benchmark::State& state, StoreBackend& store,
                            const std::vector<InstancePtr>& all) {
  std::size_t i = 0;
  for (auto _ : state) {
    const InstancePtr& one = all[i++ % kInstances];
    InstanceKey key;
    key.saga_name = one->saga_name;
    key.correlation_id = one->correlation_id;
    key.saga_id = one->saga_id;
    benchmark::DoNotOptimize(co_await store.load(std::move(key)));
  }
}

// Goes to and fro between two versions of each instance, so that only the commit is measured.
asio::awaitable<void> commits(benchmark::State& state, StoreBackend& store,
                              std::vector<InstancePtr> current, std::vector<InstancePtr> next) {
  std::size_t i = 0;
  for (auto _ : state) {
    InstancePtr& from = current[i];
    InstancePtr& to = next[i];
    i = (i + 1) % kInstances;
    CommitRequest request = start(to);
    request.expected.emplace();
    request.expected->version = from->version;
    request.expected->birth = from->bookkeeping.birth;
    const CommitResult result = co_await store.commit(std::move(request));
    if (!result.committed) state.SkipWithError("not committed");
    std::swap(from, to);
  }
}

void StoreLoad(benchmark::State& state) {
  const memory::SagaStore store;
  const std::vector<InstancePtr> all = instances();
  run(fill(*store.backend(), all));
  run(loads(state, *store.backend(), all));
}
BENCHMARK(StoreLoad);

void StoreCommit(benchmark::State& state) {
  const memory::SagaStore store;
  const std::vector<InstancePtr> all = instances();
  run(fill(*store.backend(), all));
  std::vector<InstancePtr> next;
  for (const InstancePtr& one : all) {
    auto second = std::make_shared<Instance>(*one);
    ++second->version;
    next.push_back(std::move(second));
  }
  run(commits(state, *store.backend(), all, std::move(next)));
}
BENCHMARK(StoreCommit);

// Send, receive and acknowledge `batch` messages, each with a deduplication key.
asio::awaitable<void> passes(benchmark::State& state, TransportBackend& transport) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Envelope e;
  e.id = "9f1c6f0e-3f7b-4c57-9c49-0c1d4e9a7a10";
  e.type = "OrderSubmitted";
  const auto envelope = std::make_shared<const Envelope>(std::move(e));
  Subscription subscription;
  subscription.endpoint = "OrderSaga";
  subscription.types.emplace_back("OrderSubmitted");
  co_await transport.subscribe(std::move(subscription));
  std::uint64_t number = 0;
  for (auto _ : state) {
    std::vector<SendRequest> requests(batch);
    for (SendRequest& request : requests) {
      request.envelope = envelope;
      request.deduplication_key.resize(16);
      ++number;
      std::copy_n(reinterpret_cast<const char*>(&number), 8, request.deduplication_key.begin());
    }
    co_await transport.send(std::move(requests));
    std::vector<Delivery> deliveries = co_await transport.receive("OrderSaga", batch);
    for (Delivery& delivery : deliveries) co_await transport.acknowledge(std::move(delivery));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void TransportPass(benchmark::State& state) {
  const memory::Transport transport{
      {.deduplication_limit = static_cast<std::size_t>(state.range(1))}};
  run(passes(state, *transport.backend()));
}
BENCHMARK(TransportPass)
    ->ArgNames({"batch", "keys"})
    ->Args({1, 30'000})
    ->Args({16, 30'000})
    ->Args({64, 30'000})
    ->Args({16, 300'000})
    ->Args({16, 0});

// The same, with a receiver that waits each time, as an idle bus does.
asio::awaitable<void> waits(benchmark::State& state, TransportBackend& transport, bool& done) {
  Envelope e;
  e.id = "m";
  const auto envelope = std::make_shared<const Envelope>(std::move(e));
  for (auto _ : state) {
    std::vector<SendRequest> requests(1);
    requests[0].envelope = envelope;
    requests[0].endpoint = "ping";
    co_await transport.send(std::move(requests));
    std::vector<Delivery> deliveries = co_await transport.receive("pong", 1);
    co_await transport.acknowledge(std::move(deliveries[0]));
  }
  done = true;
}

asio::awaitable<void> answers(TransportBackend& transport, const bool& done) {
  while (!done) {
    std::vector<Delivery> deliveries = co_await transport.receive("ping", 1);
    std::vector<SendRequest> requests(1);
    requests[0].envelope = deliveries[0].envelope;
    requests[0].endpoint = "pong";
    co_await transport.send(std::move(requests));
    co_await transport.acknowledge(std::move(deliveries[0]));
  }
}

void TransportWakeUp(benchmark::State& state) {
  const memory::Transport transport;
  bool done = false;
  asio::io_context context(1);
  asio::co_spawn(context, answers(*transport.backend(), done), asio::detached);
  asio::co_spawn(context, waits(state, *transport.backend(), done),
                 [&](const std::exception_ptr&) { context.stop(); });
  context.run();
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(TransportWakeUp);

}  // namespace
}  // namespace sagabus
