// Workers on one store and one transport, in virtual time, and everything that may go wrong: each
// message comes up to five times, out of order and late; answers are lost; workers die at any
// moment and are replaced. Plain handlers count what reaches the world. One seed is one history.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "protocol/storm_cast.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus::protocol {

struct StormSettings {
  std::uint64_t seed = 0;
  std::chrono::minutes latest{6};  // of the copies of a message
  std::chrono::minutes deduplication_window{10};
  double fault = 0.03;                               // of a request or its answer to get lost
  double death = 0.01;                               // of a worker, at each request and answer
  std::uint64_t deposits = 8;                        // for each account, at most
  std::size_t inbox_bytes = std::size_t{32} * 1024;  // so much that ids leave by their age
  unsigned together = 1;  // steps that are committed in one write, at most
};

class Storm {
 public:
  explicit Storm(StormSettings settings);
  ~Storm();
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

  // Until nothing is left to do.
  void run();

  // What did not happen exactly once, and what else is not as it should be.
  std::vector<std::string> problems();

  // Those of the dead letters that say that a message came too late. Other letters are problems.
  const std::vector<std::string>& too_late() const noexcept { return too_late_; }
  int deaths() const noexcept { return deaths_; }
  int shared_writes() const noexcept { return shared_writes_; }  // that took in several messages

 private:
  struct Worker;

  std::uint64_t draw(std::uint64_t below) { return random_->next() % below; }
  bool happens(double probability) { return uniform(*random_) < probability; }

  void begin_worker();
  void replace_the_dead();
  void maybe(Worker& worker, double fault, double death);
  void count(const CommitRequest& request, const CommitResult& result);
  Transport rough(Worker& worker);
  SagaStore rough(Worker& worker, const SagaStore& store);
  std::vector<SendRequest> in_copies(const std::vector<SendRequest>& requests);
  void order();
  void turn();
  void await(boost::asio::awaitable<void> operation);
  void read_letters(std::vector<std::string>& problems);

  friend class RoughTransport;

  const StormSettings settings_;
  boost::asio::io_context io_{1};
  std::shared_ptr<testing::VirtualClock> clock_ = std::make_shared<testing::VirtualClock>();
  const TimePoint begin_ = clock_->now();
  std::shared_ptr<RandomSource> random_;
  Ambient ambient_;
  memory::Transport transport_;
  std::chrono::nanoseconds may_hold_{0};
  memory::SagaStore store_;
  Ears ears_;
  std::set<std::string> delivered_;  // endpoint and message id
  std::vector<std::string> too_late_;
  int accounts_ = 0;
  int deposits_ = 0;  // for each account
  int deaths_ = 0;
  int shared_writes_ = 0;
  std::map<std::string, std::set<std::string>> taken_;  // message ids, by saga id
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Bus> world_;  // the plain handlers
};

}  // namespace sagabus::protocol
