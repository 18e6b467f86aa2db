// An item that one coroutine alone counts up, one conditional update at a time, through a client
// that nothing goes well for.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "chaos/tally.hpp"
#include "sagabus/dynamodb/client.hpp"

namespace sagabus::chaos {

struct CounterSettings {
  std::string table;                   // with the hash key "id"
  dynamodb::Client client;             // to be tested
  dynamodb::Client witness;            // not disturbed: what it reads is true
  aws::CallOptions call = {};          // of each update
  std::chrono::milliseconds grace{0};  // no call ends later than this after its deadline
};

class Counter {
 public:
  // What is given by reference must outlive it.
  Counter(const CounterSettings& settings, Tally& tally, std::string id)
      : settings_(settings), tally_(tally), id_(std::move(id)) {}

  boost::asio::awaitable<void> create();

  // Counts on by one: repeats the update until it is known to be done. Its first call is cancelled
  // when it has taken that long. Must run on a strand.
  boost::asio::awaitable<void> advance(std::optional<std::chrono::microseconds> cancel_after);

  // Whether each update left its mark, in order and once.
  boost::asio::awaitable<void> audit();

 private:
  enum class Ending { done, ambiguous, cancelled, not_done };

  boost::asio::awaitable<Ending> attempt(std::optional<std::chrono::microseconds> cancel_after);
  boost::asio::awaitable<Ending> call();
  Ending judge(const aws::Outcome& outcome);
  Ending judge_error(const aws::ServiceError& error);
  boost::asio::awaitable<std::string> read();
  std::string update() const;
  std::string expected(long count) const;
  void problem(const std::string& what);

  const CounterSettings& settings_;
  Tally& tally_;
  const std::string id_;
  long count_ = 0;
  bool in_doubt_ = false;  // an earlier call of this update may come into effect at any time
};

}  // namespace sagabus::chaos
