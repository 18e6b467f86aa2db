// What a queue should be like, and how one that is there differs: pure functions.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace sagabus::sqs {

// As the service names and writes them.
using QueueAttributes = std::map<std::string, std::string>;

struct QueueForm {
  bool fifo = true;
  std::chrono::seconds visibility_timeout{30};
  // Of the queue of dead letters and the deliveries after which the service moves messages there
  // itself; empty: there is none, as for dead letters themselves.
  std::string dead_letter_arn{};
  unsigned max_receive_count = 50;
  std::size_t max_message_bytes = 1024U * 1024;
  // Its own ARN, and those of the topics that may send to it: needed together.
  std::string arn{};
  std::vector<std::string> topics{};
};

// For CreateQueue. Messages are kept for 14 days, the most there is. A FIFO queue deduplicates and
// is limited in its throughput by group, not as a whole.
QueueAttributes wanted_attributes(const QueueForm& form);

// A sentence for each attribute that is not as wanted and matters: "MessageRetentionPeriod is 60,
// expected 1209600". Only what the queue's messages depend on: it may retain them for a shorter
// time than the inbox window, or have no dead letters.
std::vector<std::string> differences(const QueueForm& wanted, const QueueAttributes& found);

// Adds "<name> is <found>, expected <expected>" where they differ.
void add_difference(std::vector<std::string>& out, const std::map<std::string, std::string>& found,
                    const std::string& name, const std::string& expected);

}  // namespace sagabus::sqs
