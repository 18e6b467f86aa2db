#include "sqs/requests.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/json_member.hpp"
#include "aws/number.hpp"
#include "sagabus/json.hpp"

namespace sagabus::sqs {
namespace {

namespace json = boost::json;
using aws::find_member;
using aws::find_text;

// Writes the members of a JSON object one after another. Names need no escape.
class Members {
 public:
  explicit Members(std::size_t reserve = 256) { out_.reserve(reserve); }
  Members& text(std::string_view name, std::string_view value) {
    append_json_string(member(name), value);
    return *this;
  }
  Members& raw(std::string_view name, std::string_view value) {
    member(name) += value;
    return *this;
  }
  template <class Integer>
  Members& number(std::string_view name, Integer value) {
    return raw(name, fmt::to_string(value));
  }
  std::string take() { return std::move(out_); }
  std::string object() { return '{' + std::move(out_) + '}'; }

 private:
  std::string& member(std::string_view name) {
    if (!out_.empty()) out_ += ',';
    out_ += '"';
    out_ += name;
    return out_ += "\":";
  }
  std::string out_;
};

std::string object_of(const QueueAttributes& attributes) {
  Members members;
  for (const auto& [attribute, value] : attributes) members.text(attribute, value);
  return members.object();
}

const json::array* array_member(const json::value& value, std::string_view name) {
  const json::value* found = find_member(value, {name});
  return found ? found->if_array() : nullptr;
}

}  // namespace

std::string get_queue_url_body(std::string_view name) {
  return Members().text("QueueName", name).object();
}

std::string get_queue_attributes_body(std::string_view url) {
  return Members().text("QueueUrl", url).raw("AttributeNames", R"(["All"])").object();
}

std::string create_queue_body(std::string_view name, const QueueAttributes& attributes) {
  return Members().text("QueueName", name).raw("Attributes", object_of(attributes)).object();
}

std::string set_queue_attributes_body(std::string_view url, const QueueAttributes& attributes) {
  return Members().text("QueueUrl", url).raw("Attributes", object_of(attributes)).object();
}

std::string receive_body(const ReceiveRequest& request) {
  Members out;
  out.text("QueueUrl", request.queue_url)
      .number("MaxNumberOfMessages", request.max_messages)
      .number("VisibilityTimeout", request.visibility_timeout.count())
      .number("WaitTimeSeconds", request.wait_time.count())
      .raw("MessageSystemAttributeNames",
           R"(["ApproximateReceiveCount","ApproximateFirstReceiveTimestamp","MessageGroupId"])");
  if (!request.attempt_id.empty()) out.text("ReceiveRequestAttemptId", request.attempt_id);
  return out.object();
}

std::string batch_body(std::string_view queue_url, std::span<const BatchEntry> entries) {
  std::size_t size = 64 + queue_url.size();
  for (const BatchEntry& entry : entries) size += entry.members.size() + 16;
  std::string list = "[";
  list.reserve(size);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    fmt::format_to(std::back_inserter(list), "{}{{\"Id\":\"{}\",", i == 0 ? "" : ",", i);
    list += entries[i].members;
    list += '}';
  }
  list += ']';
  return Members(size).text("QueueUrl", queue_url).raw("Entries", list).object();
}

std::string send_members(const SendEntry& entry) {
  Members out(entry.body.size() + entry.body.size() / 8 + 256);
  out.text("MessageBody", entry.body);
  if (!entry.group_id.empty()) {
    out.text("MessageGroupId", entry.group_id);
    out.text("MessageDeduplicationId", entry.deduplication_id);
  }
  if (entry.delay.count() > 0) out.number("DelaySeconds", entry.delay.count());
  return out.take();
}

std::string delete_members(std::string_view receipt_handle) {
  return Members(receipt_handle.size() + 32).text("ReceiptHandle", receipt_handle).take();
}

std::string visibility_members(std::string_view receipt_handle, std::chrono::seconds timeout) {
  return Members(receipt_handle.size() + 64)
      .text("ReceiptHandle", receipt_handle)
      .number("VisibilityTimeout", timeout.count())
      .take();
}

std::vector<ReceivedMessage> read_messages(const json::value& answer) {
  std::vector<ReceivedMessage> out;
  const json::array* messages = array_member(answer, "Messages");
  if (!messages) return out;
  out.reserve(messages->size());
  for (const json::value& message : *messages) {
    ReceivedMessage& read = out.emplace_back();
    read.body = find_text(message, {"Body"});
    read.receipt_handle = find_text(message, {"ReceiptHandle"});
    read.message_id = find_text(message, {"MessageId"});
    read.group_id = find_text(message, {"Attributes", "MessageGroupId"});
    const auto count = aws::read_number<std::uint64_t>(
        find_text(message, {"Attributes", "ApproximateReceiveCount"}));
    const auto first = aws::read_number<std::int64_t>(
        find_text(message, {"Attributes", "ApproximateFirstReceiveTimestamp"}));
    read.first_received = TimePoint(std::chrono::milliseconds(first.value_or(0)));
    read.receive_count = std::max<std::uint64_t>(count.value_or(1), 1);
  }
  return out;
}

std::vector<FailedEntry> read_failures(const json::value& answer, std::size_t entries) {
  BatchResults results(entries);
  if (const json::array* done = array_member(answer, "Successful")) {
    for (const json::value& entry : *done) results.succeeded(find_text(entry, {"Id"}));
  }
  const json::array* failed = array_member(answer, "Failed");
  if (!failed) return results.take();
  for (const json::value& entry : *failed) {
    FailedEntry why;
    why.code = find_text(entry, {"Code"});
    why.message = find_text(entry, {"Message"});
    const json::value* fault = find_member(entry, {"SenderFault"});
    why.sender_fault = fault && fault->is_bool() && fault->get_bool();
    results.failed(find_text(entry, {"Id"}), std::move(why));
  }
  return results.take();
}

QueueAttributes read_attributes(const json::value& answer) {
  QueueAttributes out;
  const json::value* found = find_member(answer, {"Attributes"});
  if (!found || !found->is_object()) return out;
  for (const json::key_value_pair& attribute : found->get_object()) {
    if (!attribute.value().is_string()) continue;
    out.emplace(attribute.key(), std::string_view(attribute.value().get_string()));
  }
  return out;
}

}  // namespace sagabus::sqs
