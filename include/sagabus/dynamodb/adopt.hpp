// Taking over the instances that other programs wrote to a store's table. For a migration: when it
// is done, and those programs write no more, the store needs neither `foreign_items` nor an index.
// Whoever shares a table with such programs for good needs none of this.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "sagabus/dynamodb/store.hpp"

namespace sagabus::dynamodb {

struct AdoptOptions {
  std::string saga_name = {};
  bool dry_run = false;  // writes nothing, and tells what it would do
  // Of so many items a dry run knows the correlation id again, in some 20 bytes each. Where there
  // are more, it may miss that two have the same: the second is refused when they are taken over.
  std::size_t most_remembered = 1'000'000;
};

enum class Adoption {
  adopted,  // or would be
  refused,  // it cannot be as it stands
  changed,  // others kept writing it: try again
};

struct ForeignItem {
  std::string saga_id;         // empty where it has none that can be read
  std::string correlation_id;  // the same
  Adoption adoption = Adoption::adopted;
  std::string why;  // it was not taken over: one line, which holds no state
};

struct AdoptCount {
  std::uint64_t looked_at = 0;  // items of the saga, all of the following
  std::uint64_t ours = 0;       // written or taken over by sagabus before; their aliases too
  std::uint64_t expired = 0;    // of others: they count as absent
  std::uint64_t adopted = 0;
  std::uint64_t refused = 0;
  std::uint64_t changed = 0;
};

// Called on the executor of adopt_items: for each item of another program, and after each page of a
// listing. Either may be empty.
struct AdoptListener {
  std::function<void(const ForeignItem& item)> on_item = {};
  std::function<void(const AdoptCount& so_far)> on_page = {};
};

// Goes through a saga's items. One of another program keeps its `sagaId`, its version and all its
// attributes. It gets a birth; and where its id is not the one that sagabus derives from the
// correlation id, an alias at that one, in the same transaction. So it is found by its key, and no
// second instance of its correlation id can start.
//
// Each is written on the condition that it is as it was read, so what another program writes
// meanwhile is never lost. Such a program may put an item anew without the birth: stop it first, or
// run this again. It may be repeated, also after it was cut short or cancelled, and a bus may run
// on the table meanwhile. An item is refused where it is no instance of the schema, where another
// instance has its correlation id, and where it is larger than one of sagabus's own may be.
//
// Needs dynamodb:Query, GetItem, PutItem and UpdateItem. Throws the errors of sagabus/error.hpp,
// and Unsupported for a store with key shards, where items of other programs have no place.
boost::asio::awaitable<AdoptCount> adopt_items(SagaStore store, AdoptOptions options);
boost::asio::awaitable<AdoptCount> adopt_items(SagaStore store, AdoptOptions options,
                                               AdoptListener listener);

}  // namespace sagabus::dynamodb
