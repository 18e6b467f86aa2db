// Whether guessing pays: how often guesses of one kind came true lately.
#pragma once

#include <atomic>

namespace sagabus::detail {

// A wrong guess costs a write that fails, a right one saves a read that costs a fifth as much, so
// guesses stop where fewer than four of five come true. Now and then one is made all the same, to
// see whether times have changed. Safe from any thread; a lost update is one opinion fewer.
class GuessRate {
 public:
  // `random` is uniform in [0, 1).
  bool worth_trying(double random) const {
    return rate_.load(std::memory_order_relaxed) >= kWorthwhile || random < kProbes;
  }

  void record(bool right) {
    const double rate = rate_.load(std::memory_order_relaxed);
    rate_.store(rate + ((right ? 1.0 : 0.0) - rate) * kWeight, std::memory_order_relaxed);
  }

 private:
  static constexpr double kWorthwhile = 0.8;
  static constexpr double kWeight = 1.0 / 32;  // of the newest guess
  static constexpr double kProbes = 1.0 / 32;
  std::atomic<double> rate_{1.0};
};

}  // namespace sagabus::detail
