#include "sqs/claim_check.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <vector>

#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"
#include "sqs/claim.hpp"

namespace sagabus::sqs {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Field;
using ::testing::IsNull;

constexpr std::size_t kMany = 40;

// Gives nothing, for a reason of its own each time.
class EmptyClaims final : public ClaimStore {
 public:
  explicit EmptyClaims(std::function<void(int number)> fail) : fail_(std::move(fail)) {}

  std::string describe() const override { return "empty"; }
  boost::asio::awaitable<void> put(std::string, std::string) override { co_return; }
  boost::asio::awaitable<std::string> get(std::string, std::size_t) override {
    fail_(++gets);
    co_return std::string();
  }

  int gets = 0;

 private:
  const std::function<void(int)> fail_;
};

class SqsClaimCheck : public ::testing::Test {
 protected:
  static std::vector<ClaimCheck::Opened> open(const std::shared_ptr<EmptyClaims>& claims) {
    TransportOptions options;
    options.claims = claims;
    const Routes routes(options.routes);
    const TopicRules rules(options, routes);
    const ClaimCheck check(options, rules, 1000);
    const auto one = std::make_shared<const Envelope>(with_claim(Envelope(), claim_for("{}"), {}));
    std::vector<EnvelopePtr> packed(kMany, one);
    return sync_wait(check.open(std::move(packed)));
  }
};

// Each may have hung until its time was over: small messages of the same answer wait for all.
TEST_F(SqsClaimCheck, AfterOneThatTheStoreCannotGiveNowNoMoreAreTried) {
  const auto claims = std::make_shared<EmptyClaims>([](int) { throw TransientError("away"); });
  const auto opened = open(claims);
  ASSERT_EQ(opened.size(), kMany);
  EXPECT_THAT(opened, Each(AllOf(Field(&ClaimCheck::Opened::envelope, IsNull()),
                                 Field(&ClaimCheck::Opened::problem, "away"),
                                 Field(&ClaimCheck::Opened::try_again_later, true))));
  EXPECT_LE(claims->gets, 8);  // as many as are tried at once
}

TEST_F(SqsClaimCheck, AfterOneThatIsNotThereTheOthersAreTried) {
  const auto claims = std::make_shared<EmptyClaims>([](int number) {
    if (number % 2 == 0) throw NotFound("none");
    throw ValidationError("another");
  });
  EXPECT_THAT(open(claims), Each(Field(&ClaimCheck::Opened::try_again_later, false)));
  EXPECT_EQ(claims->gets, static_cast<int>(kMany));
}

}  // namespace
}  // namespace sagabus::sqs
