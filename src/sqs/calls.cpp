#include "sqs/calls.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using std::chrono::seconds;

// The service hides a message for no longer than that after its receipt.
constexpr seconds kMaxHidden = std::chrono::hours(12);

}  // namespace

void Completion::ended(const std::exception_ptr& error) {
  if (error && !error_) error_ = error;
  if (--left_ == 0) resume();
}

void SendCall::run(Lines& lines, const std::shared_ptr<SendCall>& self) {
  std::vector<Outgoing> entries = std::move(self->entries_);
  self->left_ = entries.size();
  for (Outgoing& outgoing : entries) {
    outgoing.entry.owner = self;
    if (outgoing.by_topic) {
      lines.topic(outgoing.name).send(std::move(outgoing.entry));
    } else {
      lines.endpoint(outgoing.name).send(std::move(outgoing.entry));
    }
  }
}

// What became of one of them.
class LeaseCall::End final : public EntryOwner {
 public:
  End(std::shared_ptr<LeaseCall> call, std::shared_ptr<Lease> lease)
      : call_(std::move(call)), lease_(std::move(lease)) {}
  void ended(const std::exception_ptr& error) override {
    // A receipt that is no longer good is no error: the message is with somebody else, or gone.
    const bool is_over = !error || is_about_the_receipt(error);
    // Else it may be tried once more.
    if (!is_over) lease_->endpoint()->take_back(lease_);
    call_->ended(is_over ? nullptr : error);
  }

 private:
  const std::shared_ptr<LeaseCall> call_;
  const std::shared_ptr<Lease> lease_;
};

void LeaseCall::run(Lines& lines, const std::shared_ptr<LeaseCall>& self) {
  const std::vector<std::shared_ptr<Lease>> leases = std::move(self->leases_);
  self->left_ = leases.size();
  for (const auto& lease : leases) {
    auto owner = std::make_shared<End>(self, lease);
    if (self->how_) {
      give_back(lines.surroundings(), lease, *self->how_, std::move(owner));
    } else {
      lease->endpoint()->erase(*lease, std::move(owner));
    }
  }
}

void LeaseCall::give_back(Surroundings& surroundings, const std::shared_ptr<Lease>& lease,
                          const GiveBack& how, std::shared_ptr<EntryOwner> owner) {
  surroundings.recollection.given_back(lease->message_id(), how.failed, how.uncertain);
  const auto held = surroundings.clock().monotonic() - lease->taken();
  const auto most = std::max<std::chrono::nanoseconds>(kMaxHidden - held, seconds(0));
  const auto delay =
      std::min(std::chrono::ceil<seconds>(how.delay), std::chrono::floor<seconds>(most));
  lease->endpoint()->show_again(*lease, std::max(delay, seconds(0)), std::move(owner));
}

void JoinCall::run(Lines& lines, const std::shared_ptr<JoinCall>& self) {
  auto joining = lines.fan_out().join(self->endpoint_, std::move(self->types_));
  auto tell = [self](const std::exception_ptr& error) { self->ended(error); };
  asio::co_spawn(lines.surroundings().executor, std::move(joining), std::move(tell));
}

}  // namespace sagabus::sqs
