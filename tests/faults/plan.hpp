// What the test tells a worker: where its state is, where it dies, whose answers are lost.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace sagabus::faults {

// Where a worker kills itself. `nowhere` leaves it to its parent.
enum class Point {
  before_commit,
  after_commit,
  mid_dispatch,
  before_acknowledge,
  after_acknowledge,
  before_row,  // a timer's
  after_row,
  before_erase,  // of a row that was sent
  nowhere
};
inline constexpr std::array<std::string_view, 9> kPoints{
    "before-commit", "after-commit", "mid-dispatch", "before-acknowledge", "after-acknowledge",
    "before-row",    "after-row",    "before-erase", "at-random"};

struct Plan {
  std::string database{};  // messages unless in SQS, and the sagas unless there is a table
  std::string journal{};
  std::string table{};  // of DynamoDB; empty: none
  std::string endpoint{};
  std::string queue_prefix{};  // of SQS; empty: messages are in the database
  std::string sqs_endpoint{};
  bool fifo = true;
  bool joint = false;    // store and transport commit a step in one transaction
  int max_attempts = 0;  // for one call of DynamoDB; 0: as ever
  Point point = Point::nowhere;
  unsigned passing = 1;     // the worker dies when it comes to the point this often
  unsigned lose_every = 0;  // each so-and-so-many-th answer is lost; 0: none
  bool naps = false;        // the worker is stopped for a while, and goes on
};

// Where a worker passes often enough to be killed there. One transaction has no middle.
std::vector<Point> points_of(const Plan& plan);

std::vector<std::string> to_words(const Plan& plan);
Plan from_words(int count, char** words);

// Of a worker that could not start, since an answer was lost: the next one may.
inline constexpr int kTryAgain = 75;

}  // namespace sagabus::faults
