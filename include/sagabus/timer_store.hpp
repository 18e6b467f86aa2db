// Where a store keeps what is to be sent later, in rows beside its instances. For those who write a
// store of their own; who only writes sagas never needs it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sagabus/clock.hpp"
#include "sagabus/cost.hpp"
#include "sagabus/envelope.hpp"
#include "sagabus/timer.hpp"

namespace sagabus {

// Names a row. `id` has 1 to 512 bytes.
struct TimerKey {
  TimePoint due{};  // in the years 0 to 9999
  std::string id{};
  friend auto operator<=>(const TimerKey&, const TimerKey&) = default;
};

// "2026-11-22T17:04:05.123Z#<id>": sorts as keys do. Reading throws ValidationError for other
// texts.
std::string to_text(const TimerKey& key);
TimerKey parse_timer_key(std::string_view text);

// A message that is sent when it is due.
struct TimerRow {
  TimerKey key{};
  std::string endpoint{};  // empty: every endpoint that subscribed to the message's type
  EnvelopePtr envelope{};
};

// Who fires the rows of a shard. The counter rises with each renewal, so that others see it live.
struct Lease {
  std::string holder{};  // empty: nobody has taken it yet
  std::uint64_t counter = 0;
  friend bool operator==(const Lease&, const Lease&) = default;
};

struct TimerPage {
  std::vector<TimerRow> rows;
  std::string continuation;  // empty on the last page
};

// The seam. Functions may be called from several threads and coroutines at once, and may be
// cancelled: a cancelled write may have been carried out. Faults are reported as TransientError and
// Throttled where trying again may help. `cost`, which may be null, is as in StoreBackend::load.
class TimerBackend {
 public:
  virtual ~TimerBackend() = default;

  // Over how many shards rows are spread, by their id; always the same.
  virtual unsigned shards() const noexcept = 0;
  virtual unsigned shard_of(std::string_view id) const noexcept = 0;

  // The time by which rows are due: the service's own where there is one, not this machine's.
  virtual TimePoint now() const = 0;

  // A row with the key of another takes its place.
  virtual boost::asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* cost) = 0;

  // Returns how many of them were there.
  virtual boost::asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* cost) = 0;

  // Those of a shard that are due at `through` or before, by due time and id; at most `most`, fewer
  // only where there are no more or an answer is full. Strongly consistent. What cannot be read is
  // left out, with a warning in the log.
  virtual boost::asio::awaitable<std::vector<TimerRow>> due(unsigned shard, TimePoint through,
                                                            std::size_t most) = 0;

  // Pages through all rows, shard after shard, each by due time and id; `limit` is 1 or more.
  // Throws ValidationError for a bad continuation.
  virtual boost::asio::awaitable<TimerPage> list(std::size_t limit, std::string continuation) = 0;

  // Calls `call` with the due time of each row that is put from now on, by whomever, from whatever
  // thread, for as long as what it returns lives; `call` does not call back. Null where rows may be
  // put unnoticed, as by another process: then they are looked for every few seconds.
  virtual std::shared_ptr<void> watch(std::function<void(TimePoint due)> /*call*/) {
    return nullptr;
  }

  // One for each shard. May be a moment old. Not called where watch() gives something.
  virtual boost::asio::awaitable<std::vector<Lease>> leases() = 0;

  // Makes it {holder, seen.counter + 1} where it is as it was seen. False where it is not. An empty
  // holder gives it up.
  virtual boost::asio::awaitable<bool> take_lease(unsigned shard, Lease seen,
                                                  std::string holder) = 0;
};

}  // namespace sagabus
