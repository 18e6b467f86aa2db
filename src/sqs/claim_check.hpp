// Puts payloads that are too large for a queue into a ClaimStore, and gets them back.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "sagabus/claim_store.hpp"
#include "sagabus/sqs/transport.hpp"
#include "sqs/topic_rules.hpp"

namespace sagabus::sqs {

// What a message that was published may still grow by: as a dead letter it says what went wrong.
inline constexpr std::size_t kKeptForHeaders = 8192;

// Safe from any thread.
class ClaimCheck {
 public:
  // `most_as_is`: the largest message that travels whole. `options` and `rules` outlive this.
  ClaimCheck(const TransportOptions& options, const TopicRules& rules, std::size_t most_as_is);

  // TransportBackend's.
  std::size_t pack_above() const noexcept;
  std::size_t max_message_bytes() const noexcept;
  boost::asio::awaitable<EnvelopePtr> pack(EnvelopePtr whole) const;

  // Packs what send() was given whole and is too large. `requests` outlives the call.
  boost::asio::awaitable<void> pack_large(std::vector<SendRequest>& requests) const;

  // What came of a message that has a claim.
  struct Opened {
    EnvelopePtr envelope;          // packed at first; null where it cannot be opened
    std::string problem{};         // then: why, for good or
    bool try_again_later = false;  // ... for now
  };

  // Fetches the payloads, several at once, each after the other where they are many. In the order
  // of `packed`. Throws only when cancelled.
  boost::asio::awaitable<std::vector<Opened>> open(std::vector<EnvelopePtr> packed) const;

  // How long those wait that could not be opened now: longer, the longer that lasts.
  std::chrono::seconds delay_after_outage();
  void outage_is_over() noexcept { outages_ = 0; }

 private:
  struct Opening;
  static boost::asio::awaitable<void> open_some(std::shared_ptr<Opening> joint);
  static boost::asio::awaitable<EnvelopePtr> open_one(ClaimStore& store, EnvelopePtr packed,
                                                      std::size_t most);

  const TransportOptions& options_;
  const TopicRules& rules_;
  const std::size_t most_as_is_;
  std::atomic<unsigned> outages_{0};  // in a row
};

}  // namespace sagabus::sqs
