#include "loan_application/loan_saga.hpp"

#include <gmock/gmock.h>

#include "loan_application/messages.hpp"
#include "saga_harness.hpp"

namespace loans {
namespace {

using sagabus::StepOutcome;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kId = "loan-1";
constexpr std::chrono::days kValid{14};

class LoanSaga : public testing::Test {
 protected:
  LoanState state() const { return bus_.state<LoanState>(kId); }

  void expect_closed(Outcome outcome) {
    EXPECT_EQ(state().outcome, outcome);
    EXPECT_TRUE(bus_.instance(kId).completed);
    EXPECT_THAT(bus_.sent(), ElementsAre("ApplicationClosed"));
  }

  void reach_documents() {
    bus_.send(ApplicationSubmitted{kId, "Ada", 20'000});
    bus_.send(IdentityConfirmed{kId});
    bus_.send(CreditReported{kId, 700});
    bus_.sent();
  }
  void reach_offer() {
    reach_documents();
    bus_.send(DocumentsSubmitted{kId, "sharp"});
    bus_.send(DocumentsApproved{kId, 3'200});
    bus_.send(UnderwritingApproved{kId, 400});
    bus_.sent();
  }
  void reject_documents() {
    bus_.send(DocumentsSubmitted{kId, "blurred"});
    bus_.sent();
    bus_.send(DocumentsRejected{kId, "the scan cannot be read"});
  }

  examples::SagaHarness bus_{
      loan_saga({.offer_valid = kValid}),
      {"IdentityCheckRequested", "CreditCheckRequested", "ReviewRequested", "DocumentsWanted",
       "UnderwritingRequested", "OfferMade", "ApplicationClosed"}};
};

TEST_F(LoanSaga, EndsWithAnAcceptedOffer) {
  reach_offer();
  EXPECT_EQ(state().status, LoanStatus::offer);
  bus_.send(OfferAccepted{kId, 1});
  expect_closed(Outcome::accepted);
}

TEST_F(LoanSaga, EndsWithADeclinedOffer) {
  reach_offer();
  bus_.send(OfferDeclined{kId, 1});
  expect_closed(Outcome::declined);
}

TEST_F(LoanSaga, EndsWhenAnOfferExpires) {
  reach_offer();
  EXPECT_EQ(bus_.wait(kValid), StepOutcome::committed);
  expect_closed(Outcome::expired);
}

TEST_F(LoanSaga, OutlivesTheExpiryOfAnOfferThatWasReplaced) {
  reach_offer();
  bus_.send(BetterOfferWanted{kId, 1});
  EXPECT_EQ(state().rateBasisPoints, 375);
  EXPECT_THAT(bus_.sent(), ElementsAre("OfferMade"));
  EXPECT_EQ(bus_.wait(kValid), StepOutcome::ignored);
  EXPECT_EQ(bus_.send(OfferAccepted{kId, 1}), StepOutcome::ignored);
  EXPECT_EQ(bus_.wait(kValid), StepOutcome::committed);  // the second stands twice as long
  expect_closed(Outcome::expired);
}

TEST_F(LoanSaga, MakesNoThirdOffer) {
  reach_offer();
  bus_.send(BetterOfferWanted{kId, 1});
  EXPECT_EQ(bus_.send(BetterOfferWanted{kId, 2}), StepOutcome::ignored);
  EXPECT_EQ(state().offerNumber, 2);
}

TEST_F(LoanSaga, AsksForDocumentsThreeTimes) {
  reach_documents();
  reject_documents();
  EXPECT_THAT(bus_.sent(), ElementsAre("DocumentsWanted"));
  reject_documents();
  EXPECT_THAT(bus_.sent(), ElementsAre("DocumentsWanted"));
  EXPECT_EQ(state().documentRounds, 3);
  reject_documents();
  expect_closed(Outcome::denied);
}

TEST_F(LoanSaga, DeniesWhomNobodyKnows) {
  bus_.send(ApplicationSubmitted{kId, "Ada", 20'000});
  bus_.sent();
  bus_.send(IdentityRejected{kId, "no passport"});
  expect_closed(Outcome::denied);
  EXPECT_EQ(state().reason, "no passport");
}

TEST_F(LoanSaga, DeniesWhoDoesNotPayBack) {
  bus_.send(ApplicationSubmitted{kId, "Ada", 20'000});
  bus_.send(IdentityConfirmed{kId});
  bus_.sent();
  bus_.send(CreditReported{kId, 599});
  expect_closed(Outcome::denied);
}

TEST_F(LoanSaga, DeniesWhatUnderwritingDenies) {
  reach_documents();
  bus_.send(DocumentsSubmitted{kId, "sharp"});
  bus_.send(DocumentsApproved{kId, 3'200});
  bus_.sent();
  bus_.send(UnderwritingDenied{kId, "too much for the income"});
  expect_closed(Outcome::denied);
}

TEST_F(LoanSaga, CanBeWithdrawnAtAnyTime) {
  reach_documents();
  bus_.send(ApplicationWithdrawn{kId});
  expect_closed(Outcome::withdrawn);
  EXPECT_EQ(bus_.send(DocumentsSubmitted{kId, "sharp"}), StepOutcome::ignored);
  EXPECT_THAT(bus_.sent(), IsEmpty());
}

}  // namespace
}  // namespace loans
