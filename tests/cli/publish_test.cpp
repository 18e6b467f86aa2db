// sagabus publish, and outbox redispatch, through a file and through SQS.
#include <fmt/format.h>

#include "outbox_fixture.hpp"
#include "sagabus/aws/credentials.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sqs/transport.hpp"
#include "support/endpoint.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kPing = R"({"orderId":"o-1","number":7})";

class PublishToFile : public ::testing::Test {
 protected:
  PublishToFile() {
    subscribe("Pings");
    subscribe("Counts");
  }
  void subscribe(const std::string& endpoint) const {
    const Subscription pings{endpoint, {std::string(message_name<Ping>())}};
    sync_wait(file_.transport().backend()->subscribe(pings));
  }
  Ran publish(std::vector<std::string> more, const RunOptions& options = {}) const {
    std::vector<std::string> words{"publish", "--transport", file_.uri()};
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words, options);
  }

  const SqliteFile file_;
};

TEST_F(PublishToFile, ReachesAllWhoTakeTheType) {
  const Ran ran = publish({"Ping", kPing, "--header", "traceparent=00-a=b", "--key", "k-1"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  for (const char* endpoint : {"Pings", "Counts"}) {
    const auto waiting = sync_wait(file_.transport().list(endpoint));
    ASSERT_THAT(waiting, SizeIs(1)) << endpoint;
    const Envelope& envelope = *waiting[0].envelope;
    EXPECT_EQ(ran.out, envelope.id + "  sent\n");
    EXPECT_EQ(envelope.type, "Ping");
    EXPECT_EQ(read_message<Ping>(envelope).number, 7);
    EXPECT_EQ(envelope.headers, (Headers{{"traceparent", "00-a=b"}}));
    EXPECT_EQ(envelope.partition_key, "k-1");
    EXPECT_LT(system_clock()->now() - envelope.timestamp, 1min);
  }
}

TEST_F(PublishToFile, ReachesOnlyThoseThatAreNamed) {
  EXPECT_EQ(publish({"Ping", kPing, "--id", "p-1", "--to", "Counts"}).out, "p-1  sent\n");
  EXPECT_THAT(file_.queue("Counts"), ElementsAre("p-1"));
  EXPECT_THAT(file_.queue("Pings"), IsEmpty());
}

TEST_F(PublishToFile, TheTransportMayComeFromTheEnvironment) {
  RunOptions options;
  options.environment["SAGABUS_TRANSPORT"] = file_.uri();
  EXPECT_EQ(run_sagabus({"publish", "Ping", kPing, "--id", "p-1"}, options).exit, 0);
  EXPECT_THAT(file_.queue("Pings"), ElementsAre("p-1"));
}

TEST_F(PublishToFile, OneIdIsSentOnce) {
  publish({"Ping", kPing, "--id", "p-1"});
  publish({"Ping", kPing, "--id", "p-1"});
  EXPECT_THAT(file_.queue("Pings"), ElementsAre("p-1"));
}

TEST_F(PublishToFile, NobodyGetsWhatNobodyTakes) {
  const Ran ran = publish({"Pong", "{}"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.err, HasSubstr("takes Pong"));
  const Ran other = publish({"Ping", kPing, "--to", "Nobody"});
  EXPECT_EQ(other.exit, 3);
  EXPECT_THAT(other.err, HasSubstr("no Nobody in"));
  EXPECT_THAT(file_.queue("Pings"), IsEmpty());
  EXPECT_THAT(file_.queue("Nobody"), IsEmpty());
}

TEST_F(PublishToFile, ADryRunSendsNothing) {
  const auto said = objects(publish({"Ping", kPing, "--id", "p-1", "--dry-run", "--json"}));
  EXPECT_THAT(texts(said, "outcome"), ElementsAre("would be sent"));
  EXPECT_THAT(file_.queue("Pings"), IsEmpty());
}

// What is wrong is said in one line, and nothing is sent.
TEST_F(PublishToFile, RefusesWhatIsNoMessage) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"Ping", "{"}, "PAYLOAD: "},
      {{"Ping", "[]"}, "PAYLOAD: expected a JSON object"},
      {{"Ping", "{} {}"}, "PAYLOAD: "},
      {{"Ping", R"({"orderId":"o-1","orderId":"o-2"})"},
       "PAYLOAD: member 'orderId' is there twice"},
      {{"Ping", "-"}, "PAYLOAD: "},  // standard input is empty here
      {{"Ping", kPing, "--header", "nothing"}, "--header: 'nothing', expected NAME=VALUE"},
      {{"Ping", kPing, "--header", "=x"}, "expected NAME=VALUE"},
      {{"Ping", kPing, "--route", "Ping=Pings"}, "--route: in a file"},
      {{"Ping", kPing, "--region", "eu-west-1"}, "--region: neither the store nor the transport"},
      {{"Ping"}, "payload is required"},
      {{"", kPing}, "type: empty"}};
  for (const auto& [words, says] : cases) {
    const Ran ran = publish(words);
    EXPECT_EQ(ran.exit, 2) << says;
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(says));
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_THAT(file_.queue("Pings"), IsEmpty());
}

