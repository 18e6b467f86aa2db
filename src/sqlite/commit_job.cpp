#include "sqlite/commit_job.hpp"

#include "sagabus/time_text.hpp"
#include "ttl.hpp"

namespace sagabus::sqlite {

std::int64_t count_seconds(TimePoint time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

Record to_stored_record(const Instance& instance, Ttl ttl, const Clock& clock) {
  Record record = to_record(instance);
  const auto expires_at = detail::expiry(record.completed, ttl, clock);
  if (expires_at) record.expires_at = count_seconds(*expires_at);
  return record;
}

CommitJob::CommitJob(const CommitRequest& request, Ttl ttl, const Clock& clock)
    : next_(to_stored_record(*request.next, ttl, clock)),
      now_(count_seconds(clock.now())),
      trim_(ttl && !request.expected) {
  if (const auto& expected = request.expected) {
    expected_ =
        ExpectedRecord{expected->version, expected->birth, to_iso8601(expected->created_at)};
  }
}

CommitJob::Outcome CommitJob::operator()(Connection& connection) const {
  const bool written = expected_ ? replace_record(connection, next_, *expected_, now_)
                                 : insert_record(connection, next_, now_);
  if (!written) {
    const InstanceKey key{next_.saga_name, next_.correlation_id, next_.saga_id};
    return {false, find_by_key(connection, key, now_)};
  }
  if (trim_) erase_expired(connection, now_, 4);
  return {true, {}};
}

InstancePtr to_pointer(std::optional<Record>&& record) {
  if (!record) return nullptr;
  return std::make_shared<const Instance>(to_instance(*std::move(record)));
}

CommitResult to_result(CommitJob::Outcome&& outcome) {
  CommitResult result;
  result.committed = outcome.committed;
  result.current = to_pointer(std::move(outcome.current));
  return result;
}

}  // namespace sagabus::sqlite
