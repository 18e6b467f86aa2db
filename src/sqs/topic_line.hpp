// What leaves for one topic.
#pragma once

#include <memory>
#include <string>

#include "sqs/batcher.hpp"
#include "sqs/fan_out.hpp"

namespace sagabus::sqs {

// Only the engine's thread uses it, but for its destruction. Looks its topic up when it is first
// needed, and anew where the service no longer knows it.
class TopicLine : public std::enable_shared_from_this<TopicLine> {
 public:
  // Both outlive it.
  TopicLine(Surroundings& surroundings, FanOut& fan_out, std::string type);

  void send(BatchEntry entry);

  // Fails all that waits. The transport ends: nothing goes out any more.
  void drop(const std::exception_ptr& error) { sends_->fail(error); }
  bool is_idle() const noexcept { return sends_->is_idle(); }

 private:
  static boost::asio::awaitable<void> open(std::shared_ptr<TopicLine> self);
  void use();
  void topic_is_gone();

  enum class State { closed, opening, open };

  Surroundings& surroundings_;
  FanOut& fan_out_;
  const std::string type_;
  State state_ = State::closed;
  std::shared_ptr<Batcher> sends_;
};

}  // namespace sagabus::sqs
