// A table of its own for each test, and another client's look at it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "sagabus/dynamodb/store.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/testing/virtual_clock.hpp"
#include "support/endpoint.hpp"

namespace sagabus::dynamodb {

class DynamoDbTest : public ::testing::Test {
 protected:
  DynamoDbTest() : table_("test-" + new_nonce(*system_random())) {}
  ~DynamoDbTest() override {
    try {
      call("DeleteTable", fmt::format(R"({{"TableName":"{}"}})", table_));
    } catch (const std::exception&) {  // not every test makes it
    }
  }

  ClientOptions client_options() const {
    ClientOptions options;
    options.region = "us-east-1";
    options.endpoint = test::dynamodb_endpoint();
    options.credentials = aws::static_credentials("test", "test");
    return options;
  }
  const Client& client() {
    if (!client_) client_.emplace(client_options());
    return *client_;
  }
  StoreOptions options() {
    StoreOptions options;
    options.table_name = table_;
    options.client = client();
    options.ambient.clock = clock_;
    return options;
  }
  SagaStore make(TableDescription description = {}) {
    StoreOptions here = options();
    here.index = description.index;
    here.key_shards = description.key_shards;
    SagaStore store(std::move(here));
    sync_wait(create_table(store, std::move(description)));
    return store;
  }

  // The low-level way, as any other program does.
  boost::json::value call(std::string operation, std::string body) {
    return boost::json::parse(sync_wait(client().call(std::move(operation), std::move(body))));
  }
  boost::json::object item(std::string_view saga_id, std::string_view saga_name = "Order") {
    const auto answer =
        call("GetItem",
             fmt::format(
                 R"({{"TableName":"{}","Key":{{"sagaName":{{"S":"{}"}},"sagaId":{{"S":"{}"}}}}}})",
                 table_, saga_name, saga_id));
    const auto* found = answer.as_object().if_contains("Item");
    return found ? found->as_object() : boost::json::object();
  }
  void put(std::string_view attributes) {
    call("PutItem", fmt::format(R"({{"TableName":"{}","Item":{{{}}}}})", table_, attributes));
  }

  static Instance order(std::string correlation_id = "c") {
    Instance instance;
    instance.saga_name = "Order";
    instance.correlation_id = std::move(correlation_id);
    instance.state = Value(Object{{"total", Value(12.5)}, {"lines", Value(Array{Value("a")})}});
    return instance;
  }
  InstanceKey key(std::string correlation_id = "c") const {
    std::string id = derive_saga_id("Order", correlation_id);
    return {"Order", std::move(correlation_id), std::move(id)};
  }
  Instance first(std::string correlation_id = "c") {
    Instance instance = order(correlation_id);
    instance.saga_id = key(correlation_id).saga_id;
    instance.version = 1;
    instance.created_at = instance.updated_at = clock_->now();
    instance.bookkeeping.birth = new_nonce(*system_random());
    return instance;
  }
  static CommitResult commit(const sagabus::SagaStore& store, Instance next,
                             std::optional<ExpectedInstance> expected = {}) {
    CommitRequest request;
    request.next = std::make_shared<const Instance>(std::move(next));
    request.expected = std::move(expected);
    return sync_wait(store.backend()->commit(std::move(request)));
  }
  static ExpectedInstance expect(const Instance& current) {
    return {current.version, current.bookkeeping.birth, current.created_at};
  }
  static Instance after(Instance current) {
    ++current.version;
    return current;
  }
  static InstancePtr load(const sagabus::SagaStore& store, InstanceKey key) {
    return sync_wait(store.backend()->load(std::move(key)));
  }

  std::string table_;
  std::shared_ptr<testing::VirtualClock> clock_ = std::make_shared<testing::VirtualClock>(
      TimePoint(std::chrono::milliseconds(1'800'000'000'123)));
  std::optional<Client> client_;
};

}  // namespace sagabus::dynamodb
