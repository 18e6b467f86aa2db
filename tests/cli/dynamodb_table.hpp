// A table of DynamoDB Local for one test.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "run_sagabus.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/random.hpp"
#include "support/endpoint.hpp"

namespace sagabus::test {

// Made by the command, and deleted by it with the test.
class DynamoDbTable {
 public:
  DynamoDbTable() { EXPECT_EQ(run_sagabus({"table", "create", "--store", uri_}).exit, 0); }
  ~DynamoDbTable() { run_sagabus({"table", "delete", "--yes", "--store", uri_}); }
  DynamoDbTable(const DynamoDbTable&) = delete;
  DynamoDbTable& operator=(const DynamoDbTable&) = delete;

  const std::string& uri() const { return uri_; }
  const SagaStore& store() const { return store_; }

 private:
  SagaStore open() const {
    dynamodb::StoreOptions options;
    options.table_name = name_;
    options.region = "us-east-1";
    options.endpoint = dynamodb_endpoint();
    return dynamodb::SagaStore(std::move(options));
  }

  const std::string name_ = "cli-" + new_nonce(*system_random());
  const std::string uri_ =
      "dynamodb://" + name_ + "?region=us-east-1&endpoint=" + dynamodb_endpoint();
  const SagaStore store_ = open();
};

}  // namespace sagabus::test
