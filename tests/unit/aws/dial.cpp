#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>
#include <memory>

#include "aws/connection.hpp"
#include "support/http_server.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// How the dials of a test ended.
struct Ends {
  std::atomic<int> connected{0};
  std::atomic<int> aborted{0};
  std::atomic<int> failed{0};
};

// One dial on a strand of its own, which alone uses the signal.
struct Caller : std::enable_shared_from_this<Caller> {
  Caller(asio::thread_pool& pool, Ends& e) : strand(asio::make_strand(pool)), ends(e) {}

  void dial_to(const Endpoint& endpoint) {
    auto work = dial(endpoint, nullptr, std::chrono::steady_clock::now() + 60s);
    auto on_end = [self = shared_from_this()](const std::exception_ptr& error,
                                              const std::shared_ptr<Connection>& connection) {
      self->count(error, connection);
    };
    asio::co_spawn(strand, std::move(work),
                   asio::bind_cancellation_slot(signal.slot(), std::move(on_end)));
  }

  void cancel() {
    asio::post(strand, [self = shared_from_this()] {
      self->signal.emit(asio::cancellation_type::terminal);
    });
  }

  void count(const std::exception_ptr& error, const std::shared_ptr<Connection>& connection) {
    if (!error) {
      ++(connection ? ends.connected : ends.failed);
      return;
    }
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
  Ends& ends;
};

// A cancellation that met the end of the dial on another thread used what was gone.
TEST(Dial, CanBeCancelledOnAnyThreadAtAnyMoment) {
  constexpr int kDials = 3000;
  constexpr int kAtOnce = 30;
  TestServer server(echo);
  Ends ends;
  for (int round = 0; round < kDials / kAtOnce; ++round) {
    asio::thread_pool pool(4);
    for (int i = 0; i < kAtOnce; ++i) {
      const auto caller = std::make_shared<Caller>(pool, ends);
      asio::post(caller->strand, [caller, &server] { caller->dial_to(server.endpoint()); });
      // Some at once, some after as many turns of the pool as a dial may take.
      asio::post(pool, [caller, i, &pool] {
        if (i % 3 == 0) return caller->cancel();
        asio::post(pool, [caller, i, &pool] {
          if (i % 3 == 1) return caller->cancel();
          asio::post(pool, [caller] { caller->cancel(); });
        });
      });
    }
    pool.join();
  }
  EXPECT_EQ(ends.failed, 0);
  EXPECT_EQ(ends.connected + ends.aborted, kDials);
  EXPECT_GT(ends.aborted, 0);
}

}  // namespace
}  // namespace sagabus::aws
