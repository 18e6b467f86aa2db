// The loan saga: checks one after the other, documents that may be asked for again, and an offer
// that does not stand for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <sagabus/definition.hpp>
#include <sagabus/describe.hpp>
#include <string>

namespace loans {

// What the saga waits for.
enum class LoanStatus {
  submitted,
  identity,
  credit,
  documents,
  review,
  underwriting,
  offer,
  closed
};
SAGABUS_DESCRIBE_ENUM(LoanStatus, submitted, identity, credit, documents, review, underwriting,
                      offer, closed)

enum class Outcome { open, accepted, declined, expired, denied, withdrawn };
SAGABUS_DESCRIBE_ENUM(Outcome, open, accepted, declined, expired, denied, withdrawn)

struct LoanState {
  std::string applicationId;
  std::string applicant;
  std::int64_t amount = 0;
  LoanStatus status = LoanStatus::submitted;
  int creditScore = 0;
  int documentRounds = 0;  // how often documents were asked for
  std::int64_t monthlyIncome = 0;
  int rateBasisPoints = 0;
  int offerNumber = 0;  // of the offer that stands, 0 before the first
  Outcome outcome = Outcome::open;
  std::string reason{};
};
SAGABUS_DESCRIBE(LoanState, applicationId, applicant, amount, status, creditScore, documentRounds,
                 monthlyIncome, rateBasisPoints, offerNumber, outcome, reason)

struct LoanTerms {
  int least_score = 600;
  int document_rounds = 3;                                        // 1 or more
  int most_offers = 2;                                            // 1 or more
  int discount_basis_points = 25;                                 // of each better offer
  std::chrono::milliseconds offer_valid = std::chrono::days(14);  // a better one: twice as long
};

inline constexpr const char* kLoanSaga = "LoanApplication";

sagabus::SagaDefinition loan_saga(const LoanTerms& terms);

}  // namespace loans
