#include "sqs/recollection.hpp"

namespace sagabus::sqs {

Recollection::Memory Recollection::recall(const std::string& message_id) const {
  const auto found = memories_.find(message_id);
  return found == memories_.end() ? Memory() : found->second;
}

void Recollection::given_back(const std::string& message_id, bool failed, bool uncertain) {
  const auto [memory, is_new] = memories_.try_emplace(message_id);
  if (failed) ++memory->second.failures;
  if (uncertain) {
    memory->second.uncertain = true;
  } else {
    ++memory->second.returns;
  }
  if (!is_new) return;
  order_.push_back(message_id);
  while (order_.size() > most_) {
    memories_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace sagabus::sqs
