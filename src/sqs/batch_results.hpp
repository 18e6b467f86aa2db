// What became of the entries of a batch, by the answer to it: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagabus::sqs {

struct FailedEntry {
  std::size_t place = 0;
  std::string code;
  std::string message;
  bool sender_fault = false;  // repeating it will not help
};

// Takes what the answer says; an Id is the entry's place, and others are passed over.
class BatchResults {
 public:
  explicit BatchResults(std::size_t entries) : successful_(entries), failures_(entries) {}

  void succeeded(std::string_view id);
  void failed(std::string_view id, FailedEntry why);

  // Those that the answer does not count among the successful, in their order.
  std::vector<FailedEntry> take();

 private:
  std::vector<bool> successful_;
  std::vector<FailedEntry> failures_;
};

}  // namespace sagabus::sqs
