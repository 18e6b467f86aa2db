// Operations that are cancelled while they run on several threads.
#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <random>

#include "dynamodb_support.hpp"

namespace sagabus::dynamodb {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct Ends {
  std::atomic<std::uint64_t> deleted{0};
  std::atomic<int> aborted{0};
  std::atomic<int> failed{0};
};

// One deletion on a strand of its own, which alone uses the signal.
struct Caller : std::enable_shared_from_this<Caller> {
  Caller(asio::thread_pool& pool, Ends& e) : strand(asio::make_strand(pool)), ends(e) {}

  void begin(const SagaStore& store, TimePoint before) {
    auto on_end = [self = shared_from_this()](const std::exception_ptr& error, std::uint64_t n) {
      self->count(error, n);
    };
    asio::co_spawn(strand, store.delete_completed_before("Order", before),
                   asio::bind_cancellation_slot(signal.slot(), std::move(on_end)));
  }

  void cancel_after(std::chrono::microseconds wait) {
    timer.expires_after(wait);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code&) {
      self->signal.emit(asio::cancellation_type::terminal);
    });
  }

  void count(const std::exception_ptr& error, std::uint64_t deleted) {
    ends.deleted += deleted;
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
      ++(e.code() == asio::error::operation_aborted ? ends.aborted : ends.failed);
    } catch (...) {
      ++ends.failed;
    }
  }

  asio::strand<asio::thread_pool::executor_type> strand;
  asio::cancellation_signal signal;
  asio::steady_timer timer{strand};
  Ends& ends;
};

using DynamoDbCancel = DynamoDbTest;

TEST_F(DynamoDbCancel, DeletionsMayBeCancelledOnSeveralThreads) {
  const SagaStore store = make();
  constexpr int kInstances = 200;
  for (int i = 0; i < kInstances; ++i) {
    Instance given = order(fmt::format("c{}", i));
    given.completed = true;
    sync_wait(store.insert(given));
  }
  clock_->advance(1s);
  Ends ends;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  {
    asio::thread_pool pool(4);
    for (int i = 0; i < 40; ++i) {
      const auto caller = std::make_shared<Caller>(pool, ends);
      caller->begin(store, clock_->now());
      caller->cancel_after(std::chrono::microseconds(random() % 100'000));
    }
    pool.join();
  }
  EXPECT_EQ(ends.failed, 0);
  EXPECT_GT(ends.aborted, 0);
  EXPECT_LE(ends.deleted, static_cast<std::uint64_t>(kInstances));
  const std::uint64_t rest = sync_wait(store.delete_completed_before("Order", clock_->now()));
  EXPECT_LE(ends.deleted + rest, static_cast<std::uint64_t>(kInstances));
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 0U);
}

}  // namespace
}  // namespace sagabus::dynamodb
