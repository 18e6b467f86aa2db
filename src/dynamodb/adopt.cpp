#include "sagabus/dynamodb/adopt.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <optional>
#include <utility>

#include "dynamodb/gateway.hpp"
#include "dynamodb/item_size.hpp"
#include "dynamodb/requests.hpp"
#include "sagabus/error.hpp"
#include "sagabus/instance.hpp"

namespace sagabus::dynamodb {
namespace {

namespace json = boost::json;

constexpr int kMostAttempts = 4;          // of an item that others write meanwhile
constexpr std::size_t kRoomForOurs = 64;  // birth, and that there is an alias

bool is_own(const json::object& item) {
  return item.contains(kBirth) || item.contains(kAliasOf);
}

std::string text_of(const json::object& item, std::string_view name) {
  const json::value* const attribute = item.if_contains({name.data(), name.size()});
  const json::object* const typed = attribute ? attribute->if_object() : nullptr;
  const json::value* const text = typed ? typed->if_contains("S") : nullptr;
  return text && text->is_string() ? std::string(text->get_string()) : std::string();
}

// Throws ValidationError where it cannot become one of ours.
StoredItem read_foreign(const json::object& item) {
  StoredItem stored = read_item(item, 1);
  check_keys(*stored.instance, 1);
  constexpr std::size_t kMost = kMaxItemBytes - kBookkeepingBytes;
  if (stored.bytes + kRoomForOurs <= kMost) return stored;
  throw ValidationError(
      fmt::format("item {}: {} bytes, over the {} that leave room for inbox and outbox",
                  stored.instance->saga_id, stored.bytes, kMost));
}

// What stands at an item's derived key.
struct Place {
  std::string holder{};          // who else has that correlation id, in words; empty: nobody
  std::optional<Alias> stale{};  // what may be overwritten
};

// One run through a saga's items.
class AdoptRun {
 public:
  AdoptRun(const SagaStore& store, AdoptOptions options, AdoptListener listener)
      : ambient_(store.ambient()),
        gateway_(store.client(), TableRef{store.table_name(), false, 1}, ambient_.log),
        options_(std::move(options)),
        listener_(std::move(listener)) {}

  boost::asio::awaitable<AdoptCount> go() {
    std::string start_after;
    do {
      auto listing =
          gateway_.query_rows(raw_items_request(gateway_.table(), options_.saga_name, start_after));
      RowsAnswer page = co_await std::move(listing);
      for (const json::value& row : page.rows) {
        const json::object* const item = row.if_object();
        if (!item) continue;
        ++count_.looked_at;
        if (is_own(*item)) {
          ++count_.ours;
          continue;
        }
        auto taking = take(*item);
        co_await std::move(taking);
      }
      if (listener_.on_page) listener_.on_page(count_);
      start_after = std::move(page.last_saga_id);
    } while (!start_after.empty());
    co_return count_;
  }

 private:
  boost::asio::awaitable<void> take(json::object item) {
    ForeignItem told;
    told.saga_id = text_of(item, kSagaId);
    told.correlation_id = text_of(item, kCorrelationId);
    std::optional<std::string> refusal;
    bool counts = true;
    try {
      auto adopting = adopt(std::move(item), told);
      counts = co_await std::move(adopting);
    } catch (const ValidationError& error) {
      refusal = error.what();
    }
    if (refusal) {
      told.adoption = Adoption::refused;
      told.why = *std::move(refusal);
    }
    if (!counts) {
      ++count_.expired;
      co_return;
    }
    count(told.adoption);
    if (listener_.on_item) listener_.on_item(told);
  }

  void count(Adoption adoption) {
    if (adoption == Adoption::adopted) ++count_.adopted;
    if (adoption == Adoption::refused) ++count_.refused;
    if (adoption == Adoption::changed) ++count_.changed;
  }

  // False where it has expired, or is gone by now.
  boost::asio::awaitable<bool> adopt(json::object item, ForeignItem& told) {
    const std::string birth = new_nonce(*ambient_.random);
    for (int tries = 0; tries < kMostAttempts; ++tries) {
      const StoredItem stored = read_foreign(item);
      if (is_expired(stored, now())) co_return false;
      auto looking = look_at_place(*stored.instance);
      const Place place = co_await std::move(looking);
      if (!place.holder.empty()) {
        throw ValidationError(
            fmt::format("item {}: {} has its correlation id", told.saga_id, place.holder));
      }
      if (options_.dry_run) {
        reserve(derive_saga_id(stored.instance->saga_name, stored.instance->correlation_id));
        co_return true;
      }
      auto writing = write(item, stored, place, birth);
      const bool written = co_await std::move(writing);
      if (written) co_return true;
      auto reading =
          gateway_.get_row(get_item_request(gateway_.table(), {options_.saga_name, told.saga_id}));
      item = co_await std::move(reading);
      if (item.empty() || item.contains(kAliasOf)) co_return false;
      // By a try whose answer was lost, or by somebody else who does the same.
      if (item.contains(kBirth)) co_return true;
    }
    told.adoption = Adoption::changed;
    told.why = "others kept writing it";
    co_return true;
  }

