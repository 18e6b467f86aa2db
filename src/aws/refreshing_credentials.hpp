// Keeps what a source gives for as long as it lasts.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sagabus/aws/credentials.hpp"
#include "waiting/gate.hpp"

namespace sagabus::aws {

// Credentials that expire are refreshed this long before, in the background, and are waited for
// when they come nearer than the second of the two. Those that last less than an hour have a
// quarter and a sixth of their life instead.
inline constexpr std::chrono::minutes kRefreshBefore{15};
inline constexpr std::chrono::minutes kWaitBefore{10};

// After a failure nobody asks the source for so long while the old ones last, and for the second
// time where there are none.
inline constexpr std::chrono::seconds kRetryWhileOldOnesLast{30};
inline constexpr std::chrono::seconds kRetryWithout{1};

// A service that goes on refusing what it is given makes nobody ask the source more often than
// this.
inline constexpr std::chrono::seconds kRenewAtMostEvery{30};

// A refresh that has not ended by then is left alone, and another begins: its io_context may stand
// still.
inline constexpr std::chrono::minutes kLongestRefresh{2};

// One refresh at a time, whoever asks. It runs on the executor of the coroutine that began it, and
// goes on where that is cancelled; where its io_context goes away, another begins anew. While a
// source fails, the old ones are given until they expire, and never longer. Those that a service
// has refused count as expired. Only those of a session do: long-lived keys have no others.
class RefreshingCredentials final : public CredentialsProvider,
                                    public std::enable_shared_from_this<RefreshingCredentials> {
 public:
  RefreshingCredentials(std::shared_ptr<CredentialsProvider> source, std::string name,
                        CredentialsOptions options);

  boost::asio::awaitable<Credentials> get() override;
  bool renew(const Credentials& refused) override;
  std::string source() const override { return source_->source(); }

 private:
  // One attempt, and who waits for its end.
  struct Refresh {
    detail::Gate ended;
    std::chrono::nanoseconds began{0};
    std::shared_ptr<Refresh> left_alone;  // the one before, whose waiters wait for this one too
    std::exception_ptr failure;           // with the mutex
  };
  enum class Need { none, soon, now };
  class Ending;

  Need need(TimePoint now) const;
  bool lasts(TimePoint now) const;
  std::shared_ptr<Refresh> begin_or_join(bool& begins);
  static boost::asio::awaitable<void> refresh(std::shared_ptr<RefreshingCredentials> self,
                                              std::shared_ptr<Refresh> running,
                                              std::unique_ptr<Ending> at_its_end);
  void succeed(const std::shared_ptr<Refresh>& running, Credentials credentials);
  void fail(const std::shared_ptr<Refresh>& running, std::exception_ptr error);
  void end(const std::shared_ptr<Refresh>& running);

  const std::shared_ptr<CredentialsProvider> source_;
  const std::string name_;
  const CredentialsOptions options_;

  std::mutex mutex_;  // guards what follows
  std::optional<Credentials> kept_;
  bool refused_ = false;                                // the kept ones, by a service
  std::optional<std::chrono::nanoseconds> renewed_at_;  // when they were refused last
  TimePoint refresh_at_{};
  TimePoint wait_at_{};
  std::exception_ptr failure_;  // the last one, since the last success
  std::chrono::nanoseconds failed_at_{0};
  std::shared_ptr<Refresh> running_;
};

std::shared_ptr<CredentialsProvider> refreshing_credentials(
    std::shared_ptr<CredentialsProvider> source, std::string name, CredentialsOptions options);

}  // namespace sagabus::aws
