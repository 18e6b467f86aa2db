// The queues of a plan that has its messages in SQS.
#pragma once

#include <chrono>

#include "faults/plan.hpp"
#include "sagabus/sqs/transport.hpp"

namespace sagabus::faults {

sqs::Transport sqs_transport(const Plan& plan, std::chrono::seconds visibility_timeout);

}  // namespace sagabus::faults