  // A dry run writes no aliases: this stands for them. 64 bits are enough: of a million, two are
  // the same once in 40 million runs.
  void reserve(const std::string& derived_id) {
    if (reserved_.size() < options_.most_remembered) reserved_.insert(fingerprint(derived_id));
  }
  static std::size_t fingerprint(const std::string& derived_id) {
    return std::hash<std::string>{}(derived_id);
  }

  boost::asio::awaitable<Place> look_at_place(const Instance& instance) {
    const std::string derived_id = derive_saga_id(instance.saga_name, instance.correlation_id);
    Place place;
    if (reserved_.contains(fingerprint(derived_id))) {
      place.holder = "another of these items";
      co_return place;
    }
    if (derived_id == instance.saga_id) co_return place;
    auto getting = get(derived_id);
    const std::optional<StoredItem> there = co_await std::move(getting);
    if (!there) co_return place;
    if (!there->alias) {
      if (!is_expired(*there, now())) place.holder = "the instance " + derived_id;
      co_return place;
    }
    place.stale = there->alias;
    if (there->alias->target == instance.saga_id) co_return place;
    auto following = get(there->alias->target);
    const std::optional<StoredItem> target = co_await std::move(following);
    const bool lives = target && target->instance && !is_expired(*target, now()) &&
                       target->instance->correlation_id == instance.correlation_id;
    if (lives) place.holder = "the instance " + there->alias->target;
    co_return place;
  }

  boost::asio::awaitable<std::optional<StoredItem>> get(const std::string& saga_id) {
    return gateway_.get(get_item_request(gateway_.table(), {options_.saga_name, saga_id}));
  }

  // Whether it was carried out, for sure.
  boost::asio::awaitable<bool> write(const json::object& item, const StoredItem& stored,
                                     const Place& place, const std::string& birth) {
    const Instance& instance = *stored.instance;
    const std::string derived_id = derive_saga_id(instance.saga_name, instance.correlation_id);
    const AdoptDraft draft{item, {instance.saga_name, instance.saga_id}, birth, stored.ttl};
    WriteAnswer answer;
    if (derived_id == instance.saga_id) {
      auto writing = gateway_.write("UpdateItem", adopt_item_request(gateway_.table(), draft));
      answer = co_await std::move(writing);
    } else {
      const CreateGuard guard{epoch_seconds(now()), place.stale};
      auto writing = gateway_.transact(adopt_with_alias_request(gateway_.table(), draft, derived_id,
                                                                guard, new_uuid(*ambient_.random)),
                                       {2, {}});
      answer = co_await std::move(writing);
    }
    co_return answer.done;
  }

  TimePoint now() const { return ambient_.clock->now(); }

  const Ambient ambient_;
  Gateway gateway_;
  const AdoptOptions options_;
  const AdoptListener listener_;
  AdoptCount count_;
  boost::unordered_flat_set<std::size_t> reserved_;  // derived ids that would have an instance
};

boost::asio::awaitable<AdoptCount> adopt_all(SagaStore store, AdoptOptions options,
                                             AdoptListener listener) {
  AdoptRun run(store, std::move(options), std::move(listener));
  auto going = run.go();
  co_return co_await std::move(going);
}

}  // namespace

boost::asio::awaitable<AdoptCount> adopt_items(SagaStore store, AdoptOptions options) {
  return adopt_items(std::move(store), std::move(options), AdoptListener());
}

boost::asio::awaitable<AdoptCount> adopt_items(SagaStore store, AdoptOptions options,
                                               AdoptListener listener) {
  if (store.key_shards() > 1) {
    throw Unsupported(
        fmt::format("table {}: it has {} key shards, in which items of other programs "
                    "have no place",
                    store.table_name(), store.key_shards()));
  }
  return adopt_all(std::move(store), std::move(options), std::move(listener));
}

}  // namespace sagabus::dynamodb
