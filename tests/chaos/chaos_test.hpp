// A table, a proxy that spoils what passes through it, and a client behind that.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "aws/http_client.hpp"
#include "chaos/chaos_proxy.hpp"
#include "chaos/counter.hpp"
#include "integration/dynamodb_support.hpp"

namespace sagabus::chaos {

class ChaosTest : public dynamodb::DynamoDbTest {
 protected:
  ChaosTest() {
    call("CreateTable",
         fmt::format(R"({{"TableName":"{}","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":)"
                     R"([{{"AttributeName":"id","AttributeType":"S"}}],"KeySchema":)"
                     R"([{{"AttributeName":"id","KeyType":"HASH"}}]}})",
                     table_));
  }

  // What speaks through a proxy, with a pool that can be looked into.
  struct Disturbed {
    std::shared_ptr<aws::PooledHttpClient> http;
    dynamodb::Client client;
  };
  Disturbed disturbed(const ChaosProxy& proxy, dynamodb::ClientOptions options) const {
    aws::HttpClientOptions http;
    http.endpoint = aws::parse_endpoint("endpoint", proxy.endpoint());
    http.connect_timeout = options.connect_timeout;
    auto pool = aws::make_http_client(std::move(http));
    options.http = pool;
    options.endpoint = proxy.endpoint();
    return {pool, dynamodb::Client(std::move(options))};
  }

  // A client of its own: its connections end with it.
  dynamodb::Client witness() const { return dynamodb::Client(client_options()); }
};

}  // namespace sagabus::chaos
