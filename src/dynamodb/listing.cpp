// What goes through many instances of one saga.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "dynamodb/backend.hpp"
#include "dynamodb/key_shards.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"
#include "side_by_side.hpp"

namespace sagabus::dynamodb {
namespace {

constexpr std::size_t kMostLookedAt = 1000;  // items a query, where a filter drops many
constexpr std::string_view kContinuationFormat = "1";

Bytes bytes_of(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

// ["1", saga name, last saga id] in base64.
std::string write_continuation(const std::string& saga_name, const std::string& saga_id) {
  const Value value(Array{Value(kContinuationFormat), Value(saga_name), Value(saga_id)});
  return encode_base64(bytes_of(to_json(value)));
}

std::optional<std::string> decode_continuation(const std::string& saga_name,
                                               const std::string& continuation) {
  try {
    const Bytes bytes = decode_base64(continuation);
    const Value value = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const Array* parts = value.if_array();
    if (!parts || parts->size() != 3) return std::nullopt;
    if ((*parts)[0] != Value(kContinuationFormat) || (*parts)[1] != Value(saga_name)) {
      return std::nullopt;
    }
    const std::string* saga_id = (*parts)[2].if_string();
    if (!saga_id || saga_id->empty() || saga_id->size() > 1024) return std::nullopt;
    return *saga_id;
  } catch (const ValidationError&) {
    return std::nullopt;
  }
}

std::string read_continuation(const FindRequest& request) {
  if (request.continuation.empty()) return {};
  auto saga_id = decode_continuation(request.saga_name, request.continuation);
  if (!saga_id) throw ValidationError("continuation: not one that this saga's listing gave");
  return std::move(*saga_id);
}

// Goes on after what was answered, shard after shard; false at the end of the last.
bool advance(ListQuery& query, QueryAnswer& answer, unsigned key_shards) {
  query.start_after = std::move(answer.last_saga_id);
  return !query.start_after.empty() || ++query.shard < key_shards;
}

// How other programs write an offset or a fraction changes where a time stands as text, by at most
// a day. What is this much later is not old in any writing.
std::string coarse_bound(TimePoint time) {
  constexpr std::chrono::hours kMargin{25};
  return to_iso8601(std::clamp(time, kEarliestText, kLatestText - kMargin) + kMargin);
}

}  // namespace

boost::asio::awaitable<FindPage> Backend::find_by_name(FindRequest request) {
  ListQuery query;
  query.saga_name = request.saga_name;
  query.completed = request.completed;
  query.now = epoch_seconds(now());
  query.start_after = read_continuation(request);
  if (!query.start_after.empty()) query.shard = shard_of(query.start_after, table().key_shards);
  query.limit = request.limit + 1;  // one more tells whether this is the last page
  FindPage page;
  std::size_t bytes = 0;
  for (;;) {
    auto querying = gateway_->query(list_request(table(), query), QueryContent::items);
    QueryAnswer answer = co_await std::move(querying);
    for (StoredItem& item : answer.items) {
      if (page.instances.size() == request.limit || bytes >= kPageBytes) {
        page.continuation = write_continuation(request.saga_name, page.instances.back().saga_id);
        co_return page;
      }
      bytes += item.bytes;
      page.instances.push_back(*item.instance);
    }
    if (!advance(query, answer, table().key_shards)) co_return page;
    query.limit = query.start_after.empty() ? request.limit + 1 - page.instances.size()
                                            : std::min(kMostLookedAt + 1, query.limit * 2);
  }
}

boost::asio::awaitable<std::uint64_t> Backend::count_by_name(std::string saga_name,
                                                             std::optional<bool> completed) {
  ListQuery query;
  query.saga_name = saga_name;
  query.completed = completed;
  query.now = epoch_seconds(now());
  query.select = ListQuery::Select::count;
  std::uint64_t count = 0;
  for (;;) {
    auto querying = gateway_->query(list_request(table(), query), QueryContent::items);
    QueryAnswer answer = co_await std::move(querying);
    count += answer.count;
    if (!advance(query, answer, table().key_shards)) co_return count;
  }
}

// Whether it was there, unchanged, until now.
boost::asio::awaitable<bool> Backend::erase_old(StoredItem item) {
  DeleteGuard guard;
  guard.version = item.instance->version;
  guard.updated_at = item.updated_at;
  if (item.reserved) {
    auto erasing = erase_with_alias(item, guard);
    co_return co_await std::move(erasing);
  }
  const Key key{item.instance->saga_name, item.instance->saga_id};
  auto writing = gateway_->write("DeleteItem", delete_item_request(table(), key, guard));
  const WriteAnswer answer = co_await std::move(writing);
  co_return answer.done || (answer.maybe_applied && !answer.refusals.front().item);
}

boost::asio::awaitable<bool> Backend::erase_old(std::shared_ptr<Backend> self, StoredItem item) {
  auto erasing = self->erase_old(std::move(item));
  co_return co_await std::move(erasing);
}

boost::asio::awaitable<std::uint64_t> Backend::delete_completed_before(std::string saga_name,
                                                                       TimePoint time) {
  ListQuery query;
  query.saga_name = saga_name;
  query.completed = true;
  query.now = epoch_seconds(now());
  query.updated_before = coarse_bound(time);
  query.select = ListQuery::Select::deletable;
  std::uint64_t count = 0;
  for (;;) {
    auto querying = gateway_->query(list_request(table(), query), QueryContent::items);
    QueryAnswer answer = co_await std::move(querying);
    std::erase_if(answer.items, [&](const StoredItem& item) {
      return !item.instance || item.instance->updated_at >= time;
    });
    std::vector<boost::asio::awaitable<bool>> erasures;
    for (StoredItem& item : answer.items) {
      erasures.push_back(erase_old(shared_from_this(), std::move(item)));
    }
    auto erasing = detail::run_side_by_side(std::move(erasures));
    const detail::Outcomes ends = co_await std::move(erasing);
    if (ends.failure) std::rethrow_exception(ends.failure);
    count += ends.count;
    if (!advance(query, answer, table().key_shards)) co_return count;
  }
}

}  // namespace sagabus::dynamodb
