// What a store is to send later: shown, cancelled and moved, for tools and programs that mend. The
// `sagabus timer` command stands on this; who only writes sagas never needs it.
//
// All functions throw Unsupported where the store keeps no timers, and what the store reports. They
// may be called while buses run, and from several threads at once. A cancelled call may have done
// some or all of its work, as may one that throws; repeating it is safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/store.hpp"
#include "sagabus/time_text.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus {

// The timeout that a row brings to its instance.
struct Timeout {
  std::string saga_name;
  std::string saga_id;
  std::string correlation_id;
  std::string name;  // empty: it has none
  std::string token;
  friend bool operator==(const Timeout&, const Timeout&) = default;
};

// Empty where the row brings a message, or what no instance would take for its timeout.
std::optional<Timeout> read_timeout(const TimerRow& row);

struct TimerQuery {
  std::string endpoint{};        // only what goes to this one, as a saga's timeouts do; empty: all
  TimePoint until{kLatestText};  // only what is due then or before
  std::size_t limit = 1000;      // the soonest ones, 1 or more
};

struct TimerList {
  std::vector<TimerRow> rows;  // by due time and id
  bool more = false;           // the limit left some out
};

// Reads all rows of a store that has several shards, one after the other, and holds as many as
// `limit` asks for. What comes or goes meanwhile may or may not be seen. Where it is awaited, give
// the query a name first, as in Bus::publish.
boost::asio::awaitable<TimerList> list_timers(SagaStore store, TimerQuery query);

// The row whose key has this text (to_text), else all whose id it is. Reads rows as list_timers
// does.
boost::asio::awaitable<std::vector<TimerRow>> find_timers(SagaStore store, std::string key_or_id);

// What an instance says of a row that brings a timeout. Only the instance knows: its row is but a
// reminder.
enum class TimerState {
  message,  // the row brings no timeout, and no instance is asked
  current,  // it is due when the row is, or was before
  moved,    // it is due later: when this row is sent, one is put there
  stale     // the instance has gone, is completed or has no such timeout: the row does nothing
};

struct TimerFinding {
  TimerState state = TimerState::message;
  std::optional<Timer> timer{};  // the instance's own, where it is current or moved
  friend bool operator==(const TimerFinding&, const TimerFinding&) = default;
};

// One strongly consistent read of the instance.
boost::asio::awaitable<TimerFinding> examine_timer(SagaStore store, TimerRow row);

enum class TimerOutcome {
  done,
  stale,  // of a timeout: the instance does not have it any more
  gone    // of a message: its row was not there any more; it was sent or cancelled meanwhile
};

// A timeout is taken out of its instance, by a write like that of a step: from then on it does not
// come, even where it is on its way. Then its row is erased, which is all that happens to a stale
// one, and to a message. A message that is being sent at that moment comes all the same; so may one
// whose step is dispatched again since its worker died.
//
// Races with a running bus are tried again; throws TransientError where too many in a row were
// lost.
boost::asio::awaitable<TimerOutcome> cancel_timer(SagaStore store, TimerRow row);

struct TimerMove {
  TimerOutcome outcome = TimerOutcome::done;
  TimerKey key{};  // of the row that stands now; that of the given one where it is stale
};

// The row is put at its new time, then the old one is erased, so that nothing is lost between the
// two.
//
// A timeout is moved in its instance before that, and then is due at `to` and at no other time, now
// where `to` has passed; nothing happens to a stale one. A message whose old row is sent at that
// moment comes at both times, with one id. Where its row has gone meanwhile, the new one stands all
// the same, and the outcome is `gone`.
//
// Throws ValidationError for a time outside the years 0 to 9999, and TransientError as cancel_timer
// does. A bus looks for rows every 8 s: what is moved to less than 10 s from now may come so much
// later.
boost::asio::awaitable<TimerMove> move_timer(SagaStore store, TimerRow row, TimePoint to);

}  // namespace sagabus
