#include "faults/plan.hpp"

#include <stdexcept>

namespace sagabus::faults {

std::vector<Point> points_of(const Plan& plan) {
  if (plan.joint) return {Point::before_commit, Point::after_commit, Point::nowhere};
  return {Point::before_commit,      Point::after_commit,      Point::mid_dispatch,
          Point::before_acknowledge, Point::after_acknowledge, Point::before_row,
          Point::after_row,          Point::before_erase,      Point::nowhere};
}

std::vector<std::string> to_words(const Plan& plan) {
  return {plan.database,
          plan.journal,
          plan.table,
          plan.endpoint,
          plan.queue_prefix,
          plan.sqs_endpoint,
          std::to_string(static_cast<int>(plan.fifo)),
          std::to_string(plan.max_attempts),
          std::to_string(static_cast<int>(plan.point)),
          std::to_string(plan.passing),
          std::to_string(plan.lose_every),
          std::to_string(static_cast<int>(plan.joint)),
          std::to_string(static_cast<int>(plan.naps))};
}

Plan from_words(int count, char** words) {
  if (count != 13) throw std::invalid_argument("a worker takes thirteen words from its test");
  Plan plan;
  plan.database = words[0];
  plan.journal = words[1];
  plan.table = words[2];
  plan.endpoint = words[3];
  plan.queue_prefix = words[4];
  plan.sqs_endpoint = words[5];
  plan.fifo = std::stoi(words[6]) != 0;
  plan.max_attempts = std::stoi(words[7]);
  plan.point = static_cast<Point>(std::stoi(words[8]));
  plan.passing = static_cast<unsigned>(std::stoul(words[9]));
  plan.lose_every = static_cast<unsigned>(std::stoul(words[10]));
  plan.joint = std::stoi(words[11]) != 0;
  plan.naps = std::stoi(words[12]) != 0;
  return plan;
}

}  // namespace sagabus::faults
