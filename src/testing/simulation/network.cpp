#include "testing/simulation/network.hpp"

namespace sagabus::testing::simulation {

using std::chrono::nanoseconds;

// FNV-1a.
void Trace::add(std::string_view what, std::uint64_t number) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  for (const char c : what) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * kPrime;
  for (int i = 0; i < 8; ++i) digest_ = (digest_ ^ ((number >> (8 * i)) & 0xff)) * kPrime;
  ++events_;
}

nanoseconds Network::latency() {
  const double part = uniform(*random_);
  const nanoseconds most = happens(weather_.slow) ? weather_.slowest : weather_.typical;
  return std::chrono::duration_cast<nanoseconds>(part * most);
}

boost::asio::awaitable<void> Network::travel() {
  return clock_->sleep_for(latency());
}

std::vector<bool> Network::failing_of(std::size_t entries) {
  std::vector<bool> failing(entries, false);
  if (entries < 2 || !happens(weather_.cut_batch)) return failing;
  ++mishaps_.cut_batches;
  for (std::size_t i = 0; i < entries; ++i) failing[i] = random_->next() % 2 == 0;
  return failing;
}

void Network::refuse_some() {
  if (happens(weather_.lost_request)) {
    ++mishaps_.lost_requests;
    throw TransientError("the request was lost");
  }
  if (happens(weather_.throttled)) {
    ++mishaps_.throttled;
    throw Throttled("too many requests");
  }
}

void Network::lose_some_answers() {
  if (!happens(weather_.lost_answer)) return;
  ++mishaps_.lost_answers;
  throw TransientError("the answer was lost");
}

}  // namespace sagabus::testing::simulation
