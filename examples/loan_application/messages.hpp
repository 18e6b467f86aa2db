// What a loan application is about: messages of applicants, of the bank's departments, and of the
// saga to itself.
#pragma once

#include <cstdint>
#include <sagabus/clock.hpp>
#include <sagabus/describe.hpp>
#include <string>

namespace loans {

// From applicants.

struct ApplicationSubmitted {
  std::string applicationId;
  std::string applicant;
  std::int64_t amount = 0;
};
SAGABUS_MESSAGE(ApplicationSubmitted, applicationId, applicant, amount)

struct DocumentsSubmitted {
  std::string applicationId;
  std::string scan;
};
SAGABUS_MESSAGE(DocumentsSubmitted, applicationId, scan)

struct OfferAccepted {
  std::string applicationId;
  int offerNumber = 0;
};
SAGABUS_MESSAGE(OfferAccepted, applicationId, offerNumber)

struct OfferDeclined {
  std::string applicationId;
  int offerNumber = 0;
};
SAGABUS_MESSAGE(OfferDeclined, applicationId, offerNumber)

struct BetterOfferWanted {
  std::string applicationId;
  int offerNumber = 0;
};
SAGABUS_MESSAGE(BetterOfferWanted, applicationId, offerNumber)

struct ApplicationWithdrawn {
  std::string applicationId;
};
SAGABUS_MESSAGE(ApplicationWithdrawn, applicationId)

// To and from the bank's departments.

struct IdentityCheckRequested {
  std::string applicationId;
  std::string applicant;
};
SAGABUS_MESSAGE(IdentityCheckRequested, applicationId, applicant)

struct IdentityConfirmed {
  std::string applicationId;
};
SAGABUS_MESSAGE(IdentityConfirmed, applicationId)

struct IdentityRejected {
  std::string applicationId;
  std::string reason;
};
SAGABUS_MESSAGE(IdentityRejected, applicationId, reason)

struct CreditCheckRequested {
  std::string applicationId;
  std::string applicant;
};
SAGABUS_MESSAGE(CreditCheckRequested, applicationId, applicant)

struct CreditReported {
  std::string applicationId;
  int score = 0;
};
SAGABUS_MESSAGE(CreditReported, applicationId, score)

struct ReviewRequested {
  std::string applicationId;
  std::string scan;
};
SAGABUS_MESSAGE(ReviewRequested, applicationId, scan)

struct DocumentsApproved {
  std::string applicationId;
  std::int64_t monthlyIncome = 0;
};
SAGABUS_MESSAGE(DocumentsApproved, applicationId, monthlyIncome)

struct DocumentsRejected {
  std::string applicationId;
  std::string reason;
};
SAGABUS_MESSAGE(DocumentsRejected, applicationId, reason)

struct UnderwritingRequested {
  std::string applicationId;
  std::int64_t amount = 0;
  std::int64_t monthlyIncome = 0;
  int creditScore = 0;
};
SAGABUS_MESSAGE(UnderwritingRequested, applicationId, amount, monthlyIncome, creditScore)

struct UnderwritingApproved {
  std::string applicationId;
  int rateBasisPoints = 0;  // 425 is 4.25 %
};
SAGABUS_MESSAGE(UnderwritingApproved, applicationId, rateBasisPoints)

struct UnderwritingDenied {
  std::string applicationId;
  std::string reason;
};
SAGABUS_MESSAGE(UnderwritingDenied, applicationId, reason)

// To applicants.

struct DocumentsWanted {
  std::string applicationId;
  int round = 1;
  std::string note;
};
SAGABUS_MESSAGE(DocumentsWanted, applicationId, round, note)

struct OfferMade {
  std::string applicationId;
  int offerNumber = 0;
  int rateBasisPoints = 0;
  sagabus::TimePoint validUntil{};
};
SAGABUS_MESSAGE(OfferMade, applicationId, offerNumber, rateBasisPoints, validUntil)

struct ApplicationClosed {
  std::string applicationId;
  std::string outcome;
  std::string reason;
};
SAGABUS_MESSAGE(ApplicationClosed, applicationId, outcome, reason)

// From the saga to itself, later.

struct OfferExpired {
  std::string applicationId;
  int offerNumber = 0;
};
SAGABUS_MESSAGE(OfferExpired, applicationId, offerNumber)

}  // namespace loans
