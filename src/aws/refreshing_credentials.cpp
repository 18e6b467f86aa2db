#include "aws/refreshing_credentials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown error";
  }
}

}  // namespace

// A parameter of the refresh: tells those who wait, also where its coroutine is destroyed, begun or
// not.
class RefreshingCredentials::Ending {
 public:
  Ending(std::shared_ptr<RefreshingCredentials> owner, std::shared_ptr<Refresh> running)
      : owner_(std::move(owner)), running_(std::move(running)) {}
  ~Ending() { owner_->end(running_); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  const std::shared_ptr<RefreshingCredentials> owner_;
  const std::shared_ptr<Refresh> running_;
};

RefreshingCredentials::RefreshingCredentials(std::shared_ptr<CredentialsProvider> source,
                                             std::string name, CredentialsOptions options)
    : source_(std::move(source)), name_(std::move(name)), options_(std::move(options)) {}

asio::awaitable<Credentials> RefreshingCredentials::get() {
  const auto self = shared_from_this();
  for (;;) {
    std::shared_ptr<Refresh> running;
    Need needed = Need::none;
    bool begins = false;
    {
      const std::lock_guard lock(mutex_);
      needed = need(options_.clock->now());
      if (needed == Need::none) co_return *kept_;
      running = begin_or_join(begins);
      if (needed == Need::soon && !begins) co_return *kept_;
    }
    if (begins) {
      const auto executor = co_await asio::this_coro::executor;
      auto op = refresh(self, running, std::make_unique<Ending>(self, running));
      asio::co_spawn(executor, std::move(op), asio::detached);
    }
    if (needed == Need::soon) continue;
    co_await running->ended.wait();
    const std::lock_guard lock(mutex_);
    if (lasts(options_.clock->now())) co_return *kept_;
    if (running->failure) std::rethrow_exception(running->failure);
  }
}

// Of many calls that are refused together, and of late ones, the first makes the next `get`
// refresh.
bool RefreshingCredentials::renew(const Credentials& refused) {
  if (refused.session_token.empty()) return false;
  const std::lock_guard lock(mutex_);
  const bool are_these = kept_ && kept_->access_key_id == refused.access_key_id &&
                         kept_->session_token == refused.session_token;
  if (!are_these || refused_) return true;
  const auto now = options_.clock->monotonic();
  if (renewed_at_ && now - *renewed_at_ < kRenewAtMostEvery) return false;
  renewed_at_ = now;
  refused_ = true;
  return true;
}

// With the mutex.
RefreshingCredentials::Need RefreshingCredentials::need(TimePoint now) const {
  const auto since = options_.clock->monotonic() - failed_at_;
  if (!kept_ || !lasts(now)) {
    if (failure_ && !running_ && since < kRetryWithout) std::rethrow_exception(failure_);
    return Need::now;
  }
  if (!kept_->expiration || now < refresh_at_) return Need::none;
  if (failure_ && since < kRetryWhileOldOnesLast) return Need::none;
  return now < wait_at_ ? Need::soon : Need::now;
}

bool RefreshingCredentials::lasts(TimePoint now) const {
  return kept_ && !refused_ && (!kept_->expiration || now < *kept_->expiration);
}

std::shared_ptr<RefreshingCredentials::Refresh> RefreshingCredentials::begin_or_join(bool& begins) {
  const auto now = options_.clock->monotonic();
  begins = !running_ || now - running_->began > kLongestRefresh;
  if (!begins) return running_;
  auto running = std::make_shared<Refresh>();
  running->began = now;
  running->left_alone = std::move(running_);
  running_ = running;
  return running;
}

asio::awaitable<void> RefreshingCredentials::refresh(std::shared_ptr<RefreshingCredentials> self,
                                                     std::shared_ptr<Refresh> running,
                                                     std::unique_ptr<Ending> /*at_its_end*/) {
  std::exception_ptr error;
  try {
    Credentials credentials = co_await self->source_->get();
    self->succeed(running, std::move(credentials));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) self->fail(running, error);
}

void RefreshingCredentials::succeed(const std::shared_ptr<Refresh>& running,
                                    Credentials credentials) {
  const TimePoint now = options_.clock->now();
  if (credentials.expiration && *credentials.expiration <= now) {
    throw TransientError("they have expired already");
  }
  const std::lock_guard lock(mutex_);
  if (running_ != running && lasts(now)) return;  // it was left alone, and a later one has come
  if (credentials.expiration) {
    const TimePoint end = *credentials.expiration;
    refresh_at_ = end - std::min<TimePoint::duration>(kRefreshBefore, (end - now) / 4);
    wait_at_ = end - std::min<TimePoint::duration>(kWaitBefore, (end - now) / 6);
  }
  kept_ = std::move(credentials);
  refused_ = false;
  failure_ = nullptr;
}

void RefreshingCredentials::fail(const std::shared_ptr<Refresh>& running,
                                 std::exception_ptr error) {
  bool had = false;
  {
    const std::lock_guard lock(mutex_);
    running->failure = error;
    failure_ = error;
    failed_at_ = options_.clock->monotonic();
    had = lasts(options_.clock->now());
  }
  if (!had) return;  // whoever waits is told
  options_.logger(LogLevel::warning,
                  fmt::format("credentials of {} were not refreshed: {}", name_, text_of(error)));
}

void RefreshingCredentials::end(const std::shared_ptr<Refresh>& running) {
  {
    const std::lock_guard lock(mutex_);
    if (running_ == running) running_.reset();
  }
  for (auto it = running; it; it = it->left_alone) it->ended.open();
}

std::shared_ptr<CredentialsProvider> refreshing_credentials(
    std::shared_ptr<CredentialsProvider> source, std::string name, CredentialsOptions options) {
  return std::make_shared<RefreshingCredentials>(std::move(source), std::move(name),
                                                 std::move(options));
}

}  // namespace sagabus::aws
