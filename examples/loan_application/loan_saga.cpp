#include "loan_saga.hpp"

#include <boost/describe/enum_to_string.hpp>
#include <sagabus/saga.hpp>

#include "messages.hpp"

namespace loans {
namespace {

using sagabus::SagaContext;

struct ApplicationOf {
  std::string operator()(const auto& message) const { return message.applicationId; }
};
using Builder = sagabus::SagaBuilder<LoanState, ApplicationOf>;

// A guard. An answer to an offer, or the end of its time, counts only for the offer that stands.
// Nobody has to take back the expiry of an offer that was replaced: it arrives, and is ignored.
constexpr auto for_this_offer = [](const auto& m, const LoanState& s) {
  return m.offerNumber == s.offerNumber;
};

// What several handlers do.

void close(Outcome outcome, const std::string& reason, LoanState& s, SagaContext& ctx) {
  s.status = LoanStatus::closed;
  s.outcome = outcome;
  s.reason = reason;
  ctx.publish(
      ApplicationClosed{s.applicationId, boost::describe::enum_to_string(outcome, ""), reason});
  ctx.complete();
}

constexpr auto deny = [](const auto& m, LoanState& s, SagaContext& ctx) {
  close(Outcome::denied, m.reason, s, ctx);
};

void ask_for_documents(const std::string& note, LoanState& s, SagaContext& ctx) {
  s.status = LoanStatus::documents;
  ++s.documentRounds;
  ctx.publish(DocumentsWanted{s.applicationId, s.documentRounds, note});
}

void make_offer(int rate, const LoanTerms& terms, LoanState& s, SagaContext& ctx) {
  s.status = LoanStatus::offer;
  s.rateBasisPoints = rate;
  ++s.offerNumber;
  const auto valid_until = ctx.now() + s.offerNumber * terms.offer_valid;
  ctx.publish(OfferMade{s.applicationId, s.offerNumber, rate, valid_until});
  ctx.schedule(OfferExpired{s.applicationId, s.offerNumber}, valid_until);
}

// The steps, in their order.

// Who is it?
void check_identity(Builder& saga) {
  saga.on<ApplicationSubmitted>(sagabus::can_start)
      .in(LoanStatus::submitted)
      .leads_to(LoanStatus::identity)
      .handle([](const ApplicationSubmitted& m, LoanState& s, SagaContext& ctx) {
        s.status = LoanStatus::identity;
        ctx.publish(IdentityCheckRequested{m.applicationId, m.applicant});
      })
      .on<IdentityRejected>()
      .in(LoanStatus::identity)
      .leads_to(LoanStatus::closed)
      .handle(deny)
      .on<IdentityConfirmed>()
      .in(LoanStatus::identity)
      .leads_to(LoanStatus::credit)
      .handle([](const IdentityConfirmed&, LoanState& s, SagaContext& ctx) {
        s.status = LoanStatus::credit;
        ctx.publish(CreditCheckRequested{s.applicationId, s.applicant});
      });
}

// Do they pay back? Of several handlers, the first runs whose guards all hold.
void check_credit(Builder& saga, const LoanTerms& terms) {
  saga.on<CreditReported>()
      .in(LoanStatus::credit)
      .leads_to(LoanStatus::closed)
      .when([terms](const CreditReported& m) { return m.score < terms.least_score; })
      .handle([](const CreditReported& m, LoanState& s, SagaContext& ctx) {
        s.creditScore = m.score;
        close(Outcome::denied, "a credit score of " + std::to_string(m.score), s, ctx);
      })
      .on<CreditReported>()
      .in(LoanStatus::credit)
      .leads_to(LoanStatus::documents)
      .handle([](const CreditReported& m, LoanState& s, SagaContext& ctx) {
        s.creditScore = m.score;
        ask_for_documents("payslips of three months", s, ctx);
      });
}

// What do they earn? Documents that cannot be read are asked for again, a few times.
void review_documents(Builder& saga, const LoanTerms& terms) {
  saga.on<DocumentsSubmitted>()
      .in(LoanStatus::documents)
      .leads_to(LoanStatus::review)
      .handle([](const DocumentsSubmitted& m, LoanState& s, SagaContext& ctx) {
        s.status = LoanStatus::review;
        ctx.publish(ReviewRequested{s.applicationId, m.scan});
      })
      .on<DocumentsRejected>()
      .in(LoanStatus::review)
      .leads_to(LoanStatus::documents)
      .when([terms](const LoanState& s) { return s.documentRounds < terms.document_rounds; })
      .handle([](const DocumentsRejected& m, LoanState& s, SagaContext& ctx) {
        ask_for_documents(m.reason, s, ctx);
      })
      .on<DocumentsRejected>()
      .in(LoanStatus::review)
      .leads_to(LoanStatus::closed)
      .handle(deny)
      .on<DocumentsApproved>()
      .in(LoanStatus::review)
      .leads_to(LoanStatus::underwriting)
      .handle([](const DocumentsApproved& m, LoanState& s, SagaContext& ctx) {
        s.status = LoanStatus::underwriting;
        s.monthlyIncome = m.monthlyIncome;
        ctx.publish(
            UnderwritingRequested{s.applicationId, s.amount, m.monthlyIncome, s.creditScore});
      });
}

// Do we want to?
void underwrite(Builder& saga, const LoanTerms& terms) {
  saga.on<UnderwritingDenied>()
      .in(LoanStatus::underwriting)
      .leads_to(LoanStatus::closed)
      .handle(deny)
      .on<UnderwritingApproved>()
      .in(LoanStatus::underwriting)
      .leads_to(LoanStatus::offer)
      .handle([terms](const UnderwritingApproved& m, LoanState& s, SagaContext& ctx) {
        make_offer(m.rateBasisPoints, terms, s, ctx);
      });
}

// Do they want to?
void negotiate(Builder& saga, const LoanTerms& terms) {
  saga.on<BetterOfferWanted>()
      .in(LoanStatus::offer)
      .leads_to(LoanStatus::offer)
      .when(for_this_offer)
      .when([terms](const LoanState& s) { return s.offerNumber < terms.most_offers; })
      .handle([terms](const BetterOfferWanted&, LoanState& s, SagaContext& ctx) {
        make_offer(s.rateBasisPoints - terms.discount_basis_points, terms, s, ctx);
      })
      .on<OfferAccepted>()
      .in(LoanStatus::offer)
      .leads_to(LoanStatus::closed)
      .when(for_this_offer)
      .handle([](const OfferAccepted&, LoanState& s, SagaContext& ctx) {
        close(Outcome::accepted, "", s, ctx);
      })
      .on<OfferDeclined>()
      .in(LoanStatus::offer)
      .leads_to(LoanStatus::closed)
      .when(for_this_offer)
      .handle([](const OfferDeclined&, LoanState& s, SagaContext& ctx) {
        close(Outcome::declined, "", s, ctx);
      })
      .on<OfferExpired>()
      .in(LoanStatus::offer)
      .leads_to(LoanStatus::closed)
      .when(for_this_offer)
      .handle([](const OfferExpired&, LoanState& s, SagaContext& ctx) {
        close(Outcome::expired, "no answer to the offer", s, ctx);
      });
}

// At any time. A completed saga ignores whatever comes later, so no guard is needed.
void allow_withdrawal(Builder& saga) {
  saga.on<ApplicationWithdrawn>()
      .leads_to(LoanStatus::closed)
      .handle([](const ApplicationWithdrawn&, LoanState& s, SagaContext& ctx) {
        close(Outcome::withdrawn, "", s, ctx);
      });
}

}  // namespace

sagabus::SagaDefinition loan_saga(const LoanTerms& terms) {
  Builder saga = sagabus::saga<LoanState>(kLoanSaga).correlate_all(ApplicationOf{});
  saga.initial([](const ApplicationSubmitted& m) {
    return LoanState{m.applicationId, m.applicant, m.amount};
  });
  check_identity(saga);
  check_credit(saga, terms);
  review_documents(saga, terms);
  underwrite(saga, terms);
  negotiate(saga, terms);
  allow_withdrawal(saga);
  return saga.build();
}

}  // namespace loans