class PublishToSqs : public ::testing::Test {
 protected:
  PublishToSqs() {
    Subscription pings{"Pings", {std::string(message_name<Ping>())}};
    pings.order_by = [](const Envelope& envelope) {
      return from_value<Ping>(envelope.payload).orderId;
    };
    sync_wait(transport_.backend()->subscribe(pings));
  }
  sqs::Transport open(bool topics = false) const {
    sqs::TransportOptions options;
    options.topics.enabled = topics;
    options.region = "us-east-1";
    options.endpoint = sqs_endpoint();
    options.credentials = aws::static_credentials("test", "test");
    options.queue_prefix = prefix_;
    options.create_queues = true;
    return sqs::Transport(std::move(options));
  }
  // With what the URI needs as flags.
  Ran run(std::vector<std::string> words, const std::vector<std::string>& more) const {
    const std::vector<std::string> where{"--transport", "sqs://" + prefix_, "--endpoint",
                                         sqs_endpoint()};
    words.insert(words.end(), where.begin(), where.end());
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }
  Delivery take() const {
    std::vector<Delivery> got;
    while (got.empty()) got = sync_wait(transport_.backend()->receive("Pings", 1));
    sync_wait(transport_.backend()->acknowledge(got.at(0)));
    return std::move(got.at(0));
  }

  const std::string prefix_ = "t" + new_nonce(*system_random());
  const sqs::Transport transport_ = open();
};

