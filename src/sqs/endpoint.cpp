#include "sqs/endpoint.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <limits>

#include "sagabus/error.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;

// The messages of one request together: the service's limit, which once was that of one message.

// Of operations whose entries are small.
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// What became of a renewal.
class Renewal final : public EntryOwner {
 public:
  Renewal(const Surroundings& surroundings, std::shared_ptr<Lease> lease,
          std::chrono::seconds visibility)
      : surroundings_(surroundings),
        lease_(std::move(lease)),
        asked_at_(surroundings.clock().monotonic()),
        visibility_(visibility) {}

  void ended(const std::exception_ptr& error) override {
    lease_->renewing = false;
    if (!lease_->is_held()) return;  // its message may be gone by now
    if (!error) return lease_->renewed(asked_at_, visibility_);
    if (!is_about_the_receipt(error)) return;  // tried again while there is time
    lease_->lost();
    surroundings_.log(LogLevel::warning,
                      fmt::format("sqs: {}: a message that is being handled was not kept hidden "
                                  "for long enough, and is delivered again",
                                  lease_->endpoint()->name()));
  }

 private:
  const Surroundings& surroundings_;
  const std::shared_ptr<Lease> lease_;
  const std::chrono::nanoseconds asked_at_;
  const std::chrono::seconds visibility_;
};

// Nobody waits for it: where it fails, the message's time runs out.
class NobodyWaits final : public EntryOwner {
 public:
  void ended(const std::exception_ptr&) override {}
};

}  // namespace

Endpoint::Endpoint(Surroundings& surroundings, std::string name)
    : surroundings_(surroundings),
      name_(std::move(name)),
      sends_(make_batcher(kMaxRequestBytes, &Gateway::count_sent)),
      erasures_(make_batcher(kNoLimit, &Gateway::count_deleted)),
      visibility_(make_batcher(kNoLimit, nullptr)),
      receiver_(surroundings, *this) {}

std::shared_ptr<Batcher> Endpoint::make_batcher(std::size_t max_bytes,
                                                void (Gateway::*count)(std::uint64_t)) {
  Batcher::Options options;
  options.max_bytes = max_bytes;
  options.count = [this, count](std::uint64_t entries) {
    if (count) (surroundings_.gateway.*count)(entries);
  };
  options.target_is_gone = [this] { queue_is_gone(); };
  return std::make_shared<Batcher>(surroundings_, std::move(options));
}

void Endpoint::send(BatchEntry entry) {
  sends_->add(std::move(entry));
  use();
}

void Endpoint::receive(std::shared_ptr<Receiving> receiving) {
  receiver_.wait(std::move(receiving));
  use();
}

void Endpoint::erase(const Lease& lease, std::shared_ptr<EntryOwner> owner) {
  surroundings_.recollection.forget(lease.message_id());
  BatchEntry entry;
  entry.members = delete_members(lease.receipt_handle());
  entry.owner = std::move(owner);
  erasures_->add(std::move(entry));
  use();
}

void Endpoint::show_again(const Lease& lease, std::chrono::seconds after,
                          std::shared_ptr<EntryOwner> owner) {
  BatchEntry entry;
  entry.members = visibility_members(lease.receipt_handle(), after);
  entry.owner = std::move(owner);
  visibility_->add(std::move(entry));
  use();
}

void Endpoint::renew(std::shared_ptr<Lease> lease) {
  const std::chrono::seconds visibility = lease->renewal(surroundings_.clock().monotonic());
  if (visibility <= std::chrono::seconds(0)) return;
  lease->renewing = true;
  const Lease& renewed = *lease;
  show_again(renewed, visibility,
             std::make_shared<Renewal>(surroundings_, std::move(lease), visibility));
}

void Endpoint::return_unseen(std::shared_ptr<Lease> lease, std::chrono::seconds after) {
  if (!lease->end(surroundings_.clock().monotonic())) return;
  surroundings_.recollection.given_back(lease->message_id(), false, false);
  show_again(*lease, after, std::make_shared<NobodyWaits>());
}

void Endpoint::ensure_open(std::shared_ptr<EntryOwner> owner) {
  if (state_ == State::open) return owner->ended(nullptr);
  waiting_for_queue_.push_back(std::move(owner));
  use();
}

void Endpoint::use() {
  if (state_ != State::closed || surroundings_.stopping) return;
  state_ = State::opening;
  auto opening = open(shared_from_this());
  asio::co_spawn(surroundings_.executor, std::move(opening), asio::detached);
}

asio::awaitable<void> Endpoint::open(std::shared_ptr<Endpoint> self) {
  std::exception_ptr error;
  Queue queue;
  try {
    const Directory directory(self->surroundings_);
    auto finding = directory.find(self->name_);
    queue = co_await std::move(finding);
  } catch (...) {
    error = std::current_exception();
  }
  const auto waiting = std::exchange(self->waiting_for_queue_, {});
  if (error) {
    self->state_ = State::closed;
    self->drop(error);
  } else {
    self->state_ = State::open;
    self->receiver_.open(queue);
    Gateway& gateway = self->surroundings_.gateway;
    const auto by = [&](std::string_view operation) {
      return std::make_shared<QueueCarrier>(gateway, operation, queue);
    };
    self->sends_->open(by(kSendBatch));
    self->erasures_->open(by(kDeleteBatch));
    self->visibility_->open(by(kChangeVisibilityBatch));
  }
  for (const auto& owner : waiting) owner->ended(error);
}

void Endpoint::drop(const std::exception_ptr& error) {
  receiver_.fail(error);
  for (const auto& batcher : {sends_, erasures_, visibility_}) batcher->fail(error);
}

// What is on its way ends by itself; what waits is sent to the queue that is there then.
void Endpoint::queue_is_gone() {
  if (state_ != State::open) return;
  state_ = State::closed;
  receiver_.close();
  for (const auto& batcher : {sends_, erasures_, visibility_}) batcher->close();
  if (!is_idle()) use();
}

bool Endpoint::is_idle() const noexcept {
  return receiver_.is_idle() && sends_->is_idle() && erasures_->is_idle() && visibility_->is_idle();
}

}  // namespace sagabus::sqs
