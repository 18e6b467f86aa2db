// Sends what is due: the rows of one store, by whichever worker holds their shard's lease.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lease_view.hpp"
#include "sagabus/ambient.hpp"
#include "sagabus/joint_commit.hpp"
#include "sagabus/store.hpp"
#include "sagabus/timer_store.hpp"
#include "sagabus/transport.hpp"
#include "waiting/gate.hpp"

namespace sagabus::detail {

struct TimerServiceOptions {
  SagaStore store;  // one that keeps timers
  Transport transport;
  std::string worker;  // whose leases these are
  boost::asio::any_io_executor executor;
  Ambient ambient;
};

// A row is sent and then erased, so it may be sent twice, with the same id. Where store and
// transport are one database, both happen in one transaction: no lease is needed. Nor is it where
// the store tells of every row that is put, which then need not be looked for.
//
// Functions may be called from any thread. Kept alive by what it runs.
class TimerService : public std::enable_shared_from_this<TimerService> {
 public:
  explicit TimerService(TimerServiceOptions options);

  void start();

  // Gives its leases up. May be repeated, and cancelled: it stops all the same.
  boost::asio::awaitable<void> stop();

  // These rows were just put. Those that are due before anybody would look are seen to here.
  void written(const std::vector<TimerRow>& rows);

 private:
  using Time = std::chrono::nanoseconds;  // monotonic
  struct Shard {
    explicit Shard(const std::string& worker) : lease(worker) {}

    LeaseView lease;
    Time next_look{0};  // for its holder
    Time last_query{std::chrono::hours(-1)};
    std::set<std::pair<TimePoint, std::string>> near{};  // when to send which row
  };
  enum class Stage { made, started, stopped };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> keep_firing();
  boost::asio::awaitable<void> turn();
  boost::asio::awaitable<void> see_to(unsigned number);
  boost::asio::awaitable<void> rest();
  boost::asio::awaitable<void> keep_leases();
  boost::asio::awaitable<void> give_up_leases();
  boost::asio::awaitable<void> look(unsigned number);
  boost::asio::awaitable<void> wait_for_next(unsigned number);
  boost::asio::awaitable<void> send_near(unsigned number, std::set<std::string> ids);
  static bool keep_those(std::vector<TimerRow>& rows, std::set<std::string>& ids, bool all);
  boost::asio::awaitable<void> fire(std::vector<TimerRow> rows);
  boost::asio::awaitable<std::exception_ptr> fire_apart(std::vector<TimerRow> rows);
  boost::asio::awaitable<std::exception_ptr> try_to_send(const std::vector<TimerRow>& rows);
  boost::asio::awaitable<void> put_off(TimerRow row);
  boost::asio::awaitable<void> send(std::vector<TimerRow> rows);
  std::set<std::string> take_near(Shard& shard, TimePoint now) const;
  void take_in_written();
  void note(Shard& shard, TimePoint at, const std::string& id) const;
  bool needs_leases() const { return !joint_ && !watch_; }
  bool holds(const Shard& shard) const;
  void put_seen(TimePoint due);
  Time mono() const { return options_.ambient.clock->monotonic(); }
  void warn(const std::exception_ptr& error);

  const TimerServiceOptions options_;
  TimerBackend& timers_;
  const std::shared_ptr<JointCommit> joint_;
  std::shared_ptr<void> watch_;  // null: rows may be put unnoticed
  boost::asio::strand<boost::asio::any_io_executor> strand_;
  boost::asio::cancellation_signal cancel_;  // used on the strand
  Signal news_;
  Gate ended_;
  std::atomic<Stage> stage_{Stage::made};

  std::mutex mutex_;  // guards what follows
  std::vector<TimerKey> written_;
  TimePoint first_put_ = TimePoint::max();  // of those that the watch told of

  // Used on the strand.
  std::vector<Shard> shards_;
  Time next_leases_{0};
  unsigned failures_ = 0;  // in a row
};

}  // namespace sagabus::detail