TEST_F(PublishToSqs, AMessageKeepsItsPlaceAmongThoseOfItsSaga) {
  const Ran ran = run({"publish", "Ping", kPing},
                      {"--region", "us-east-1", "--id", "p-1", "--to", "Pings:orderId"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  const Delivery got = take();
  EXPECT_EQ(got.envelope->id, "p-1");
  Envelope envelope = *got.envelope;
  envelope.id = "p-2";
  std::vector<SendRequest> sent(1);  // as a bus does, which knows the subscription
  sent[0].envelope = std::make_shared<const Envelope>(envelope);
  sync_wait(transport_.backend()->send(std::move(sent)));
  EXPECT_EQ(take().order_key, got.order_key);
}

TEST_F(PublishToSqs, TopicsHandAMessageOn) {
  const sqs::Transport bus = open(true);
  Subscription pings{"Pings", {std::string(message_name<Ping>())}};
  pings.order_by = [](const Envelope& envelope) {
    return from_value<Ping>(envelope.payload).orderId;
  };
  pings.order_members = {{"Ping", "orderId"}};
  sync_wait(bus.backend()->subscribe(pings));
  const std::string uri =
      "sqs://" + prefix_ + "?region=us-east-1&topics=true&endpoint=" + sqs_endpoint();
  const Ran bare = run_sagabus({"publish", "Ping", kPing, "--transport", uri, "--dry-run"});
  EXPECT_EQ(bare.exit, 2);
  EXPECT_THAT(bare.err, HasSubstr("topics=true needs topic_arns="));
  const std::string whole = uri + "&topic_arns=arn:aws:sns:us-east-1:000000000000:";
  const auto dry_run = [&](const char* type) {
    return run_sagabus({"publish", type, kPing, "--dry-run", "--transport", whole});
  };
  EXPECT_EQ(dry_run("Ping").exit, 0) << dry_run("Ping").err;
  const Ran absent = dry_run("Pong");
  EXPECT_EQ(absent.exit, 3);
  EXPECT_TRUE(is_one_line(absent.err)) << absent.err;
  EXPECT_THAT(absent.err, HasSubstr(prefix_ + "-Pong"));
  const Ran sent = run_sagabus({"publish", "Ping", kPing, "--id", "p-1", "--transport", whole});
  EXPECT_EQ(sent.exit, 0) << sent.err;
  EXPECT_EQ(take().envelope->id, "p-1");
}

// Nobody gets it where one of them cannot, and a dry run tells as much.
TEST_F(PublishToSqs, AllTakersAreLookedUpFirst) {
  for (const char* last : {"--json", "--dry-run"}) {
    const Ran ran = run({"publish", "Ping", kPing, last},
                        {"--region", "us-east-1", "--to", "Pings:orderId", "--to", "Nobody"});
    EXPECT_EQ(ran.exit, 3);
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  }
  const Ran member =
      run({"publish", "Ping", kPing}, {"--region", "us-east-1", "--to", "Pings:order_id"});
  EXPECT_EQ(member.exit, 2);
  EXPECT_THAT(member.err, HasSubstr("PAYLOAD has no member 'order_id'"));
  run({"publish", "Ping", kPing},
      {"--region", "us-east-1", "--id", "p-9", "--to", "Pings:orderId"});
  EXPECT_EQ(take().envelope->id, "p-9");  // it is the first
}

TEST_F(PublishToSqs, ARouteIsLookedAtAsTakersAre) {
  for (const char* last : {"--json", "--dry-run"}) {
    const auto to = [&](const std::string& route) {
      return run({"publish", "Ping", kPing, last},
                 {"--region", "us-east-1", "--route", "Pong=Elsewhere", "--route", route});
    };
    const Ran absent = to("Ping=Nobody");
    EXPECT_EQ(absent.exit, 3);
    EXPECT_THAT(absent.err, HasSubstr("Nobody"));
    const Ran member = to("Ping=Pings:order_id");
    EXPECT_EQ(member.exit, 2);
    EXPECT_THAT(member.err, HasSubstr("--route: PAYLOAD has no member 'order_id'"));
    EXPECT_EQ(to("Ping=Pings:orderId").exit, 0);
  }
  EXPECT_EQ(take().envelope->type, "Ping");
}

TEST_F(PublishToSqs, SaysWhatIsMissing) {
  const std::vector<std::string> region{"--region", "us-east-1"};
  const Ran nobody = run({"publish", "Ping", kPing}, region);
  EXPECT_EQ(nobody.exit, 2);
  EXPECT_THAT(nobody.err, HasSubstr("who takes Ping? give --route Ping=ENDPOINT:MEMBER"));
  for (const char* route : {"Ping", "Ping=", "=Pings", "Ping=Pings:"}) {
    const Ran bad = run({"publish", "Ping", kPing, "--route", route}, region);
    EXPECT_EQ(bad.exit, 2);
    EXPECT_THAT(bad.err, HasSubstr("expected TYPE=ENDPOINT or TYPE=ENDPOINT:MEMBER")) << route;
  }
  const Ran absent = run({"publish", "Ping", kPing, "--to", "Nobody"}, region);
  EXPECT_EQ(absent.exit, 3);
  EXPECT_TRUE(is_one_line(absent.err)) << absent.err;
}

TEST_F(PublishToSqs, WhatIsLeftOverIsSentAgainByRoutes) {
  const SqliteFile file;
  insert_left_over(file.store(), "o-1", 1h, 1);
  const std::vector<std::string> redispatch{"outbox",   "redispatch", "--yes",  "--store",
                                            file.uri(), "--saga",     "Orders", "--everything"};
  const std::vector<std::string> region{"--region", "us-east-1"};
  const Ran refused = run(redispatch, region);
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.err, HasSubstr("who takes Ping?"));
  std::vector<std::string> routed = region;
  routed.insert(routed.end(), {"--route", "Ping=Pings:orderId", "--json"});
  EXPECT_THAT(texts(objects(run(redispatch, routed)), "correlation_id"), ElementsAre("o-1"));
  EXPECT_EQ(take().envelope->id, "o-1-out");
  EXPECT_THAT(objects(run(redispatch, routed)), IsEmpty());
}

}  // namespace
}  // namespace sagabus::test
