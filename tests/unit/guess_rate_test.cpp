#include "guess_rate.hpp"

#include <gtest/gtest.h>

namespace {

using sagabus::detail::GuessRate;

constexpr double kNoProbe = 0.5;
constexpr double kProbe = 0.01;

// So many of each ten come true, those first. True where another was worth trying after each.
bool stays_worthwhile(GuessRate& rate, int right_of_ten, int guesses = 400) {
  bool worthwhile = true;
  for (int i = 0; i < guesses; ++i) {
    rate.record(i % 10 < right_of_ten);
    worthwhile = worthwhile && rate.worth_trying(kNoProbe);
  }
  return worthwhile;
}

TEST(GuessRate, IsTrustedAtFirst) {
  EXPECT_TRUE(GuessRate().worth_trying(kNoProbe));
}

TEST(GuessRate, NineOfTenPay) {
  GuessRate rate;
  EXPECT_TRUE(stays_worthwhile(rate, 9));
}

TEST(GuessRate, SevenOfTenDoNot) {
  GuessRate rate;
  stays_worthwhile(rate, 7);
  EXPECT_FALSE(rate.worth_trying(kNoProbe));
}

TEST(GuessRate, OneInThirtyTwoIsMadeAllTheSame) {
  GuessRate rate;
  stays_worthwhile(rate, 0);
  EXPECT_TRUE(rate.worth_trying(kProbe));
  EXPECT_FALSE(rate.worth_trying(1.0 / 32));
}

TEST(GuessRate, ComesBackWhenGuessesComeTrueAgain) {
  GuessRate rate;
  stays_worthwhile(rate, 0);
  stays_worthwhile(rate, 9);
  EXPECT_TRUE(rate.worth_trying(kNoProbe));
}

}  // namespace
