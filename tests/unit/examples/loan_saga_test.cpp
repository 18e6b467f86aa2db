#include "loan_application/loan_saga.hpp"

#include <gmock/gmock.h>

#include "loan_application/messages.hpp"
#include "sagabus/testing/harness.hpp"
#include "sagabus/testing/matchers.hpp"

namespace loans {
namespace {

using sagabus::StepOutcome;
using sagabus::testing::HasNoDeadLetters;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kId = "loan-1";
constexpr std::chrono::days kValid{14};

class LoanSaga : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_THAT(bus_, HasNoDeadLetters());
    if (HasFailure()) std::cout << bus_.explain();
  }

  LoanState state() const { return bus_.state_of<LoanState>(kId); }

  // How the saga's step ended.
  StepOutcome send(const auto& message) {
    return bus_.steps_of(bus_.publish(message)).at(0).outcome;
  }
  // How the step ended of the last message that came meanwhile.
  StepOutcome wait(std::chrono::milliseconds time) {
    const std::size_t before = bus_.steps().size();
    bus_.advance(time);
    EXPECT_GT(bus_.steps().size(), before);
    return bus_.steps().back().outcome;
  }

  void expect_closed(Outcome outcome) {
    EXPECT_EQ(state().outcome, outcome);
    EXPECT_TRUE(bus_.is_completed(kId));
    EXPECT_THAT(bus_.published<ApplicationClosed>(), SizeIs(1));
    bus_.take_published();
  }

  void reach_documents() {
    send(ApplicationSubmitted{kId, "Ada", 20'000});
    send(IdentityConfirmed{kId});
    send(CreditReported{kId, 700});
    bus_.take_published();
  }
  void reach_offer() {
    reach_documents();
    send(DocumentsSubmitted{kId, "sharp"});
    send(DocumentsApproved{kId, 3'200});
    send(UnderwritingApproved{kId, 400});
    bus_.take_published();
  }
  void reject_documents() {
    send(DocumentsSubmitted{kId, "blurred"});
    bus_.take_published();
    send(DocumentsRejected{kId, "the scan cannot be read"});
  }

  sagabus::testing::Harness bus_{loan_saga({.offer_valid = kValid})};
};

TEST_F(LoanSaga, EndsWithAnAcceptedOffer) {
  reach_offer();
  EXPECT_EQ(state().status, LoanStatus::offer);
  send(OfferAccepted{kId, 1});
  expect_closed(Outcome::accepted);
}

TEST_F(LoanSaga, EndsWithADeclinedOffer) {
  reach_offer();
  send(OfferDeclined{kId, 1});
  expect_closed(Outcome::declined);
}

TEST_F(LoanSaga, EndsWhenAnOfferExpires) {
  reach_offer();
  EXPECT_EQ(wait(kValid), StepOutcome::committed);
  expect_closed(Outcome::expired);
}

TEST_F(LoanSaga, OutlivesTheExpiryOfAnOfferThatWasReplaced) {
  reach_offer();
  send(BetterOfferWanted{kId, 1});
  EXPECT_EQ(state().rateBasisPoints, 375);
  EXPECT_THAT(bus_.take_published(), ElementsAre("OfferMade"));
  EXPECT_EQ(wait(kValid), StepOutcome::ignored);
  EXPECT_EQ(send(OfferAccepted{kId, 1}), StepOutcome::ignored);
  EXPECT_EQ(wait(kValid), StepOutcome::committed);  // the second stands twice as long
  expect_closed(Outcome::expired);
}

TEST_F(LoanSaga, MakesNoThirdOffer) {
  reach_offer();
  send(BetterOfferWanted{kId, 1});
  EXPECT_EQ(send(BetterOfferWanted{kId, 2}), StepOutcome::ignored);
  EXPECT_EQ(state().offerNumber, 2);
}

TEST_F(LoanSaga, AsksForDocumentsThreeTimes) {
  reach_documents();
  reject_documents();
  EXPECT_THAT(bus_.take_published(), ElementsAre("DocumentsWanted"));
  reject_documents();
  EXPECT_THAT(bus_.take_published(), ElementsAre("DocumentsWanted"));
  EXPECT_EQ(state().documentRounds, 3);
  reject_documents();
  expect_closed(Outcome::denied);
}

TEST_F(LoanSaga, DeniesWhomNobodyKnows) {
  send(ApplicationSubmitted{kId, "Ada", 20'000});
  bus_.take_published();
  send(IdentityRejected{kId, "no passport"});
  expect_closed(Outcome::denied);
  EXPECT_EQ(state().reason, "no passport");
}

TEST_F(LoanSaga, DeniesWhoDoesNotPayBack) {
  send(ApplicationSubmitted{kId, "Ada", 20'000});
  send(IdentityConfirmed{kId});
  bus_.take_published();
  send(CreditReported{kId, 599});
  expect_closed(Outcome::denied);
}

TEST_F(LoanSaga, DeniesWhatUnderwritingDenies) {
  reach_documents();
  send(DocumentsSubmitted{kId, "sharp"});
  send(DocumentsApproved{kId, 3'200});
  bus_.take_published();
  send(UnderwritingDenied{kId, "too much for the income"});
  expect_closed(Outcome::denied);
}

TEST_F(LoanSaga, CanBeWithdrawnAtAnyTime) {
  reach_documents();
  send(ApplicationWithdrawn{kId});
  expect_closed(Outcome::withdrawn);
  EXPECT_EQ(send(DocumentsSubmitted{kId, "sharp"}), StepOutcome::ignored);
  EXPECT_THAT(bus_.take_published(), IsEmpty());
}

}  // namespace
}  // namespace loans
