// Queues of its own for each test, and another client's look at them.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sagabus/random.hpp"
#include "sagabus/sqs/transport.hpp"
#include "sagabus/sync_wait.hpp"
#include "support/endpoint.hpp"

namespace sagabus::sqs {

class SqsTest : public ::testing::Test {
 protected:
  using Lines = std::vector<std::string>;

  ClientOptions client_options() const {
    ClientOptions options;
    options.region = "us-east-1";
    options.endpoint = test::sqs_endpoint();
    options.credentials = aws::static_credentials("test", "test");
    return options;
  }
  TransportOptions options() {
    TransportOptions options;
    options.client = Client(client_options());
    options.queue_prefix = prefix_;
    options.create_queues = true;
    options.ambient.log = Logger([this](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex_);
      log_.emplace_back(line);
    });
    return options;
  }

  // On the same address: the emulator has both services.
  TransportOptions options_with_topics() {
    TransportOptions out = options();
    out.topics.enabled = true;
    out.topics.client = TopicClient(client_options());
    return out;
  }

  // What the transport has said.
  Lines log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  // The low-level way, as any other program does.
  boost::json::value call(std::string_view operation, const boost::json::value& body) {
    aws::Outcome outcome = sync_wait(client_.aws().call(operation, boost::json::serialize(body)));
    if (!outcome) aws::throw_service_error(outcome.error());
    return outcome->body.empty() ? boost::json::object() : boost::json::parse(outcome->body);
  }
  std::string url(const Transport& transport, const std::string& endpoint) {
    const auto answer = call("GetQueueUrl", {{"QueueName", transport.queue_name(endpoint)}});
    return std::string(answer.at("QueueUrl").as_string());
  }
  std::string attribute(const Transport& transport, const std::string& endpoint,
                        const std::string& name) {
    const auto answer = call("GetQueueAttributes",
                             {{"QueueUrl", url(transport, endpoint)}, {"AttributeNames", {"All"}}});
    const auto* found = answer.at("Attributes").as_object().if_contains(name);
    return found ? std::string(found->as_string()) : std::string();
  }

  static Envelope envelope(std::string id, std::string key = {}) {
    Envelope out;
    out.id = std::move(id);
    out.type = "Taken";
    out.payload = Value(Object{{"number", Value(1)}});
    out.timestamp = TimePoint(std::chrono::milliseconds(1'800'000'000'000));
    out.partition_key = std::move(key);
    return out;
  }
  static SendRequest request(Envelope envelope, std::string endpoint = "a") {
    SendRequest out;
    out.envelope = std::make_shared<const Envelope>(std::move(envelope));
    out.endpoint = std::move(endpoint);
    return out;
  }
  static void send(const Transport& transport, std::vector<SendRequest> requests) {
    sync_wait(transport.backend()->send(std::move(requests)));
  }
  static void send(const Transport& transport, Envelope envelope) {
    std::vector<SendRequest> one(1, request(std::move(envelope)));
    send(transport, std::move(one));
  }
  static std::vector<Delivery> receive(const Transport& transport, std::size_t most = 10,
                                       std::string endpoint = "a") {
    return sync_wait(transport.backend()->receive(std::move(endpoint), most));
  }
  // Empty where nothing comes within the time.
  static std::vector<Delivery> receive_within(const Transport& transport,
                                              std::chrono::milliseconds time,
                                              std::string endpoint = "a") {
    using namespace boost::asio::experimental::awaitable_operators;
    const auto both = [&]() -> boost::asio::awaitable<std::vector<Delivery>> {
      auto deliveries = transport.backend()->receive(endpoint, 10);
      auto timeout = system_clock()->sleep_for(time);
      auto either = std::move(deliveries) || std::move(timeout);
      auto result = co_await std::move(either);
      if (result.index() == 1) co_return std::vector<Delivery>();
      co_return std::get<0>(std::move(result));
    };
    return sync_wait(both());
  }
  static void acknowledge(const Transport& transport, Delivery delivery) {
    sync_wait(transport.backend()->acknowledge(std::move(delivery)));
  }
  static void give_back(const Transport& transport, Delivery delivery, GiveBack how = {}) {
    sync_wait(transport.backend()->give_back(std::move(delivery), how));
  }

  const std::string prefix_ = "t" + new_nonce(*system_random());

 private:
  std::mutex mutex_;
  Lines log_;
  Client client_{client_options()};
};

}  // namespace sagabus::sqs
