#include "sqs/batcher.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "failure.hpp"
#include "sagabus/error.hpp"
#include "sagabus/policy.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;

// A full request leaves beside others: one a round trip would not be enough under load.
constexpr std::size_t kFull = 10;
constexpr unsigned kMaxRequests = 8;

// An entry that the service could not take just now, while the request as a whole was well: as the
// client does with whole requests.
constexpr RetryPolicy kEntryRetry{.max_attempts = 4,
                                  .base_delay = std::chrono::milliseconds(50),
                                  .max_delay = std::chrono::milliseconds(1000)};

// Of one entry. A whole request may have them for other reasons.
constexpr std::array kReceiptCodes{std::string_view("InvalidParameterValue"),
                                   std::string_view("MessageNotInflight"),
                                   std::string_view("ReceiptHandleIsInvalid")};

}  // namespace

bool is_about_the_receipt(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    const auto& code = e.service().code;
    return e.service().http_status == 0 &&
           std::find(kReceiptCodes.begin(), kReceiptCodes.end(), code) != kReceiptCodes.end();
  } catch (...) {
    return false;
  }
}

void Batcher::add(BatchEntry entry) {
  line_.add(std::move(entry));
  kick();
}

void Batcher::open(std::shared_ptr<Carrier> carrier) {
  carrier_ = std::move(carrier);
  kick();
}

void Batcher::fail(const std::exception_ptr& error) {
  for (const BatchEntry& entry : line_.clear()) entry.owner->ended(error);
}

// Posted, so that all that is added in one go can leave together.
void Batcher::kick() {
  if (std::exchange(kicked_, true)) return;
  asio::post(surroundings_.executor, [self = shared_from_this()] {
    self->kicked_ = false;
    self->start_requests();
  });
}

void Batcher::start_requests() {
  while (carrier_ && line_.ready() > 0 && requests_ < kMaxRequests) {
    if (requests_ > 0 && line_.ready() < kFull) return;
    ++requests_;
    auto sending = send(shared_from_this(), line_.take());
    asio::co_spawn(surroundings_.executor, std::move(sending), asio::detached);
  }
}

asio::awaitable<void> Batcher::send(std::shared_ptr<Batcher> self,
                                    std::vector<BatchEntry> entries) {
  std::vector<FailedEntry> failures;
  std::exception_ptr error;
  const std::shared_ptr<Carrier> carrier = self->carrier_;
  try {
    auto carrying = carrier->carry(entries);
    failures = co_await std::move(carrying);
  } catch (const NotFound&) {
    error = std::current_exception();
    self->options_.target_is_gone();
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    for (const BatchEntry& entry : entries) self->refuse(entry, error);
  } else {
    self->options_.count(entries.size() - failures.size());
    std::vector<BatchEntry> again = self->settle(*carrier, std::move(entries), failures);
    if (!again.empty()) {
      co_await self->surroundings_.clock().sleep_for(
          retry_delay(kEntryRetry, again.front().attempts,
                      uniform(*self->surroundings_.options.ambient.random)));
      while (!again.empty()) {
        self->line_.put_back(std::move(again.back()));
        again.pop_back();
      }
    }
  }
  --self->requests_;
  self->kick();
}

// Returns those that are to be tried again.
std::vector<BatchEntry> Batcher::settle(const Carrier& carrier, std::vector<BatchEntry> entries,
                                        const std::vector<FailedEntry>& failures) {
  std::vector<BatchEntry> again;
  auto failure = failures.begin();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    BatchEntry& entry = entries[i];
    if (failure == failures.end() || failure->place != i) {
      line_.settle(entry);
      entry.owner->ended(nullptr);
      continue;
    }
    ++entry.attempts;
    const std::exception_ptr error = carrier.error_of(*failure);
    if (detail::is_transient(error) && entry.attempts < kEntryRetry.max_attempts) {
      again.push_back(std::move(entry));
    } else {
      refuse(entry, error);
    }
    ++failure;
  }
  return again;
}

void Batcher::refuse(const BatchEntry& entry, const std::exception_ptr& error) {
  for (const BatchEntry& follower : line_.take_followers(entry)) follower.owner->ended(error);
  line_.settle(entry);
  entry.owner->ended(error);
}

}  // namespace sagabus::sqs
