// The one conditional write of a step, as a job and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "sagabus/clock.hpp"
#include "sqlite/records.hpp"

namespace sagabus::sqlite {

using Ttl = std::optional<std::chrono::seconds>;

std::int64_t count_seconds(TimePoint time);

// With `expires_at`, of which the store alone decides.
Record to_stored_record(const Instance& instance, Ttl ttl, const Clock& clock);

class CommitJob {
 public:
  struct Outcome {
    bool committed = false;
    std::optional<Record> current{};  // what stands there, where it was not
  };

  // Throws as to_record() does.
  CommitJob(const CommitRequest& request, Ttl ttl, const Clock& clock);

  Outcome operator()(Connection& connection) const;

 private:
  Record next_;
  std::optional<ExpectedRecord> expected_;
  std::int64_t now_;
  bool trim_;
};

// These throw ValidationError for a row that another hand has broken.
InstancePtr to_pointer(std::optional<Record>&& record);
CommitResult to_result(CommitJob::Outcome&& outcome);

}  // namespace sagabus::sqlite
