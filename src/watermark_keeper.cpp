#include "watermark_keeper.hpp"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "failure.hpp"

namespace sagabus::detail {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::chrono::seconds kInterval(5);

// How long the end of a bus waits for its last word.
constexpr std::chrono::seconds kLastWord(2);

}  // namespace

WatermarkKeeper::WatermarkKeeper(WatermarkKeeperOptions options)
    : options_(std::move(options)),
      strand_(asio::make_strand(options_.executor)),
      news_(options_.executor, 1) {}

void WatermarkKeeper::start() {
  Stage made = Stage::made;
  if (!stage_.compare_exchange_strong(made, Stage::started)) return;  // stopped already
  options_.settlements->on_news([weak = weak_from_this()] {
    if (const auto self = weak.lock()) notify(self->news_);
  });
  // On the strand, since stop() may be called at the same time: its signal comes after this.
  asio::post(strand_, [self = shared_from_this()] {
    auto op = self->run();
    auto done = [self](const std::exception_ptr&) { self->ended_.open(); };
    asio::co_spawn(self->strand_, std::move(op),
                   asio::bind_cancellation_slot(self->cancel_.slot(), std::move(done)));
  });
}

asio::awaitable<void> WatermarkKeeper::stop() {
  const auto self = shared_from_this();
  if (stage_.exchange(Stage::stopped) == Stage::made) self->ended_.open();
  asio::post(strand_, [self] { self->cancel_.emit(asio::cancellation_type::terminal); });
  co_await ended_.wait();
}

asio::awaitable<void> WatermarkKeeper::run() {
  try {
    if (stage_ == Stage::started) co_await keep_saving();
  } catch (const boost::system::system_error&) {  // NOLINT(bugprone-empty-catch): told to stop
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto saving = save();
  auto late = options_.ambient.clock->sleep_for(kLastWord);
  co_await (std::move(saving) || std::move(late));
}

asio::awaitable<void> WatermarkKeeper::keep_saving() {
  for (;;) {
    co_await news_.async_receive(asio::use_awaitable);
    co_await options_.ambient.clock->sleep_for(kInterval);
    co_await save();
  }
}

// What fails is said again with the next turn.
asio::awaitable<void> WatermarkKeeper::save() {
  if (const auto news = options_.settlements->news()) unsaved_ = write_watermark(*news);
  if (unsaved_.empty()) co_return;
  const std::string text = unsaved_;
  bool everywhere = true;
  for (const SagaStore& store : options_.stores) {
    try {
      co_await store.backend()->save_watermark(options_.settlements->worker(), text);
    } catch (const std::exception& error) {
      everywhere = false;
      const bool first = !std::exchange(warned_, true);
      options_.ambient.log(first ? LogLevel::warning : LogLevel::debug,
                           fmt::format("{}: the watermark of this worker was not written: {}",
                                       store.backend()->describe(), error.what()));
    }
  }
  if (everywhere) {
    unsaved_.clear();
    warned_ = false;
  } else {
    notify(news_);
  }
}

asio::awaitable<void> look_up_watermarks(Settlements& settlements, StoreBackend& store,
                                         std::vector<std::string> workers, const Logger& log) {
  for (const std::string& worker : workers) {
    std::exception_ptr error;
    try {
      const std::string text = co_await store.load_watermark(worker);
      if (!text.empty()) settlements.learn(worker, read_watermark(text));
      continue;
    } catch (...) {
      error = std::current_exception();
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(error);
    log(LogLevel::debug, fmt::format("{}: the watermark of worker {} was not read: {}",
                                     store.describe(), worker, describe(error).message));
  }
}

}  // namespace sagabus::detail
