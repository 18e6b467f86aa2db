// Operations that run at once: how many, and what becomes of failures and of cancelled callers.
#include "side_by_side.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <optional>
#include <stdexcept>

namespace sagabus::detail {
namespace {

namespace asio = boost::asio;

struct Seen {
  int begun = 0;
  int running = 0;
  int most = 0;
  int ended = 0;
};
using SeenPtr = std::shared_ptr<Seen>;

asio::awaitable<bool> operate(SeenPtr seen, int turns, bool fails) {
  ++seen->begun;
  seen->most = std::max(seen->most, ++seen->running);
  const auto executor = co_await asio::this_coro::executor;
  for (int turn = 0; turn < turns; ++turn) {
    auto turning = asio::post(executor, asio::use_awaitable);
    co_await std::move(turning);
  }
  --seen->running;
  ++seen->ended;
  if (fails) throw std::runtime_error("broken");
  co_return turns % 2 == 0;
}

std::vector<asio::awaitable<bool>> operations(const SeenPtr& seen, int count, int failing = -1) {
  std::vector<asio::awaitable<bool>> out;
  for (int i = 0; i < count; ++i) out.push_back(operate(seen, 1 + i % 7, i == failing));
  return out;
}

Outcomes run(std::vector<asio::awaitable<bool>> all) {
  asio::io_context context;
  std::optional<Outcomes> ends;
  asio::co_spawn(context, run_side_by_side(std::move(all)),
                 [&](const std::exception_ptr&, Outcomes given) { ends = std::move(given); });
  context.run();
  return ends.value();
}

TEST(SideBySide, SixteenAtATime) {
  const auto seen = std::make_shared<Seen>();
  const Outcomes ends = run(operations(seen, 100));
  EXPECT_EQ(seen->ended, 100);
  EXPECT_EQ(seen->most, 16);
  EXPECT_FALSE(ends.failure);
  EXPECT_EQ(ends.count, 43U);  // of seven in a row three say true; of the last two one
}

TEST(SideBySide, FewAndNone) {
  for (const int count : {0, 1, 2, 16, 17}) {
    const auto seen = std::make_shared<Seen>();
    EXPECT_FALSE(run(operations(seen, count)).failure);
    EXPECT_EQ(seen->ended, count);
  }
}

TEST(SideBySide, AfterAFailureThoseThatRunAreWaitedForAndNoMoreBegin) {
  const auto seen = std::make_shared<Seen>();
  const Outcomes ends = run(operations(seen, 100, 0));
  EXPECT_TRUE(ends.failure);
  EXPECT_THROW(std::rethrow_exception(ends.failure), std::runtime_error);
  EXPECT_EQ(seen->ended, seen->begun);
  EXPECT_LT(seen->begun, 33);
  const auto alone = std::make_shared<Seen>();
  EXPECT_TRUE(run(operations(alone, 1, 0)).failure);
}

TEST(SideBySide, ThoseThatHaveBegunGoOnWhenTheCallerIsCancelled) {
  const auto seen = std::make_shared<Seen>();
  asio::io_context context;
  asio::cancellation_signal cancel;
  std::exception_ptr error;
  asio::co_spawn(
      context, run_side_by_side(operations(seen, 100)),
      asio::bind_cancellation_slot(
          cancel.slot(), [&](std::exception_ptr thrown, const Outcomes&) { error = thrown; }));
  while (seen->begun < 16) context.run_one();
  cancel.emit(asio::cancellation_type::terminal);
  context.run();
  ASSERT_TRUE(error);
  EXPECT_THROW(std::rethrow_exception(error), boost::system::system_error);
  EXPECT_EQ(seen->ended, seen->begun);
  EXPECT_LT(seen->begun, 100);
}

}  // namespace
}  // namespace sagabus::detail
