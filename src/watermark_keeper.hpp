// Writes down what a worker has settled, for the others, and looks up what they have.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <memory>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/store.hpp"
#include "settlements.hpp"
#include "waiting/gate.hpp"

namespace sagabus::detail {

struct WatermarkKeeperOptions {
  std::shared_ptr<Settlements> settlements;
  std::vector<SagaStore> stores;  // each once: an entry is looked up where it was met
  boost::asio::any_io_executor executor;
  Ambient ambient;
};

// Sleeps while nothing is settled, and writes at most every 5 s. Functions may be called from any
// thread. Kept alive by what it runs.
class WatermarkKeeper : public std::enable_shared_from_this<WatermarkKeeper> {
 public:
  explicit WatermarkKeeper(WatermarkKeeperOptions options);

  void start();

  // Once everything that runs has ended: writes what is left to say. A store that fails, or does
  // not answer in 2 s, does without: then some entries stay in their items. May be repeated, and
  // cancelled: the last word is said all the same.
  boost::asio::awaitable<void> stop();

 private:
  enum class Stage { made, started, stopped };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> keep_saving();
  boost::asio::awaitable<void> save();

  const WatermarkKeeperOptions options_;
  boost::asio::strand<boost::asio::any_io_executor> strand_;
  boost::asio::cancellation_signal cancel_;  // used on the strand
  Signal news_;
  Gate ended_;
  std::atomic<Stage> stage_{Stage::made};
  // Used on the strand.
  std::string unsaved_;  // told, and not yet in every store
  bool warned_ = false;  // that a store does not take it
};

// Reads the watermarks of other workers that may let some of these entries go. What cannot be read
// is done without.
boost::asio::awaitable<void> look_up_watermarks(Settlements& settlements, StoreBackend& store,
                                                std::vector<std::string> workers,
                                                const Logger& log);

}  // namespace sagabus::detail
