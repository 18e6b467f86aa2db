// A service that takes some of a batch, refuses some, and goes away: played by a script.
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <thread>

#include "integration/sqs_support.hpp"
#include "sagabus/error.hpp"
#include "support/http_server.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Call {
  std::string operation;
  json::object body;
};

// Answers look-ups by itself; what else is asked, `answer` decides. An empty answer: none comes.
class Service {
 public:
  using Answer = std::function<std::string(const Call& call)>;
  explicit Service(Answer answer) : answer_(std::move(answer)) {}

  std::string endpoint() const { return server_.endpoint().url(); }
  std::vector<Call> calls(const std::string& operation) {
    const std::lock_guard lock(mutex_);
    std::vector<Call> out;
    for (const Call& call : calls_) {
      if (call.operation == operation) out.push_back(call);
    }
    return out;
  }

 private:
  static Call parse(const std::string& request) {
    const std::string_view target = "x-amz-target: AmazonSQS.";
    auto at = std::search(request.begin(), request.end(), target.begin(), target.end(),
                          [](char a, char b) { return std::tolower(a) == std::tolower(b); });
    const std::size_t begin = static_cast<std::size_t>(at - request.begin()) + target.size();
    Call call;
    call.operation = request.substr(begin, request.find('\r', begin) - begin);
    call.body = json::parse(request.substr(request.find("\r\n\r\n") + 4)).as_object();
    return call;
  }
  asio::awaitable<void> serve(aws::Peer& peer) {
    for (;;) {
      const std::string request = co_await peer.read_request();
      if (request.empty()) co_return;
      const Call call = parse(request);
      {
        const std::lock_guard lock(mutex_);
        calls_.push_back(call);
      }
      std::string answer = "{}";
      if (call.operation == "GetQueueUrl") {
        answer = R"({"QueueUrl":"http://queue/1/q.fifo"})";
      } else if (call.operation != "GetQueueAttributes") {
        answer = answer_(call);
      }
      if (answer.empty()) {
        co_await peer.until_closed();
        co_return;
      }
      if (answer.starts_with("HTTP")) {
        co_await peer.write(answer);
      } else {
        co_await peer.answer(answer);
      }
    }
  }

  const Answer answer_;
  std::mutex mutex_;
  std::vector<Call> calls_;
  aws::TestServer server_{[this](aws::Peer& peer, int) { return serve(peer); }};
};

// The ids of the envelopes in a SendMessageBatch.
std::vector<std::string> ids_in(const Call& call) {
  std::vector<std::string> out;
  for (const json::value& entry : call.body.at("Entries").as_array()) {
    const auto envelope = json::parse(entry.at("MessageBody").as_string());
    out.emplace_back(envelope.at("id").as_string());
  }
  return out;
}

// Says of each entry whether it is done ("") or its error's code; "!" before it: the sender's
// fault.
std::string answer_entries(const Call& call,
                           const std::function<std::string(const std::string& id)>& verdict) {
  json::array done;
  json::array failed;
  const std::vector<std::string> ids = ids_in(call);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string code = verdict(ids[i]);
    if (code.empty()) {
      done.push_back(json::object{{"Id", std::to_string(i)}});
    } else {
      const bool senders = code.front() == '!';
      failed.push_back({{"Id", std::to_string(i)},
                        {"Code", code.substr(senders ? 1 : 0)},
                        {"Message", "no"},
                        {"SenderFault", senders}});
    }
  }
  return json::serialize(json::object{{"Successful", done}, {"Failed", failed}});
}

class SqsFault : public SqsTest {
 protected:
  TransportOptions options_for(const Service& service) {
    TransportOptions out = options();
    ClientOptions client = client_options();
    client.endpoint = service.endpoint();
    out.client = Client(client);
    return out;
  }
  // Of the keys "a", "b": "a1" has the key "a".
  static std::vector<SendRequest> requests(const std::vector<std::string>& ids) {
    std::vector<SendRequest> out;
    for (const std::string& id : ids) out.push_back(request(envelope(id, id.substr(0, 1))));
    return out;
  }
};

