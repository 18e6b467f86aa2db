#include "packing.hpp"

#include <algorithm>
#include <utility>

#include "message_size.hpp"
#include "timer_rules.hpp"

namespace sagabus::detail {

namespace asio = boost::asio;

asio::awaitable<void> pack_messages(StepRecord& record, TransportBackend& transport) {
  for (const std::size_t place : record.to_pack) {
    EnvelopePtr whole = record.outgoing[place].envelope;
    auto packing = transport.pack(std::move(whole));
    record.outgoing[place].envelope = co_await std::move(packing);
  }
  record.to_pack.clear();
}

asio::awaitable<EnvelopePtr> pack_for_row(EnvelopePtr envelope, TransportBackend& transport) {
  if (!packs(transport) || fits(*envelope, std::min(transport.pack_above(), kMaxRowBytes))) {
    co_return envelope;
  }
  auto packing = transport.pack(std::move(envelope));
  co_return co_await std::move(packing);
}

}  // namespace sagabus::detail
