#include "services.hpp"

#include "messages.hpp"

namespace loans {
namespace {

using sagabus::MessageContext;

const Applicant* find(const Cast& cast, const std::string& application_id) {
  const auto found = cast.find(application_id);
  return found == cast.end() ? nullptr : &found->second;
}

}  // namespace

sagabus::Service bank(const Cast& cast) {
  return sagabus::service("bank")
      .on<IdentityCheckRequested>([&cast](const IdentityCheckRequested& m, MessageContext& ctx) {
        const Applicant* who = find(cast, m.applicationId);
        if (!who) return;
        if (who->has_passport) return ctx.publish(IdentityConfirmed{m.applicationId});
        ctx.publish(IdentityRejected{m.applicationId, "no passport"});
      })
      .on<CreditCheckRequested>([&cast](const CreditCheckRequested& m, MessageContext& ctx) {
        if (const Applicant* who = find(cast, m.applicationId)) {
          ctx.publish(CreditReported{m.applicationId, who->score});
        }
      })
      .on<ReviewRequested>([](const ReviewRequested& m, MessageContext& ctx) {
        if (m.scan == "sharp") return ctx.publish(DocumentsApproved{m.applicationId, 3'200});
        ctx.publish(DocumentsRejected{m.applicationId, "the scan cannot be read"});
      })
      .on<UnderwritingRequested>([](const UnderwritingRequested& m, MessageContext& ctx) {
        if (m.amount > 100 * m.monthlyIncome) {
          return ctx.publish(UnderwritingDenied{m.applicationId, "too much for the income"});
        }
        ctx.publish(UnderwritingApproved{m.applicationId, 1'100 - m.creditScore});
      });
}

sagabus::Service applicants(const Cast& cast, std::chrono::milliseconds patience) {
  return sagabus::service("applicants")
      .on<DocumentsWanted>([&cast](const DocumentsWanted& m, MessageContext& ctx) {
        const Applicant* me = find(cast, m.applicationId);
        if (!me) return;
        if (me->withdraws) return ctx.publish(ApplicationWithdrawn{m.applicationId});
        const bool sharp = m.round > me->blurred_scans;
        ctx.publish(DocumentsSubmitted{m.applicationId, sharp ? "sharp" : "blurred"});
      })
      .on<OfferMade>([&cast, patience](const OfferMade& m, MessageContext& ctx) {
        const Applicant* me = find(cast, m.applicationId);
        if (!me || me->answer == Answer::keep_silent) return;
        if (me->answer == Answer::accept) {
          ctx.publish(OfferAccepted{m.applicationId, m.offerNumber});
        } else if (me->answer == Answer::decline) {
          ctx.publish(OfferDeclined{m.applicationId, m.offerNumber});
        } else if (m.offerNumber == 1) {
          ctx.schedule(BetterOfferWanted{m.applicationId, 1}, patience);
        }
      })
      // Who negotiates accepts the second offer when the first would have expired: that expiry must
      // not end the application.
      .on<OfferExpired>([&cast](const OfferExpired& m, MessageContext& ctx) {
        const Applicant* me = find(cast, m.applicationId);
        if (me && me->answer == Answer::negotiate && m.offerNumber == 1) {
          ctx.publish(OfferAccepted{m.applicationId, 2});
        }
      });
}

}  // namespace loans
