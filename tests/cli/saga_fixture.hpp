// What the tests of `sagabus saga` share: instances in a file or in a table.
#pragma once

#include <fstream>

#include "dynamodb_table.hpp"
#include "outbox_fixture.hpp"
#include "sagabus/saga_tools.hpp"
#include "sagabus/timer_store.hpp"
#include "support/temp_directory.hpp"

namespace sagabus::test {

inline std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

enum class Place { in_a_file, in_a_table };

class SagaVerbs : public ::testing::TestWithParam<Place> {
 protected:
  SagaVerbs() {
    if (GetParam() == Place::in_a_table) table_.emplace();
  }

  const SagaStore& store() const { return table_ ? table_->store() : file_.store(); }
  std::string uri() const { return table_ ? table_->uri() : file_.uri(); }

  Ran run(const std::string& verb, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"saga", verb, "Orders", "--store", uri()};
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }
  std::vector<Value> run_json(const std::string& verb, std::vector<std::string> more = {}) const {
    more.emplace_back("--json");
    return objects(run(verb, more));
  }
  std::vector<std::string> listed(const std::vector<std::string>& more = {}) const {
    return texts(run_json("list", more), "correlationId");
  }

  // An instance that was started that long ago and last written that long ago.
  Instance put(const std::string& order, const std::string& status,
               std::chrono::milliseconds started = std::chrono::milliseconds(0),
               std::chrono::milliseconds written = std::chrono::milliseconds(0),
               bool completed = false) const {
    const TimePoint now = system_clock()->now();
    Instance instance;
    instance.saga_name = "Orders";
    instance.correlation_id = order;
    instance.state = Value(Object{{"status", Value(status)}});
    instance.completed = completed;
    instance.created_at = now - started;
    instance.updated_at = now - written;
    return sync_wait(store().insert(std::move(instance)));
  }
  // With a timeout that is due in an hour, and a row for it.
  Instance put_with_timeout(const std::string& order) const {
    Instance instance = put(order, "paid", std::chrono::hours(2), std::chrono::hours(1));
    instance.bookkeeping.timers = {{"payment", "token-of-" + order,
                                    system_clock()->now() + std::chrono::hours(1),
                                    system_clock()->now()}};
    sync_wait(store().erase("Orders", instance.saga_id));
    const std::vector<Instance> all{instance};
    sync_wait(import_instances(store(), all, {}));
    return stored(order).value();
  }
  std::optional<Instance> stored(const std::string& order) const {
    return sync_wait(store().get_by_correlation_id("Orders", order));
  }
  std::size_t timer_rows() const {
    return sync_wait(store().backend()->timers()->list(100, {})).rows.size();
  }

  const SqliteFile file_;
  std::optional<DynamoDbTable> table_;
};

inline std::string place_name(const ::testing::TestParamInfo<Place>& it) {
  return it.param == Place::in_a_file ? "Sqlite" : "DynamoDb";
}

}  // namespace sagabus::test
