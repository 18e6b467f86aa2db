#include "sqs/topic_line.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;

}  // namespace

TopicLine::TopicLine(Surroundings& surroundings, FanOut& fan_out, std::string type)
    : surroundings_(surroundings), fan_out_(fan_out), type_(std::move(type)) {
  Batcher::Options options;
  options.max_bytes = surroundings.options.topics.max_message_bytes;  // the service's own rule
  options.count = [this](std::uint64_t entries) { surroundings_.gateway.count_sent(entries); };
  options.target_is_gone = [this] { topic_is_gone(); };
  sends_ = std::make_shared<Batcher>(surroundings_, std::move(options));
}

void TopicLine::send(BatchEntry entry) {
  sends_->add(std::move(entry));
  use();
}

void TopicLine::use() {
  if (state_ != State::closed || surroundings_.stopping) return;
  state_ = State::opening;
  auto opening = open(shared_from_this());
  asio::co_spawn(surroundings_.executor, std::move(opening), asio::detached);
}

asio::awaitable<void> TopicLine::open(std::shared_ptr<TopicLine> self) {
  std::exception_ptr error;
  std::string arn;
  try {
    auto finding = self->fan_out_.find(self->type_);
    arn = co_await std::move(finding);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    self->state_ = State::closed;
    self->drop(error);
    co_return;
  }
  self->state_ = State::open;
  self->sends_->open(std::make_shared<TopicCarrier>(self->surroundings_.gateway, std::move(arn)));
}

// What is on its way ends by itself; what waits goes to the topic that is there then.
void TopicLine::topic_is_gone() {
  if (state_ != State::open) return;
  state_ = State::closed;
  fan_out_.forget(type_);
  sends_->close();
  if (!is_idle()) use();
}

}  // namespace sagabus::sqs
