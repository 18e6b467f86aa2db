#include "dispatch.hpp"

#include <fmt/format.h>

#include "sagabus/error.hpp"

namespace sagabus::detail {

void check_delays(const StepRecord& record, const Transport& transport) {
  const auto most = transport.backend()->max_delay();
  for (const OutgoingMessage& message : record.outgoing) {
    const auto delay = message.not_before - record.now;
    if (delay > most) {
      throw Unsupported(
          fmt::format("{} is scheduled {} ms ahead; this transport delays by at most {} ms",
                      message.envelope->type, delay.count(), most.count()));
    }
  }
}

std::vector<SendRequest> to_requests(const std::vector<OutgoingMessage>& messages) {
  std::vector<SendRequest> requests;
  requests.reserve(messages.size());
  for (const OutgoingMessage& message : messages) {
    SendRequest& request = requests.emplace_back();
    request.envelope = message.envelope;
    request.not_before = message.not_before;
  }
  return requests;
}

std::chrono::milliseconds outage_delay(const RetryPolicy& policy, std::atomic<unsigned>& outages,
                                       RandomSource& random) {
  return retry_delay(policy, outages.fetch_add(1) + 1, uniform(random));
}

}  // namespace sagabus::detail
