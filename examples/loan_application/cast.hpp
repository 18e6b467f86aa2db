// Who applies for loans in this example, and how it should end for them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "loan_saga.hpp"

namespace loans {

enum class Answer { accept, decline, negotiate, keep_silent };

struct Applicant {
  std::string name;
  std::int64_t amount = 20'000;
  bool has_passport = true;
  int score = 710;
  int blurred_scans = 0;   // so many before the first that can be read
  bool withdraws = false;  // when documents are asked for
  Answer answer = Answer::accept;
  Outcome expected = Outcome::accepted;
};

// By application id.
using Cast = std::map<std::string, Applicant>;

// The ids begin with the run, so that runs on one store do not meet.
Cast make_cast(const std::string& run);

}  // namespace loans
