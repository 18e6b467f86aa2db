// What waits to leave for one queue in requests of up to ten entries, and which may go together:
// no clock, no request.
#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace sagabus::sqs {

// Who is told of the end of an entry; once.
class EntryOwner {
 public:
  virtual ~EntryOwner() = default;
  virtual void ended(const std::exception_ptr& error) = 0;
};

struct BatchEntry {
  std::string group{};    // none of a group overtakes another; empty: it has none
  std::string members{};  // of its JSON object, without its Id: "\"ReceiptHandle\":\"...\""
  std::size_t bytes = 0;  // that count against a request's limit
  unsigned attempts = 0;  // that have failed
  std::shared_ptr<EntryOwner> owner{};
};

// Of each group, one entry is on its way at most, so that one that fails is not overtaken by those
// behind it.
class BatchLine {
 public:
  explicit BatchLine(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void add(BatchEntry entry);

  // How many could leave now.
  std::size_t ready() const noexcept { return ready_.size(); }

  // What goes into the next request: one to ten entries, in the order of their arrival, with a sum
  // of bytes within the limit, though one alone may pass it. Empty where none is ready.
  std::vector<BatchEntry> take();

  // An entry that was taken has left, or never will: the next of its group may go.
  void settle(const BatchEntry& entry);

  // An entry that was taken is to be tried again, before all others.
  void put_back(BatchEntry entry);

  // Takes out those that wait behind an entry that was taken and refused, and belong to the same
  // owner: they must not go either.
  std::vector<BatchEntry> take_followers(const BatchEntry& entry);

  // Takes out all, whoever waits for them.
  std::vector<BatchEntry> clear();

 private:
  const std::size_t max_bytes_;
  std::deque<BatchEntry> ready_;
  // By group: those that wait for one of their group, which is ready or on its way.
  boost::unordered_flat_map<std::string, std::deque<BatchEntry>> behind_;
};

}  // namespace sagabus::sqs
