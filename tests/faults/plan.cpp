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
          std::to_string(plan.max_attempts),
          std::to_string(static_cast<int>(plan.point)),
          std::to_string(plan.passing),
          std::to_string(plan.lose_every),
          std::to_string(static_cast<int>(plan.joint))};
}

Plan from_words(int count, char** words) {
  if (count != 9) throw std::invalid_argument("a worker takes nine words from its test");
  Plan plan;
  plan.database = words[0];
  plan.journal = words[1];
  plan.table = words[2];
  plan.endpoint = words[3];
  plan.max_attempts = std::stoi(words[4]);
  plan.point = static_cast<Point>(std::stoi(words[5]));
  plan.passing = static_cast<unsigned>(std::stoul(words[6]));
  plan.lose_every = static_cast<unsigned>(std::stoul(words[7]));
  plan.joint = std::stoi(words[8]) != 0;
  return plan;
}

}  // namespace sagabus::faults
