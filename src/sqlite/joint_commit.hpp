// A step as one transaction, where its store and its transport share an open file.
#pragma once

#include <memory>

#include "sagabus/joint_commit.hpp"
#include "sqlite/commit_job.hpp"
#include "sqlite/database.hpp"

namespace sagabus::sqlite {

// Null where the transport is another's.
std::shared_ptr<JointCommit> join_queues(std::shared_ptr<Database> database, Ttl ttl,
                                         const std::shared_ptr<TransportBackend>& transport);

}  // namespace sagabus::sqlite
