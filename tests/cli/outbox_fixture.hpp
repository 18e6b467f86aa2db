// What the tests of `sagabus outbox` share: instances with entries made by hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "run_sagabus.hpp"
#include "sagabus/json.hpp"
#include "sagabus/saga.hpp"
#include "sagabus/sqlite/embedded.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/watermark.hpp"

namespace sagabus::test {

struct Ping {
  std::string orderId;
  int number = 0;
};
SAGABUS_MESSAGE(Ping, orderId, number)

// A file that goes away with the test, with a store and queues in it.
class SqliteFile {
 public:
  SqliteFile() {
    std::string name = (std::filesystem::temp_directory_path() / "sagabus-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
    folder_ = name;
    ends_ = std::make_unique<sqlite::Embedded>(sqlite::embedded((folder_ / "o.db").string()));
    sync_wait(ends_->store.backend()->prepare());
  }
  ~SqliteFile() {
    ends_.reset();
    std::filesystem::remove_all(folder_);
  }
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  std::string uri() const { return "sqlite://" + (folder_ / "o.db").string(); }
  const sqlite::SagaStore& store() const { return ends_->store; }
  const sqlite::Transport& transport() const { return ends_->transport; }

  // The ids of what waits in the queue, oldest first.
  std::vector<std::string> queue(const std::string& endpoint) const {
    std::vector<std::string> ids;
    for (const Delivery& delivery : sync_wait(ends_->transport.list(endpoint))) {
      ids.push_back(delivery.envelope->id);
    }
    return ids;
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<sqlite::Embedded> ends_;
};

inline OutgoingMessage ping(const std::string& id, const std::string& order, TimePoint at) {
  Envelope envelope;
  envelope.id = id;
  envelope.type = message_name<Ping>();
  envelope.payload = to_value(Ping{order, 1});
  envelope.timestamp = at;
  return {std::make_shared<const Envelope>(std::move(envelope))};
}

// An instance of Orders whose step took in "<order>-in" so long ago, as that step of worker "w1",
// and sends "<order>-out".
inline Instance insert_left_over(const SagaStore& store, const std::string& order,
                                 std::chrono::milliseconds age, std::uint64_t sequence) {
  const TimePoint at = system_clock()->now() - age;
  Instance instance;
  instance.saga_name = "Orders";
  instance.correlation_id = order;
  instance.state = Value(Object{{"n", Value(0)}});
  instance.bookkeeping.inbox.push_back({order + "-in", at});
  instance.bookkeeping.outbox.push_back(
      {order + "-in", "w1", sequence, {ping(order + "-out", order, at)}});
  return sync_wait(store.insert(std::move(instance)));
}

// What a verb printed with --json: one object a line.
inline std::vector<Value> objects(const Ran& ran) {
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.err, "");
  std::vector<Value> out;
  for (std::size_t begin = 0; begin < ran.out.size();) {
    const std::size_t end = ran.out.find('\n', begin);
    out.push_back(parse_json(ran.out.substr(begin, end - begin)));
    begin = end + 1;
  }
  return out;
}

// One member of each, in order.
inline std::vector<std::string> texts(const std::vector<Value>& values, std::string_view name) {
  std::vector<std::string> out;
  for (const Value& value : values) out.push_back(*value.find(name)->if_string());
  return out;
}

}  // namespace sagabus::test
