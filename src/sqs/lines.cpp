#include "sqs/lines.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// How long the last handle's end waits for requests: somewhat longer than one of them takes.
constexpr milliseconds kShutdown{2500};
constexpr milliseconds kShutdownTick{5};

}  // namespace

Lines::Lines(Surroundings& surroundings, const TopicRules& topic_rules)
    : surroundings_(surroundings), fan_out_(surroundings, topic_rules) {
  surroundings_.in_hand.start([this] {
    asio::co_spawn(surroundings_.executor, keep_hidden(surroundings_), asio::detached);
  });
}

asio::awaitable<void> Lines::shut_down() {
  surroundings_.stopping = true;
  for (const auto& [name, endpoint] : endpoints_) endpoint->stop();
  asio::steady_timer timer(surroundings_.executor);
  for (milliseconds waited{0}; !is_idle() && waited < kShutdown; waited += kShutdownTick) {
    timer.expires_after(kShutdownTick);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

bool Lines::is_idle() const {
  const auto idle = [](const auto& entry) { return entry.second->is_idle(); };
  return std::all_of(endpoints_.begin(), endpoints_.end(), idle) &&
         std::all_of(topics_.begin(), topics_.end(), idle);
}

Endpoint& Lines::endpoint(const std::string& name) {
  std::shared_ptr<Endpoint>& found = endpoints_[name];
  if (!found) found = std::make_shared<Endpoint>(surroundings_, name);
  return *found;
}

TopicLine& Lines::topic(const std::string& type) {
  std::shared_ptr<TopicLine>& found = topics_[type];
  if (!found) found = std::make_shared<TopicLine>(surroundings_, fan_out_, type);
  return *found;
}

// Looks at what is in hand ten times in a visibility timeout, for as long as anything is.
asio::awaitable<void> Lines::keep_hidden(Surroundings& surroundings) {
  const std::chrono::nanoseconds tick = surroundings.options.visibility_timeout;
  while (!surroundings.in_hand.empty() && !surroundings.stopping) {
    co_await surroundings.clock().sleep_for(tick / 10);
    for (auto& lease : surroundings.in_hand.due(surroundings.clock().monotonic())) {
      Endpoint& endpoint = *lease->endpoint();
      endpoint.renew(std::move(lease));
    }
  }
}

void Lines::drop(const std::exception_ptr& error) {
  for (const auto& [name, endpoint] : endpoints_) endpoint->drop(error);
  for (const auto& [type, topic] : topics_) topic->drop(error);
}

}  // namespace sagabus::sqs
