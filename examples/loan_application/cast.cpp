#include "cast.hpp"

namespace loans {

Cast make_cast(const std::string& run) {
  const Applicant applicants[] = {
      {.name = "Ada"},
      {.name = "Bela", .blurred_scans = 2},
      {.name = "Cleo", .blurred_scans = 3, .expected = Outcome::denied},
      {.name = "Dario", .has_passport = false, .expected = Outcome::denied},
      {.name = "Edda", .score = 540, .expected = Outcome::denied},
      {.name = "Finn", .amount = 2'000'000, .expected = Outcome::denied},
      {.name = "Gwen", .answer = Answer::negotiate},
      {.name = "Hugo", .answer = Answer::keep_silent, .expected = Outcome::expired},
      {.name = "Ines", .answer = Answer::decline, .expected = Outcome::declined},
      {.name = "Jost", .withdraws = true, .expected = Outcome::withdrawn},
  };
  Cast cast;
  for (const Applicant& applicant : applicants) cast[run + "-" + applicant.name] = applicant;
  return cast;
}

}  // namespace loans
