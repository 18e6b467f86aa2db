// Takes the deliveries of one endpoint and has them processed: at most so many at once, those of
// one group one after the other in the order of their arrival. Where the transport keeps an order
// by key, those of one key are a group too, and what follows one that goes back goes back with it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <boost/circular_buffer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "processor.hpp"
#include "sagabus/ambient.hpp"
#include "sagabus/transport.hpp"
#include "waiting/gate.hpp"

namespace sagabus::detail {

struct ConsumerOptions {
  std::string endpoint;
  std::string dead_letter_endpoint;
  unsigned concurrency = 1;
  unsigned most_together = 1;  // works of one group that the processor gets at once
  boost::asio::any_io_executor executor;
  Transport transport;
  std::shared_ptr<Processor> processor;
  Ambient ambient;
};

// Functions may be called from any thread. Kept alive by what it runs.
class Consumer : public std::enable_shared_from_this<Consumer> {
 public:
  explicit Consumer(ConsumerOptions options);

  void start();

  // Takes nothing new and begins nothing new: what was taken and not begun goes back to the
  // transport. Running works go on.
  void close();

  // Cancels what runs.
  void cancel();

  // Does not even give back what is left: it is delivered again when its time runs out.
  void abandon();

  // Opens once it is closed and nothing is in hand any more.
  Gate& idle() noexcept { return idle_; }

 private:
  // A coroutine that runs one work after another while there are any.
  struct Lane {
    explicit Lane(const boost::asio::any_io_executor& executor)
        : strand(boost::asio::make_strand(executor)) {}
    boost::asio::strand<boost::asio::any_io_executor> strand;
    boost::asio::cancellation_signal cancel;
    std::uint64_t number = 0;
    bool started = false;
  };

  bool is_closed();
  boost::asio::awaitable<void> pump();
  boost::asio::awaitable<std::vector<Delivery>> receive();
  boost::asio::awaitable<std::size_t> room();
  void admit(std::vector<Delivery> deliveries);
  bool lane_wanted();
  void spawn_lane();
  boost::asio::awaitable<void> run_lane(std::shared_ptr<Lane> lane);
  bool next(std::vector<Work>& works);
  void gather(std::vector<Work>& works);
  Verdict survive(const std::exception_ptr& error) const;
  boost::asio::awaitable<void> rest(std::chrono::milliseconds time);
  boost::asio::awaitable<void> acknowledge_together(std::vector<Work>& works);
  void warn(std::string_view what, const std::exception_ptr& error) const;
  static bool breaks_order(const std::vector<Work>& works);
  void withdraw(std::vector<Work>& works);
  void finish(std::vector<Work>& works);
  void make_ready(Work work);
  void lane_ended(const std::shared_ptr<Lane>& lane);
  void pump_ended();
  void open_if_idle();  // with the mutex held
  boost::asio::awaitable<void> carry_out(Work& work);
  boost::asio::awaitable<void> bury(Work& work);
  SendRequest burial(const Delivery& delivery, const Verdict& verdict) const;

  const ConsumerOptions options_;
  const std::size_t most_in_hand_;
  boost::asio::strand<boost::asio::any_io_executor> pump_strand_;
  boost::asio::cancellation_signal pump_cancel_;
  Signal room_signal_;
  Gate closing_;
  Gate idle_;

  std::mutex mutex_;  // guards what follows
  bool closed_ = false;
  bool abandoned_ = false;
  bool pump_running_ = false;
  bool pump_waits_ = false;
  bool lane_starting_ = false;
  std::size_t in_hand_ = 0;  // taken from the transport and not carried out
  boost::circular_buffer<Work> ready_;
  // A group is here while a work of it is ready or runs; its list holds those that wait for it.
  boost::unordered_flat_map<std::uint64_t, std::list<Work>> groups_;
  std::uint64_t last_lane_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Lane>> lanes_;  // in the order in which they were begun
};

}  // namespace sagabus::detail
