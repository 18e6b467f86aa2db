// One queue as this transport uses it: what leaves for it, what comes from it, and what of it is in
// hand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sqs/batcher.hpp"
#include "sqs/directory.hpp"
#include "sqs/receiver.hpp"

namespace sagabus::sqs {

// Only the engine's thread uses it, but for its destruction. Looks its queue up when it is first
// needed, and anew where the service no longer knows it.
class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  Endpoint(Surroundings& surroundings, std::string name);

  const std::string& name() const noexcept { return name_; }

  void send(BatchEntry entry);
  void receive(std::shared_ptr<Receiving> receiving);
  void give_up(const std::shared_ptr<Receiving>& receiving) { receiver_.give_up(receiving); }

  // Of a message that this process had received. Those that follow are harmless where it is gone.
  void erase(const Lease& lease, std::shared_ptr<EntryOwner> owner);
  void show_again(const Lease& lease, std::chrono::seconds after,
                  std::shared_ptr<EntryOwner> owner);

  // Has the message hidden from others for as long as it is held.
  void keep_hidden(const std::shared_ptr<Lease>& lease) { surroundings_.in_hand.add(lease); }

  // After a try to let go of it that has failed.
  void take_back(const std::shared_ptr<Lease>& lease) {
    lease->take_back();
    keep_hidden(lease);
  }

  // Asks for more time.
  void renew(std::shared_ptr<Lease> lease);

  // Gives back what nobody here has seen.
  void return_unseen(std::shared_ptr<Lease> lease, std::chrono::seconds after = {});

  // Tells whoever waits for it that the queue is there, or why it is not.
  void ensure_open(std::shared_ptr<EntryOwner> owner);

  void queue_is_gone();
  void stop() { receiver_.stop(); }
  // Fails all that waits. The transport ends: nothing goes out any more.
  void drop(const std::exception_ptr& error);
  bool is_idle() const noexcept;

 private:
  static boost::asio::awaitable<void> open(std::shared_ptr<Endpoint> self);
  void use();
  std::shared_ptr<Batcher> make_batcher(std::size_t max_bytes,
                                        void (Gateway::*count)(std::uint64_t));

  enum class State { closed, opening, open };

  Surroundings& surroundings_;
  const std::string name_;
  State state_ = State::closed;
  std::vector<std::shared_ptr<EntryOwner>> waiting_for_queue_;
  std::shared_ptr<Batcher> sends_;
  std::shared_ptr<Batcher> erasures_;
  std::shared_ptr<Batcher> visibility_;
  Receiver receiver_;
};

}  // namespace sagabus::sqs