TEST_F(SqsFault, AnEntryThatFailsIsTriedAgainAndNotOvertaken) {
  int failures = 0;
  Service service([&](const Call& call) {
    return answer_entries(call, [&](const std::string& id) {
      return id == "a1" && ++failures <= 2 ? "InternalError" : "";
    });
  });
  const Transport transport(options_for(service));
  send(transport, requests({"a1", "a2", "b1", "a3"}));
  std::vector<std::string> of_a;
  for (const Call& call : service.calls("SendMessageBatch")) {
    for (const std::string& id : ids_in(call)) {
      if (id.front() == 'a') of_a.push_back(id);
    }
  }
  EXPECT_THAT(of_a, ElementsAre("a1", "a1", "a1", "a2", "a3"));
  EXPECT_EQ(transport.usage().sent, 4U);
}

TEST_F(SqsFault, AnEntryThatIsRefusedStopsThoseBehindItAndNoOthers) {
  Service service([&](const Call& call) {
    return answer_entries(
        call, [](const std::string& id) { return id == "a1" ? "!InvalidMessageContents" : ""; });
  });
  const Transport transport(options_for(service));
  try {
    send(transport, requests({"a1", "a2", "b1", "a3", "b2"}));
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.service().code, "InvalidMessageContents");
    EXPECT_EQ(error.service().operation, "SendMessageBatch");
    EXPECT_THAT(error.service().resource, HasSubstr(prefix_));
  }
  EXPECT_EQ(transport.usage().sent, 2U);
  send(transport, requests({"a4"}));  // the group is free again
  EXPECT_EQ(transport.usage().sent, 3U);
}

TEST_F(SqsFault, AnEntryThatFailsForGoodIsGivenUpAfterSomeTries) {
  Service service([&](const Call& call) {
    return answer_entries(call, [](const std::string&) { return "ServiceUnavailable"; });
  });
  const Transport transport(options_for(service));
  EXPECT_THROW(send(transport, requests({"a1"})), TransientError);
  EXPECT_THAT(service.calls("SendMessageBatch"), SizeIs(4));
}

TEST_F(SqsFault, AnAnswerThatLeavesAnEntryOutIsNotTakenForItsSuccess) {
  int asked = 0;
  Service service([&](const Call& call) -> std::string {
    if (++asked == 1) return "{}";
    return answer_entries(call, [](const std::string&) { return ""; });
  });
  const Transport transport(options_for(service));
  send(transport, requests({"a1"}));
  EXPECT_THAT(service.calls("SendMessageBatch"), SizeIs(2));
}

TEST_F(SqsFault, ARequestThatFailsIsTheClientsToTryAgain) {
  int asked = 0;
  Service service([&](const Call& call) -> std::string {
    if (++asked <= 2) {
      return "HTTP/1.1 400 Bad Request\r\nContent-Length: 39\r\n\r\n"
             R"({"__type":"com.a#ThrottlingException"} )";
    }
    return answer_entries(call, [](const std::string&) { return ""; });
  });
  TransportOptions here = options_for(service);
  const Transport transport(std::move(here));
  send(transport, requests({"a1", "b1"}));
  EXPECT_EQ(transport.usage().requests.at("SendMessageBatch"), 3U);
  EXPECT_EQ(transport.usage().sent, 2U);
}

// The messages that the service may have handed to a request whose answer nobody reads are asked
// for once more, and shown to others at once.
TEST_F(SqsFault, TheLastHandleGivesBackWhatAnOpenRequestMayHaveReceived) {
  Service service([&](const Call& call) -> std::string {
    return call.body.at("WaitTimeSeconds") == 0 ? "{}" : "";
  });
  {
    const Transport transport(options_for(service));
    EXPECT_TRUE(receive_within(transport, 200ms).empty());
  }
  const std::vector<Call> calls = service.calls("ReceiveMessage");
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[0].body.at("WaitTimeSeconds"), 20);
  EXPECT_EQ(calls[1].body.at("WaitTimeSeconds"), 0);
  EXPECT_EQ(calls[1].body.at("VisibilityTimeout"), 0);
  EXPECT_EQ(calls[1].body.at("ReceiveRequestAttemptId"),
            calls[0].body.at("ReceiveRequestAttemptId"));
  EXPECT_EQ(calls[0].body.at("ReceiveRequestAttemptId").as_string().size(), 36U);
}

