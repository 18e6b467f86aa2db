// Sends the entries of one queue and one operation, or of one topic, together where several wait:
// while a request is on its way, what comes meanwhile gathers for the next one. So a lone entry
// leaves at once, and under load requests are full, without a wait that anybody had to choose.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "sqs/batch_line.hpp"
#include "sqs/carrier.hpp"
#include "sqs/surroundings.hpp"

namespace sagabus::sqs {

// Whether it says that a receipt is no longer good: its message was delivered anew, or is gone.
bool is_about_the_receipt(const std::exception_ptr& error);

// Only the engine's thread uses it.
class Batcher : public std::enable_shared_from_this<Batcher> {
 public:
  struct Options {
    std::size_t max_bytes;  // of the entries of one request
    std::function<void(std::uint64_t entries)> count;
    std::function<void()> target_is_gone;  // the service knows no such queue or topic any more
  };

  Batcher(Surroundings& surroundings, Options options)
      : surroundings_(surroundings), options_(std::move(options)), line_(options_.max_bytes) {}

  // Its owner is told when the service has taken it, or has refused it for good.
  void add(BatchEntry entry);

  // Nothing leaves before there is a queue or a topic.
  void open(std::shared_ptr<Carrier> carrier);
  void close() { carrier_.reset(); }

  // All that wait fail with it.
  void fail(const std::exception_ptr& error);

  bool is_idle() const noexcept { return requests_ == 0 && line_.ready() == 0; }

 private:
  static boost::asio::awaitable<void> send(std::shared_ptr<Batcher> self,
                                           std::vector<BatchEntry> entries);
  void kick();
  void start_requests();
  std::vector<BatchEntry> settle(const Carrier& carrier, std::vector<BatchEntry> entries,
                                 const std::vector<FailedEntry>& failures);
  void refuse(const BatchEntry& entry, const std::exception_ptr& error);

  Surroundings& surroundings_;
  const Options options_;
  BatchLine line_;
  std::shared_ptr<Carrier> carrier_;  // null: closed
  unsigned requests_ = 0;             // on their way
  bool kicked_ = false;
};

}  // namespace sagabus::sqs
