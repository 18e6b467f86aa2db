// Buckets of its own for each test, and another client's look at them.
#pragma once

#include <memory>
#include <string>

#include "sagabus/aws/client.hpp"
#include "sagabus/random.hpp"
#include "sagabus/s3/claim_store.hpp"
#include "sagabus/sync_wait.hpp"
#include "support/endpoint.hpp"

namespace sagabus::s3 {

// On the emulator that has SQS too. What is asked of it directly is for a bucket or an object, by
// the path style.
class Buckets {
 public:
  Buckets() : client_(aws::kS3, client_options()) {}

  // Makes one.
  std::string add() {
    std::string name = "test-" + new_uuid(*system_random());
    ask("PUT", "/" + name);
    return name;
  }
  void erase(const std::string& bucket) { ask("DELETE", "/" + bucket); }
  void erase_object(const std::string& bucket, const std::string& key) {
    ask("DELETE", "/" + bucket + "/" + key);
  }
  void put_object(const std::string& bucket, const std::string& key, std::string bytes) {
    ask("PUT", "/" + bucket + "/" + key, std::move(bytes));
  }
  std::string object(const std::string& bucket, const std::string& key) {
    return ask("GET", "/" + bucket + "/" + key);
  }

  static ClaimStoreOptions options(std::string bucket) {
    ClaimStoreOptions options;
    options.bucket = std::move(bucket);
    options.region = "us-east-1";
    options.endpoint = test::sqs_endpoint();
    options.credentials = aws::static_credentials("test", "test");
    return options;
  }

 private:
  static aws::ClientOptions client_options() {
    aws::ClientOptions options;
    options.region = "us-east-1";
    options.endpoint = test::sqs_endpoint();
    options.credentials = aws::static_credentials("test", "test");
    return options;
  }
  std::string ask(std::string method, std::string path, std::string body = {}) {
    aws::Request request;
    request.operation = "Test";
    request.method = std::move(method);
    request.path = std::move(path);
    request.body = std::move(body);
    const aws::Outcome outcome = sync_wait(client_.send(std::move(request)));
    if (!outcome) aws::throw_service_error(outcome.error());
    return outcome->body;
  }

  aws::Client client_;
};

}  // namespace sagabus::s3
