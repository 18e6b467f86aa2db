// Instances looked at, mended, and moved from store to store, for tools and programs that mend. The
// `sagabus saga` command stands on this; who only writes sagas never needs it.
//
// Functions that take a store throw what it reports. They may be called while buses run, and from
// several threads at once. A cancelled call may have done some or all of its work, as may one that
// throws TransientError; repeating it is safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sagabus/outbox.hpp"
#include "sagabus/store.hpp"

namespace sagabus {

// A field of the state, and the text that it must have.
struct StateCondition {
  std::string path;  // names of members, and places in lists from 0: "items.0.sku"
  std::string text;  // a string as it is; a number, a boolean or null as JSON has it
};

// Whether the state has the field, with that text. Numbers are compared by value: 5 is 5.0.
bool holds(const StateCondition& condition, const Value& state);

struct SagaFilter {
  std::optional<TimePoint> created_before{};  // started by then
  std::optional<TimePoint> updated_before{};  // not written since
  std::vector<StateCondition> where{};        // all of them
};

bool matches(const SagaFilter& filter, const Instance& instance);

// How much of an instance a text has.
enum class InstanceText {
  published,  // what the published schema has
  whole       // the bookkeeping too: all that it takes to make the instance again
};

// One JSON object without line breaks: sagaName, sagaId, correlationId, version, isCompleted,
// state, createdAt, updatedAt, ttl (the expiry in seconds since 1970; absent: none), and where it
// is whole birth, inbox, outbox and timers as in docs/formats/bookkeeping.md (absent: empty). Bytes
// in the state stand as {"$bytes":"<base64>"}. Throws ValidationError for what JSON cannot hold.
std::string write_instance(const Instance& instance, InstanceText parts);

// Without the outbox entries that these cover. Another store does not have the watermarks, and
// would count them as left over.
Instance without_settled(Instance instance, const Watermarks& watermarks);

// Reads what write_instance wrote; what is absent is empty, and `expiresInMs` is passed over.
// Throws ValidationError saying what is wrong with any other text, a member that is there twice
// included.
Instance read_instance(std::string_view text);

// The state as write_instance has it, for people to change, and back. Throw ValidationError.
std::string write_state(const Value& state);
Value read_state(std::string_view text);

// The three functions below change one instance that was read before, and only where it still is as
// `current` says, in version and life. Else they change nothing and throw ConcurrencyError, or
// NotFound where it has gone. A write sets the expiry of a completed instance anew, by the store's
// setting, as every write does.

// Makes it completed. Its timeouts are cleared as by a step that completes, and their rows erased;
// its outbox stays, so that what its steps sent still leaves. Returns it as it then stands;
// `current` where it was completed before.
boost::asio::awaitable<InstancePtr> complete_instance(SagaStore store, InstancePtr current);

// Gives it another state; all else stays. Returns it as it then stands.
boost::asio::awaitable<InstancePtr> replace_state(SagaStore store, InstancePtr current,
                                                  Value state);

// Removes it with the rows of its timeouts, its inbox and what its outbox holds: a message that it
// took in and that comes again may then start it anew. Where it goes, comes back and reaches the
// same version within the moment between a last look and the removal, the new one is removed.
boost::asio::awaitable<void> delete_instance(SagaStore store, InstancePtr current);

// The same for many that were read just now, some 16 at a time and without a last look. Returns how
// many are gone; one that was written since it was read stays.
boost::asio::awaitable<std::uint64_t> delete_instances(SagaStore store,
                                                       std::vector<InstancePtr> instances);

struct ImportOptions {
  bool replace = false;  // also where another instance has the id
  bool dry_run = false;  // only says what would be done, as things stand
  // Told of each instance that the store refuses, being too large or not valid there, or whose
  // version is the last that there is, and why: after all others are put, and in their order.
  // Empty: the first refusal ends the import, and is thrown.
  std::function<void(std::size_t index, const std::string& why)> on_refused{};
};

struct ImportCounts {
  std::uint64_t put = 0;       // there was none
  std::uint64_t replaced = 0;  // another one stood there
  std::uint64_t same = 0;      // it was there just so: in another version perhaps, and perhaps with
                               // settled outbox entries
  std::uint64_t kept = 0;      // another one has its id, and stays
  std::uint64_t taken = 0;     // an instance of another id has its correlation id, or the other way
                               // round: no `replace` makes room for it
  std::uint64_t refused = 0;   // the store does not take it
  ImportCounts& operator+=(const ImportCounts& other);
  friend bool operator==(const ImportCounts&, const ImportCounts&) = default;
};

// Puts instances as read_instance gives them, some 16 at a time, with their times, their version,
// their bookkeeping and the rows of their timeouts, in a life of their own: their birth is new, or
// that of the one which stood there. One that is replaced gets the version after the
// one that stood there, on the condition that this still stands; lost races are tried again, and
// where too many in a row were lost it throws TransientError. The store alone sets the expiry. May
// be repeated.
boost::asio::awaitable<ImportCounts> import_instances(SagaStore store,
                                                      std::vector<Instance> instances,
                                                      ImportOptions options);

}  // namespace sagabus
