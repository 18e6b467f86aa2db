// The lives of coroutines that wait for the database's thread.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>

#include "sqlite_support.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;

class SqliteSuspend : public ::testing::Test {
 protected:
  TempDirectory directory_;
  std::string path_ = directory_.file();
};

asio::awaitable<void> commit_for_ever(std::shared_ptr<StoreBackend> store, int lane) {
  for (std::uint64_t version = 1;; ++version) {
    CommitRequest request = make_commit(make_instance(std::to_string(lane), version));
    const CommitResult result = co_await store->commit(std::move(request));
    EXPECT_TRUE(result.committed);
  }
}

TEST_F(SqliteSuspend, AContextMayBeDestroyedWhileOperationsRun) {
  const SagaStore store{{.path = path_}};
  for (int round = 0; round < 30; ++round) {
    asio::io_context context(1);
    for (int i = 0; i < 8; ++i) start(context, commit_for_ever(store.backend(), round * 8 + i));
    context.run_for(std::chrono::milliseconds(round % 4));
  }
}

TEST_F(SqliteSuspend, TheLastHandleMayGoWithTheContext) {
  for (int round = 0; round < 10; ++round) {
    asio::io_context context(1);
    SagaStore store{{.path = path_}};
    for (int i = 0; i < 8; ++i) start(context, commit_for_ever(store.backend(), round * 8 + i));
    store = SagaStore{{.path = directory_.file("other.db")}};
    context.run_for(std::chrono::milliseconds(round % 4));
  }
}

asio::awaitable<void> commit_some(std::shared_ptr<StoreBackend> store, int lane, int count) {
  for (int version = 1; version <= count; ++version) {
    CommitRequest request =
        make_commit(make_instance(std::to_string(lane), static_cast<std::uint64_t>(version)));
    const CommitResult result = co_await store->commit(std::move(request));
    EXPECT_TRUE(result.committed);
  }
}

TEST_F(SqliteSuspend, APoolOfThreadsMayAwait) {
  const SagaStore store{{.path = path_}};
  asio::thread_pool pool(4);
  for (int i = 0; i < 32; ++i) {
    asio::co_spawn(pool, commit_some(store.backend(), i, 20), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }
  pool.join();
  EXPECT_EQ(sync_wait(store.count_by_name("OrderSaga")), 32U);
}

TEST_F(SqliteSuspend, ACancelledOperationIsCarriedOutOnceAndEnds) {
  const SagaStore store{{.path = path_}};
  sync_wait(store.backend()->prepare());
  for (int i = 0; i < 50; ++i) {
    asio::io_context context(1);
    asio::cancellation_signal signal;
    int ended = 0;
    asio::co_spawn(context, commit_for_ever(store.backend(), i),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                     EXPECT_TRUE(error);
                     ++ended;
                   }));
    context.run_for(std::chrono::microseconds(i * 40));
    asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
    context.restart();
    context.run();
    EXPECT_EQ(ended, 1);
  }
}

asio::awaitable<void> receive_once(std::shared_ptr<TransportBackend> transport) {
  co_await transport->receive("e", 10);
}

TEST_F(SqliteSuspend, AContextMayBeDestroyedWhileReceiversWait) {
  auto here = embedded(path_);
  for (int round = 0; round < 10; ++round) {
    asio::io_context context(1);
    for (int i = 0; i < 8; ++i) start(context, receive_once(here.transport.backend()));
    context.run_for(std::chrono::milliseconds(round));
  }
  sync_wait(here.transport.backend()->send(one(make_send("e", "1"))));
  EXPECT_EQ(sync_wait(here.transport.backend()->receive("e", 10)).size(), 1U);
}

TEST_F(SqliteSuspend, ACancelledReceiverLosesNothing) {
  auto here = embedded(path_);
  auto& transport = *here.transport.backend();
  sync_wait(transport.subscribe({"e", {"T"}}));
  for (int i = 0; i < 60; ++i) {
    asio::io_context context(1);
    asio::cancellation_signal signal;
    std::size_t got = 0;
    asio::co_spawn(context, transport.receive("e", 10),
                   asio::bind_cancellation_slot(
                       signal.slot(), [&](std::exception_ptr error, std::vector<Delivery> them) {
                         got = them.size();
                         EXPECT_EQ(error == nullptr, got == 1);
                       }));
    context.poll();
    std::thread sender(
        [&] { sync_wait(transport.send(one(make_send("e", "id" + std::to_string(i))))); });
    context.run_for(std::chrono::microseconds(i * 20));
    signal.emit(asio::cancellation_type::terminal);
    context.restart();
    context.run();
    sender.join();
    // What the cancelled one did not return comes again at once, not after the visibility timeout.
    if (got == 0) {
      EXPECT_EQ(sync_wait(transport.receive("e", 10)).size(), 1U);
    }
    EXPECT_EQ(sync_wait(here.transport.depth("e")).ready, 0U);
  }
}

}  // namespace
}  // namespace sagabus::sqlite
