// One open database file: what a store and a transport share.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "sagabus/ambient.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/lane.hpp"
#include "sqlite/owners.hpp"
#include "sqlite/watch.hpp"

namespace sagabus::sqlite {

// The file is opened by the first operation, so that a constructor neither waits nor fails for what
// the file is like. Functions given to it run on another thread, may run twice, and own all they
// use.
class Database {
 public:
  struct Options {
    std::string path;
    std::chrono::milliseconds busy_timeout{5000};
    std::chrono::milliseconds poll_interval{50};
    Ambient ambient{};
  };

  // `what` is the type that the user builds, for error texts. Throws std::invalid_argument.
  Database(Options options, std::string_view what);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  // Carries out what was begun, gives back what was claimed, closes.
  ~Database();

  // A quick look-up, which sees all that was committed before.
  template <class F>
  boost::asio::awaitable<std::invoke_result_t<F&, Connection&>> read(F function) {
    return run(*writer_, &Lane::submit_read, std::move(function));
  }

  // Returns when the changes are on the disk. May have a member committed(), which is called as
  // soon as they are.
  template <class F>
  boost::asio::awaitable<std::invoke_result_t<F&, Connection&>> write(F function) {
    return run(*writer_, &Lane::submit_write, std::move(function));
  }

  // The same, for nobody who waits.
  template <class F>
  void write_later(F function) {
    writer_->submit_write(std::make_shared<FunctionJob<F>>(std::move(function)));
  }

  // A look-up that may take long: on a thread and a connection of its own.
  template <class F>
  boost::asio::awaitable<std::invoke_result_t<F&, Connection&>> search(F function) {
    if (!opened_) co_await open();
    co_return co_await run(reader(), &Lane::submit_read, std::move(function));
  }

  // Makes sure that the file is open and ours, or throws.
  boost::asio::awaitable<void> open();

  Watch& watch() noexcept { return *watch_; }
  const std::string& path() const noexcept { return options_.path; }
  const Ambient& ambient() const noexcept { return options_.ambient; }
  LaneCounters counters() const { return writer_->counters(); }
  std::int64_t owner() const noexcept { return owner_; }  // only on the writer's thread

 private:
  template <class F>
  static boost::asio::awaitable<std::invoke_result_t<F&, Connection&>> run(
      Lane& lane, void (Lane::*submit)(std::shared_ptr<Job>), F function) {
    const auto job = std::make_shared<FunctionJob<F>>(std::move(function));
    Lane* const to = &lane;
    const auto start = [to, submit](const std::shared_ptr<FunctionJob<F>>& armed,
                                    const auto& /*slot*/) { (to->*submit)(armed); };
    co_await sagabus::detail::suspend(job, start);
    co_return job->take();
  }

  Lane& reader();
  std::unique_ptr<Connection> open_writer();
  void close_writer(Connection& connection);
  boost::asio::awaitable<bool> poll();
  boost::asio::awaitable<bool> look_around();

  const Options options_;
  std::atomic<bool> opened_{false};
  std::optional<OwnerLocks> locks_;  // made before opened_ is set
  std::int64_t owner_ = 0;
  std::int64_t seen_version_ = -1;  // only on the watch's thread

  std::unique_ptr<Watch> watch_;  // outlives the lanes, whose jobs tell it of changes
  std::unique_ptr<Lane> writer_;
  std::once_flag reader_once_;
  std::unique_ptr<Lane> reader_;
};

// For the constructors of what users build: throws std::invalid_argument, naming type and field,
// unless least <= value <= most.
void check_range(std::string_view what, std::string_view field, std::chrono::milliseconds value,
                 std::chrono::milliseconds least, std::chrono::milliseconds most);

}  // namespace sagabus::sqlite
