#include "side_by_side.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <utility>

namespace sagabus::detail {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kSideBySide = 16;
constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

using Channel = asio::experimental::concurrent_channel<void(boost::system::error_code,
                                                            std::exception_ptr, bool)>;

asio::awaitable<Outcomes> run_alone(asio::awaitable<bool> operation) {
  Outcomes ends;
  try {
    const bool counts = co_await std::move(operation);
    if (counts) ++ends.count;
  } catch (...) {
    ends.failure = std::current_exception();
  }
  co_return ends;
}

}  // namespace

asio::awaitable<Outcomes> run_side_by_side(std::vector<asio::awaitable<bool>> operations) {
  if (operations.size() == 1) {
    auto running = run_alone(std::move(operations.front()));
    co_return co_await std::move(running);
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto channel = std::make_shared<Channel>(executor, operations.size());
  const auto on_end = [channel](std::exception_ptr error, bool counts) {
    channel->try_send(boost::system::error_code(), std::move(error), counts);
  };
  Outcomes ends;
  std::size_t begun = 0;
  for (std::size_t ended = 0;; ++ended) {
    while (!ends.failure && begun < std::min(operations.size(), ended + kSideBySide)) {
      asio::co_spawn(executor, std::move(operations[begun++]), on_end);
    }
    if (ended == begun) co_return ends;
    const auto [gone, error, counts] = co_await channel->async_receive(kResult);
    if (gone) throw boost::system::system_error(asio::error::operation_aborted);
    if (error) ends.failure = error;
    if (counts) ++ends.count;
  }
}

}  // namespace sagabus::detail
