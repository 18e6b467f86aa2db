// What happens on the bus of a harness, as it happens.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sagabus/testing/harness.hpp"

namespace sagabus::testing {

class Recorder {
 public:
  explicit Recorder(std::shared_ptr<VirtualClock> clock) : clock_(std::move(clock)) {}

  // The outermost middleware.
  boost::asio::awaitable<void> observe(StepView& view, Next next);
  // A write was carried out, whatever its step will hear of it.
  void committed(const CommitRequest& request);
  void sent(const std::vector<SendRequest>& requests);

  // A message of that id is the test's.
  void own(const std::string& id) { own_ids_.insert(id); }
  bool is_own(const std::string& id) const { return own_ids_.contains(id); }

  const std::vector<HarnessStep>& steps() const noexcept { return steps_; }
  const std::vector<SentMessage>& messages() const noexcept { return messages_; }
  std::vector<std::string> take_published();

  // Of steps that began and messages that were sent.
  std::uint64_t events() const noexcept { return events_; }

 private:
  std::uint64_t begin(const StepView& view);
  void end(std::uint64_t number, const StepView& view, std::string error);
  std::size_t index_of(std::uint64_t number) const;

  const std::shared_ptr<VirtualClock> clock_;
  std::uint64_t events_ = 0;
  std::vector<HarnessStep> steps_;
  std::vector<std::uint64_t> numbers_;  // of the steps
  std::vector<InstancePtr> writes_;     // of the steps: what was committed, by all of a write
  std::map<std::string, InstancePtr> landed_;  // by the message that was taken in with it
  std::vector<SentMessage> messages_;
  std::set<std::pair<std::string, std::string>> sent_;  // type and id
  std::set<std::string> own_ids_;
  std::size_t taken_ = 0;  // of the messages
};

}  // namespace sagabus::testing
