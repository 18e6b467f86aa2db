#include "sagabus/context.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "sagabus/error.hpp"
#include "sagabus/store.hpp"

namespace sagabus {
namespace detail {
namespace {

void inherit_trace(const Headers& from, Headers& to) {
  for (const std::string_view name : {headers::kTraceParent, headers::kTraceState}) {
    const auto header = from.find(name);
    if (header != from.end()) to.try_emplace(header->first, header->second);
  }
}

}  // namespace

void record(StepRecord& step, std::string_view type, Value payload, PublishOptions options,
            TimePoint not_before) {
  auto envelope = std::make_shared<Envelope>();
  envelope->id = options.id.empty()
                     ? derive_message_id(step.envelope->id, *step.sender_id, step.outgoing.size())
                     : std::move(options.id);
  envelope->type = type;
  envelope->payload = std::move(payload);
  envelope->headers = std::move(options.headers);
  inherit_trace(step.envelope->headers, envelope->headers);
  envelope->timestamp = step.now;
  envelope->partition_key = std::move(options.partition_key);
  check(*envelope);  // while the handler can still be told: what is committed must be readable
  step.outgoing.push_back({std::move(envelope), not_before > step.now ? not_before : TimePoint{}});
}

void record_write(StepRecord& step, StoreWritePtr write) {
  if (!write) throw std::invalid_argument("transact: the write is null");
  if (!step.store->takes(*write)) {
    throw Unsupported(fmt::format("saga {}: its store, {}, cannot commit with a step: {}",
                                  *step.saga_name, step.store->describe(), write->describe()));
  }
  step.writes.push_back(std::move(write));
}

void refuse_closed_context() {
  throw std::logic_error("a context was used after its step had ended");
}

}  // namespace detail

std::string MessageContext::idempotency_key(std::string_view purpose) const {
  // No message has this index, so that no key is a message's id.
  constexpr auto kNoMessage = static_cast<std::size_t>(-1);
  std::string key = derive_message_id(step().envelope->id, *step().sender_id, kNoMessage);
  if (!purpose.empty()) key.append(1, '/').append(purpose);
  return key;
}

}  // namespace sagabus
