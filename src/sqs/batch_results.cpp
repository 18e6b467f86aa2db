#include "sqs/batch_results.hpp"

#include <optional>

#include "aws/number.hpp"

namespace sagabus::sqs {
namespace {

std::optional<std::size_t> place_of(std::string_view id, std::size_t entries) {
  const auto place = aws::read_number<std::size_t>(id);
  return place && *place < entries ? place : std::nullopt;
}

}  // namespace

void BatchResults::succeeded(std::string_view id) {
  if (const auto place = place_of(id, successful_.size())) successful_[*place] = true;
}

void BatchResults::failed(std::string_view id, FailedEntry why) {
  if (const auto place = place_of(id, failures_.size())) failures_[*place] = std::move(why);
}

std::vector<FailedEntry> BatchResults::take() {
  std::vector<FailedEntry> out;
  for (std::size_t i = 0; i < successful_.size(); ++i) {
    if (successful_[i]) continue;
    out.push_back(std::move(failures_[i]));
    out.back().place = i;
  }
  return out;
}

}  // namespace sagabus::sqs
