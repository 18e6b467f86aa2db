// A topic that takes some of a batch and refuses some: SNS played by a script.
#include <mutex>
#include <regex>

#include "integration/sqs_support.hpp"
#include "sagabus/error.hpp"
#include "support/http_server.hpp"

namespace sagabus::sqs {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPlayedTopic = "arn:aws:sns:us-east-1:1:played.fifo";

// Knows one topic. Of each message in a batch, `verdict` says whether it is taken ("") or its
// error's code; "!" before it: the sender's fault.
class PlayedTopics {
 public:
  using Verdict = std::function<std::string(const std::string& id)>;
  explicit PlayedTopics(Verdict verdict) : verdict_(std::move(verdict)) {}

  std::string endpoint() const { return server_.endpoint().url(); }

  // Of the messages, in the order in which they came.
  std::vector<std::string> ids() {
    const std::lock_guard lock(mutex_);
    return ids_;
  }

 private:
  // The envelopes are percent-encoded JSON.
  static std::vector<std::string> ids_in(const std::string& form) {
    static const std::regex kId("%22id%22%3A%22([a-z0-9]+)%22");
    std::vector<std::string> out;
    for (std::sregex_iterator at(form.begin(), form.end(), kId), end; at != end; ++at) {
      out.push_back((*at)[1]);
    }
    return out;
  }
  std::string publish(const std::string& form) {
    const std::lock_guard lock(mutex_);
    std::string successful;
    std::string failed;
    const std::vector<std::string> ids = ids_in(form);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ids_.push_back(ids[i]);
      const std::string code = verdict_(ids[i]);
      const bool senders = code.starts_with('!');
      if (code.empty()) {
        successful += fmt::format("<member><Id>{}</Id></member>", i);
      } else {
        failed += fmt::format(
            "<member><Id>{}</Id><Code>{}</Code><Message>no</Message><SenderFault>{}</SenderFault>"
            "</member>",
            i, code.substr(senders ? 1 : 0), senders);
      }
    }
    return fmt::format(
        "<PublishBatchResponse><PublishBatchResult><Successful>{}</Successful><Failed>{}</Failed>"
        "</PublishBatchResult></PublishBatchResponse>",
        successful, failed);
  }
  std::string answer(const std::string& request) {
    const std::string form = request.substr(request.find("\r\n\r\n") + 4);
    if (form.starts_with("Action=PublishBatch&")) return publish(form);
    if (form.starts_with("Action=CreateTopic&")) {
      return fmt::format("<CreateTopicResponse><TopicArn>{}</TopicArn></CreateTopicResponse>",
                         kPlayedTopic);
    }
    return "<GetTopicAttributesResponse/>";
  }
  boost::asio::awaitable<void> serve(aws::Peer& peer) {
    for (;;) {
      const std::string request = co_await peer.read_request();
      if (request.empty()) co_return;
      const std::string body = answer(request);
      co_await peer.answer(body);
    }
  }

  const Verdict verdict_;
  std::mutex mutex_;
  std::vector<std::string> ids_;
  aws::TestServer server_{[this](aws::Peer& peer, int) { return serve(peer); }};
};

class SqsTopicFault : public SqsTest {
 protected:
  TransportOptions options_for(const PlayedTopics& topics) {
    TransportOptions out = options_with_topics();
    ClientOptions client = client_options();
    client.endpoint = topics.endpoint();
    out.topics.client = TopicClient(client);
    return out;
  }
  // Of the keys "a", "b": "a1" has the key "a".
  static void publish(const Transport& transport, const std::vector<std::string>& ids) {
    std::vector<SendRequest> out;
    for (const std::string& id : ids) out.push_back(request(envelope(id, id.substr(0, 1)), ""));
    send(transport, std::move(out));
  }
};

TEST_F(SqsTopicFault, AnEntryThatFailsIsTriedAgainAndNotOvertaken) {
  int failures = 0;
  PlayedTopics topics(
      [&](const std::string& id) { return id == "a1" && ++failures <= 2 ? "InternalError" : ""; });
  const Transport transport(options_for(topics));
  publish(transport, {"a1", "a2", "b1", "a3"});
  std::vector<std::string> of_a = topics.ids();
  std::erase(of_a, "b1");
  EXPECT_THAT(of_a, ElementsAre("a1", "a1", "a1", "a2", "a3"));
  EXPECT_EQ(transport.usage().sent, 4U);
}

TEST_F(SqsTopicFault, AnEntryThatIsRefusedStopsThoseBehindItAndNoOthers) {
  PlayedTopics topics([](const std::string& id) { return id == "a1" ? "!InvalidParameter" : ""; });
  const Transport transport(options_for(topics));
  try {
    publish(transport, {"a1", "a2", "b1", "b2"});
    FAIL() << "nothing thrown";
  } catch (const ValidationError& error) {
    EXPECT_EQ(error.service().code, "InvalidParameter");
    EXPECT_EQ(error.service().operation, "PublishBatch");
    EXPECT_EQ(error.service().resource, kPlayedTopic);
  }
  EXPECT_THAT(topics.ids(), ElementsAre("a1", "b1", "b2"));
  publish(transport, {"a3"});  // the group is free again
  EXPECT_EQ(topics.ids().back(), "a3");
}

TEST_F(SqsTopicFault, WhatATopicIsNotLikeIsSaid) {
  PlayedTopics topics([](const std::string&) { return ""; });
  const Transport transport(options_for(topics));
  publish(transport, {"a1"});
  EXPECT_THAT(log(), ElementsAre(AllOf(HasSubstr(kPlayedTopic),
                                       HasSubstr("FifoThroughputScope is not set")),
                                 HasSubstr("FifoTopic is not set, expected true")));
}

}  // namespace
}  // namespace sagabus::sqs
