// Matchers of GoogleMock for a Harness. An expectation that fails prints what did happen.
//
//   EXPECT_THAT(bus, HasPublished<PaymentRequested>(Field(&PaymentRequested::amount, 40)));
//   EXPECT_THAT(bus, HasState<OrderState>("order-1", Field(&OrderState::status, Status::paid)));
#pragma once

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "sagabus/testing/harness.hpp"

namespace sagabus::testing {

namespace detail {

// Asks `ask(harness, listener)`. Whoever listens, as where it should not hold, gets the timeline.
template <class Ask>
class HarnessMatcher {
 public:
  using is_gtest_matcher = void;

  HarnessMatcher(std::string what, std::string correlation_id, Ask ask)
      : what_(std::move(what)), correlation_id_(std::move(correlation_id)), ask_(std::move(ask)) {}

  bool MatchAndExplain(const Harness& harness, ::testing::MatchResultListener* listener) const {
    const bool holds = ask_(harness, *listener);
    if (listener->IsInterested()) {
      *listener << "\nwhat happened:\n"
                << (correlation_id_.empty() ? harness.explain() : harness.explain(correlation_id_));
    }
    return holds;
  }
  void DescribeTo(std::ostream* out) const { *out << "has " << what_; }
  void DescribeNegationTo(std::ostream* out) const { *out << "does not have " << what_; }

 private:
  const std::string what_;
  const std::string correlation_id_;  // empty: all are of interest
  const Ask ask_;
};

template <class T, class Matcher>
std::string described(const Matcher& matcher) {
  return ::testing::DescribeMatcher<const T&>(matcher);
}

}  // namespace detail

// At least one message of that type was sent that the matcher likes.
template <sagabus::detail::CheckedMessage M, class Matcher>
auto HasPublished(const Matcher& matcher) {
  const auto like = ::testing::SafeMatcherCast<const M&>(matcher);
  return detail::HarnessMatcher(
      "published a " + std::string(message_name<M>()) + " that " + detail::described<M>(like), {},
      [like](const Harness& harness, ::testing::MatchResultListener&) {
        for (const M& message : harness.published<M>()) {
          if (like.Matches(message)) return true;
        }
        return false;
      });
}
template <sagabus::detail::CheckedMessage M>
auto HasPublished() {
  return HasPublished<M>(::testing::A<const M&>());
}

// There is an instance of that id whose state the matcher likes.
template <class State, class Matcher>
auto HasState(std::string correlation_id, const Matcher& matcher) {
  const auto like = ::testing::SafeMatcherCast<const State&>(matcher);
  std::string what =
      "an instance " + correlation_id + " whose state " + detail::described<State>(like);
  return detail::HarnessMatcher(
      std::move(what), correlation_id,
      [like, correlation_id](const Harness& harness, ::testing::MatchResultListener& listener) {
        const auto state = harness.find_state<State>(correlation_id);
        return state && ::testing::ExplainMatchResult(like, *state, &listener);
      });
}

// There is an instance of that id, and it has ended.
inline auto HasCompleted(std::string correlation_id) {
  std::string what = "a completed instance " + correlation_id;
  return detail::HarnessMatcher(
      std::move(what), correlation_id,
      [correlation_id](const Harness& harness, ::testing::MatchResultListener&) {
        for (const Instance& it : harness.find(correlation_id)) {
          if (it.completed) return true;
        }
        return false;
      });
}

// The instance waits for the timeout of that name.
inline auto HasTimeout(std::string correlation_id, std::string name) {
  std::string what = "a timeout " + name + " of " + correlation_id;
  return detail::HarnessMatcher(
      std::move(what), correlation_id,
      [correlation_id, name](const Harness& harness, ::testing::MatchResultListener&) {
        for (const WaitingTimeout& it : harness.timers()) {
          if (it.correlation_id == correlation_id && it.name == name) return true;
        }
        return false;
      });
}

// Nothing was buried.
inline auto HasNoDeadLetters() {
  return detail::HarnessMatcher("no dead letters", {},
                                [](const Harness& harness, ::testing::MatchResultListener&) {
                                  return harness.dead_letters().empty();
                                });
}

// So that a matcher that fails does not print the harness's bytes.
inline void PrintTo(const Harness& /*harness*/, std::ostream* out) {
  *out << "this harness";
}

}  // namespace sagabus::testing