TEST_F(SqsFault, RequestsThatComeBackAtOnceAreMadeEverMoreSeldom) {
  Service service([&](const Call&) { return "{}"; });
  TransportOptions here = options_for(service);
  here.wait_time = 0s;
  const Transport transport(std::move(here));
  EXPECT_TRUE(receive_within(transport, 1500ms).empty());
  const std::vector<Call> calls = service.calls("ReceiveMessage");
  ASSERT_GE(calls.size(), 2U);
  EXPECT_LE(calls.size(), 6U);  // 0, 50, 150, 350, 750, 1550 ms: no busy loop
  EXPECT_NE(calls[0].body.at("ReceiveRequestAttemptId"),
            calls[1].body.at("ReceiveRequestAttemptId"));
}

// Full answers call for more requests beside the next one.
TEST_F(SqsFault, ABacklogIsReceivedSideBySide) {
  int number = 0;
  Service service([&](const Call& call) {
    json::array messages;
    const auto most = call.body.at("MaxNumberOfMessages").to_number<int>();
    for (int i = 0; i < most; ++i) {
      ++number;
      messages.push_back({{"MessageId", std::to_string(number)},
                          {"ReceiptHandle", "r"},
                          {"Body", fmt::format(R"({{"id":"m{}","type":"T"}})", number)},
                          {"Attributes", {{"MessageGroupId", "g"}}}});
    }
    return json::serialize(json::object{{"Messages", messages}});
  });
  const Transport transport(options_for(service));
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 5; ++i) sizes.push_back(receive(transport, 60).size());
  EXPECT_THAT(sizes, ElementsAre(20, 40, 60, 60, 60));
  EXPECT_THAT(receive(transport, 3), SizeIs(3));  // never more than are asked for
  EXPECT_EQ(transport.usage().received, 243U);
}

// Two of one answer.
std::string two_messages() {
  return R"({"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"{}"},)"
         R"({"MessageId":"2","ReceiptHandle":"s","Body":"{}"}]})";
}

TEST_F(SqsFault, AnAcknowledgementThatFailedMayBeRepeated) {
  int refusals = 0;
  Service service([&](const Call& call) -> std::string {
    if (call.operation == "ReceiveMessage") return two_messages();
    if (call.operation == "DeleteMessageBatch" && ++refusals <= 1) {
      return "HTTP/1.1 400 Bad Request\r\nContent-Length: 41\r\n\r\n"
             R"({"__type":"com.amazonaws#InvalidAddress"})";
    }
    return R"({"Successful":[{"Id":"0"},{"Id":"1"}]})";
  });
  const Transport transport(options_for(service));
  const auto deliveries = receive(transport, 2);
  ASSERT_THAT(deliveries, SizeIs(2));
  EXPECT_THROW(sync_wait(transport.backend()->acknowledge_all(deliveries)), Error);
  EXPECT_EQ(transport.usage().deleted, 0U);
  sync_wait(transport.backend()->acknowledge_all(deliveries));
  EXPECT_EQ(transport.usage().deleted, 2U);
  sync_wait(transport.backend()->acknowledge_all(deliveries));
  EXPECT_EQ(transport.usage().deleted, 2U);
}

TEST_F(SqsFault, AMessageThatIsLostIsSaidOnceAndNotAcknowledged) {
  Service service([&](const Call& call) -> std::string {
    if (call.operation == "ReceiveMessage") return two_messages();
    return R"({"Failed":[{"Id":"0","Code":"MessageNotInflight","SenderFault":true},)"
           R"({"Id":"1","Code":"AWS.SimpleQueueService.MessageNotInflight","SenderFault":true}]})";
  });
  TransportOptions here = options_for(service);
  here.visibility_timeout = 1s;
  const Transport transport(std::move(here));
  const auto deliveries = receive(transport, 2);
  sync_wait(system_clock()->sleep_for(2500ms));
  acknowledge(transport, deliveries[0]);
  EXPECT_THAT(service.calls("DeleteMessageBatch"), SizeIs(0));
  EXPECT_THAT(service.calls("ChangeMessageVisibilityBatch"), SizeIs(::testing::Le(2)));
}

