// What things are called on SQS: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace sagabus::sqs {

// Up to 40 characters that may stand in a queue's name.
bool is_queue_prefix(std::string_view text);

// An endpoint of dead letters is called "<endpoint>.dlq" by the bus.
bool is_dead_letter_endpoint(std::string_view endpoint);
std::string dead_letter_endpoint_of(std::string_view endpoint);

// "{prefix}-{endpoint}.fifo", "{prefix}-{endpoint}-dlq.fifo" for dead letters; without ".fifo" for
// a standard queue. At most 80 characters. Where the endpoint's own name cannot stand there (it is
// too long, has other characters than a-z, A-Z, 0-9, "_" and "-", or ends as the name of dead
// letters would), it is cut, each such character becomes a "-", and "-" with the first 8 hex digits
// of its SHA-256 follows.
std::string queue_name(std::string_view prefix, std::string_view endpoint, bool fifo);

// "{prefix}-{type}.fifo", by the same rules with at most 256 characters.
std::string topic_name(std::string_view prefix, std::string_view type, bool fifo);

// The ARN of what is called `name` at another service, such as "sns", where `arn` is.
std::string sibling_arn(std::string_view arn, std::string_view service, std::string_view name);

// The last part of an ARN.
std::string name_in_arn(std::string_view arn);

// The message group of an order key: the key itself where it is 1 to 128 printable ASCII characters
// without a space, which is what other writers of the family send, else its SHA-256 in hex.
std::string group_id(std::string_view order_key);

// For one sending, 64 hex digits. Each queue counts for itself, and a topic hands it on: so a
// message that comes straight to a queue and by a topic as well comes once.
std::string deduplication_id(std::string_view key);

// JSON that may be a message's body: SQS refuses some characters that JSON may hold, which become
// escapes.
std::string to_body(std::string json);

}  // namespace sagabus::sqs