TEST_F(SqsFault, WhatAKeyServiceThrottlesIsTriedAgain) {
  int failures = 0;
  Service service([&](const Call& call) {
    return answer_entries(
        call, [&](const std::string&) { return ++failures <= 1 ? "!KmsThrottled" : ""; });
  });
  const Transport transport(options_for(service));
  send(transport, requests({"a1"}));
  EXPECT_THAT(service.calls("SendMessageBatch"), SizeIs(2));
}

TEST_F(SqsFault, AReceiptThatIsNoLongerGoodIsNoError) {
  Service service([&](const Call& call) -> std::string {
    if (call.operation == "ReceiveMessage") {
      return R"({"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"{}"},)"
             R"({"MessageId":"2","ReceiptHandle":"s","Body":"{}"}]})";
    }
    return R"({"Failed":[{"Id":"0","Code":"ReceiptHandleIsInvalid","SenderFault":true}]})";
  });
  const Transport transport(options_for(service));
  const auto deliveries = receive(transport, 2);
  ASSERT_THAT(deliveries, SizeIs(2));
  acknowledge(transport, deliveries[0]);
  give_back(transport, deliveries[1]);
}

// Has nothing to give, for now.
class ClaimsAway final : public ClaimStore {
 public:
  std::string describe() const override { return "away"; }
  asio::awaitable<void> put(std::string, std::string) override { co_return; }
  asio::awaitable<std::string> get(std::string, std::size_t) override {
    throw TransientError("away");
    co_return std::string();
  }
};

// m1 and m3 are plain, m2 has a claim; "other" is of another group.
std::string a_group_around_a_claim() {
  const std::string claim = fmt::format(
      R"("headers":{{"x-saga-claim":"{}","x-saga-claim-bytes":"9"}},)", std::string(64, 'a'));
  json::array messages;
  const auto add = [&](std::string_view id, std::string_view group, std::string_view members = {}) {
    messages.push_back({{"MessageId", id},
                        {"ReceiptHandle", id},
                        {"Body", fmt::format(R"({{{}"id":"{}","type":"T"}})", members, id)},
                        {"Attributes", {{"MessageGroupId", group}}}});
  };
  add("m1", "g");
  add("m2", "g", claim);
  add("other", "h");
  add("m3", "g");
  return json::serialize(json::object{{"Messages", messages}});
}

// Those behind it in one answer go back before it, the last first, and at once: when its time is
// over, they stand behind it as before.
TEST_F(SqsFault, WhatStandsBehindAClaimThatCannotBeOpenedGoesBackWithIt) {
  Service service([](const Call& call) -> std::string {
    if (call.operation == "ReceiveMessage") return a_group_around_a_claim();
    return R"({"Successful":[{"Id":"0"},{"Id":"1"}]})";
  });
  TransportOptions here = options_for(service);
  here.claims = std::make_shared<ClaimsAway>();
  const Transport transport(std::move(here));
  std::vector<std::string> got;
  for (const Delivery& delivery : receive(transport)) got.push_back(delivery.envelope->id);
  EXPECT_THAT(got, ElementsAre("m1", "other"));
  std::vector<std::string> back;
  for (int i = 0; i < 200 && back.size() < 2; ++i) {
    std::this_thread::sleep_for(20ms);
    back.clear();
    for (const Call& call : service.calls("ChangeMessageVisibilityBatch")) {
      for (const json::value& entry : call.body.at("Entries").as_array()) {
        const bool waits = entry.at("VisibilityTimeout").to_number<int>() > 0;
        back.push_back(std::string(entry.at("ReceiptHandle").as_string()) + (waits ? " late" : ""));
      }
    }
  }
  EXPECT_THAT(back, ElementsAre("m3", "m2 late"));
}

}  // namespace
}  // namespace sagabus::sqs
