// sagabus dlq, with letters in a file and on SQS.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "integration/s3_support.hpp"
#include "outbox_fixture.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/letter_tools.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sqs/transport.hpp"
#include "support/endpoint.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Chapter {
  std::string book;
  int number = 0;
};
SAGABUS_MESSAGE(Chapter, book, number)

struct Shelf {
  std::vector<int> chapters{};
};
SAGABUS_DESCRIBE(Shelf, chapters)

enum class Queues { in_a_file, on_sqs };

class DlqVerbs : public ::testing::TestWithParam<Queues> {
 protected:
  DlqVerbs() {
    transport_ = GetParam() == Queues::in_a_file ? Transport(file_.transport()) : on_sqs();
    const Subscription chapters{"Shelves", {std::string(message_name<Chapter>())}};
    sync_wait(transport_.backend()->subscribe(chapters));
  }
  Transport on_sqs() const {
    sqs::TransportOptions options;
    options.region = "us-east-1";
    options.endpoint = sqs_endpoint();
    options.credentials = aws::static_credentials("test", "test");
    options.queue_prefix = prefix_;
    options.create_queues = true;
    return sqs::Transport(std::move(options));
  }

  std::string uri() const {
    if (GetParam() == Queues::in_a_file) return file_.uri();
    return fmt::format("sqs://{}?region=us-east-1&endpoint={}", prefix_, sqs_endpoint());
  }
  Ran run(const std::string& verb, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"dlq", verb, "--transport", uri(), "Shelves"};
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }
  std::vector<Value> list(std::vector<std::string> more = {}) const {
    more.emplace_back("--json");
    return objects(run("list", more));
  }

  // A letter as a bus buries it; later ones were published later.
  Envelope letter(const std::string& id) {
    Envelope out;
    out.id = id;
    out.type = "Chapter";
    out.payload = Value(Object{{"book", Value("b")}, {"number", Value(++number_)}});
    out.timestamp = system_clock()->now() - 3h + number_ * 1ms;
    out.partition_key = "p-1";
    out.headers = {{"x-saga-attempt", "5"},
                   {"x-saga-first-seen", "2026-11-22T17:04:05.000Z"},
                   {"x-saga-original-endpoint", "Shelves"},
                   {"x-saga-error-type", "std::runtime_error"},
                   {"x-saga-error-message", "page two is torn"}};
    return out;
  }
  void put(Envelope envelope, const std::string& endpoint = "Shelves.dlq") const {
    std::vector<SendRequest> one(1);
    one[0].endpoint = endpoint;
    one[0].envelope = std::make_shared<const Envelope>(std::move(envelope));
    sync_wait(transport_.backend()->send(std::move(one)));
  }
  void put(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) put(letter(id));
  }
  // Waits for that many, and takes them.
  std::vector<Envelope> take(const std::string& endpoint, std::size_t count) const {
    std::vector<Envelope> out;
    while (out.size() < count) {
      for (Delivery& delivery : sync_wait(transport_.backend()->receive(endpoint, 1))) {
        out.push_back(*delivery.envelope);
        sync_wait(transport_.backend()->acknowledge(std::move(delivery)));
      }
    }
    return out;
  }

  // Takes chapters in, while they are not torn.
  std::unique_ptr<Bus> start() {
    BusOptions options;
    options.transport = transport_;
    options.store = file_.store();
    options.sagas.push_back(saga<Shelf>("Shelves")
                                .correlate<Chapter>(&Chapter::book, can_start)
                                .initial([] { return Shelf{}; })
                                .on<Chapter>()
                                .handle([this](const Chapter& m, Shelf& s) {
                                  if (torn_) throw std::runtime_error("torn");
                                  s.chapters.push_back(m.number);
                                })
                                .build());
    options.threads = 1;
    options.retry.max_attempts = 1;
    auto bus = std::make_unique<Bus>(std::move(options));
    sync_wait(bus->start());
    return bus;
  }
  std::vector<int> chapters() const {
    const auto found = sync_wait(file_.store().get_by_correlation_id("Shelves", "b"));
    return found ? from_value<Shelf>(found->state).chapters : std::vector<int>();
  }

  const SqliteFile file_;
  const std::string prefix_ = "t" + new_nonce(*system_random());
  Transport transport_;
  int number_ = 0;
  std::atomic<bool> torn_ = true;
};

INSTANTIATE_TEST_SUITE_P(Cli, DlqVerbs, ::testing::Values(Queues::in_a_file, Queues::on_sqs),
                         [](const auto& where) {
                           return where.param == Queues::in_a_file ? "InAFile" : "OnSqs";
                         });

TEST_P(DlqVerbs, ListThemOldestFirstAndChangeNothing) {
  put({"m-1", "m-2", "m-3"});
  const auto found = list();
  ASSERT_THAT(texts(found, "id"), ElementsAre("m-1", "m-2", "m-3"));
  EXPECT_EQ(*found[0].find("type"), Value("Chapter"));
  EXPECT_EQ(*found[0].find("attempts"), Value("5"));
  EXPECT_EQ(*found[0].find("first_seen"), Value("2026-11-22T17:04:05.000Z"));
  EXPECT_EQ(*found[0].find("endpoint"), Value("Shelves"));
  EXPECT_EQ(*found[0].find("error_message"), Value("page two is torn"));
  EXPECT_EQ(*found[0].find("key"), Value("p-1"));
  EXPECT_EQ(*found[0].find("uncertain"), Value(false));
  EXPECT_EQ(list(), found);
  const Ran two = run("list", {"--json", "--limit", "2"});
  EXPECT_EQ(std::count(two.out.begin(), two.out.end(), '\n'), 2);
  EXPECT_THAT(two.err, HasSubstr("--limit"));
}

TEST_P(DlqVerbs, PrintForPeople) {
  Envelope long_one = letter("m-1");
  long_one.headers["x-saga-error-message"] = std::string(99, 'x') + "\xC3\xA4" + "end";
  long_one.headers["x-saga-uncertain"] = "1";
  put(long_one);
  EXPECT_EQ(run("list").out,
            "m-1  Chapter  3h ago  attempt 5, uncertain  key p-1  std::runtime_error: " +
                std::string(99, 'x') + "...\n");
  const Ran shown = run("show", {"m-1"});
  EXPECT_THAT(shown.out, StartsWith("m-1  3h ago\n  message  Chapter\n"));
  EXPECT_THAT(shown.out, HasSubstr("\n  by       Shelves  attempt 5\n"));
  EXPECT_THAT(shown.out, HasSubstr("\xC3\xA4"
                                   "end\n  is       uncertain"));
  EXPECT_THAT(shown.out, HasSubstr("\n      \"payload\": {\n        \"book\": \"b\",\n        "
                                   "\"number\": 1\n      },\n"));
  const auto whole = objects(run("show", {"m-1", "--json"}));
  EXPECT_EQ(*whole.at(0).find("message"), parse_json(to_json(long_one)));
}

TEST_P(DlqVerbs, LetNoControlCharacterThrough) {
  Envelope bad = letter("i\x1b[2J\n1");
  bad.type = "T\x1b[31m";
  bad.partition_key = "p\x1b";
  bad.payload = Value(Object{{"n\x1b\xC2\x9B", Value("v\x1b\x7f")}});
  for (auto& [name, value] : bad.headers) {
    if (name != "x-saga-attempt" && name != "x-saga-original-endpoint") value += "\x1b[1m\xC2\x9B";
  }
  bad.headers["h\x1b"] = "\x1b";
  put(bad);
  const std::vector<std::vector<std::string>> runs{
      {"list"}, {"show", bad.id}, {"redrive", "--dry-run", "--all"}, {"purge", "--all", "--yes"}};
  for (const auto& words : runs) {
    const Ran ran = run(words[0], {words.begin() + 1, words.end()});
    EXPECT_EQ(ran.exit, 0) << words[0] << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("i\\u001b[2J\\u000a1")) << words[0];
    for (const char* control : {"\x1b", "\xC2\x9B", "\x7f"}) {
      EXPECT_THAT(ran.out, Not(HasSubstr(control))) << words[0];
    }
  }
  const Ran missing = run("show", {bad.id});
  EXPECT_EQ(missing.exit, 3);
  EXPECT_TRUE(is_one_line(missing.err)) << missing.err;
}

TEST_P(DlqVerbs, SendThemBackInTheirOrderWithTheirIds) {
  put({"m-1", "m-2", "m-3", "m-4"});
  EXPECT_THAT(texts(objects(run("redrive", {"--yes", "--json", "m-4", "m-1", "m-3"})), "outcome"),
              ElementsAre("sent to Shelves", "sent to Shelves", "sent to Shelves"));
  const auto sent = take("Shelves", 3);
  std::vector<std::string> ids;
  for (const Envelope& envelope : sent) ids.push_back(envelope.id);
  EXPECT_THAT(ids, ElementsAre("m-1", "m-3", "m-4"));
  EXPECT_EQ(sent[0].headers,
            (Headers{{"x-saga-attempt", "5"}, {"x-saga-first-seen", "2026-11-22T17:04:05.000Z"}}));
  EXPECT_THAT(texts(list(), "id"), ElementsAre("m-2"));
}

TEST_P(DlqVerbs, ASagaThatFailedGoesOnWhenTheFaultIsGone) {
  const auto bus = start();
  for (int number : {1, 2, 3}) {
    const Chapter chapter{"b", number};
    sync_wait(bus->publish(chapter));
    std::this_thread::sleep_for(2ms);  // letters are in the order of their times, in milliseconds
  }
  while (list().size() < 3) std::this_thread::sleep_for(10ms);
  EXPECT_THAT(chapters(), SizeIs(0));
  torn_ = false;
  EXPECT_EQ(run("redrive", {"--all", "--yes"}).exit, 0);
  while (chapters().size() < 3) std::this_thread::sleep_for(1ms);
  sync_wait(bus->stop());
  EXPECT_THAT(chapters(), ElementsAre(1, 2, 3));
  EXPECT_EQ(run("list").out, "there are no letters in Shelves.dlq\n");
  EXPECT_EQ(run("redrive", {"--all", "--yes"}).out, "there are no letters in Shelves.dlq\n");
}

TEST_P(DlqVerbs, LeaveWhatCannotBeSentBack) {
  Envelope no_message = letter("none");
  no_message.type = kMalformedType;
  put(no_message);
  Envelope of_another = letter("other");
  of_another.headers["x-saga-original-endpoint"] = "Books";
  put(of_another);
  Envelope moved = letter("moved");
  moved.headers.clear();
  put(moved);
  const Ran ran = run("redrive", {"--all", "--yes"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("3 letters stay"));
  EXPECT_THAT(ran.out, HasSubstr("stays: what came was no message"));
  EXPECT_THAT(ran.out, HasSubstr("stays: it comes from Books, not from Shelves"));
  EXPECT_THAT(ran.out, HasSubstr("stays: it does not say which endpoint"));
  EXPECT_EQ(run("redrive", {"--yes", "--to", "Shelves", "other", "moved"}).exit, 0);
  const auto sent = take("Shelves", 2);
  EXPECT_EQ(sent[0].id, "other");
  EXPECT_EQ(sent[1].headers, (Headers{{"x-saga-attempt", "1"}, {"x-saga-uncertain", "1"}}));
  EXPECT_THAT(texts(list(), "id"), ElementsAre("none"));
}

TEST_P(DlqVerbs, EraseThemOnlyWhereTheUserIsSure) {
  put({"m-1", "m-2", "m-3"});
  const Ran unsure = run("purge", {"--all"});
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_THAT(unsure.err, HasSubstr("--yes"));
  const auto tried = objects(run("purge", {"--all", "--dry-run", "--json"}));
  EXPECT_THAT(texts(tried, "outcome"),
              ElementsAre("would be erased", "would be erased", "would be erased"));
  const Ran some = run("purge", {"m-3", "nobody", "m-1", "--yes"});
  EXPECT_EQ(some.exit, 3);
  EXPECT_TRUE(is_one_line(some.err)) << some.err;
  EXPECT_THAT(some.err, HasSubstr("no letter nobody"));
  EXPECT_EQ(std::count(some.out.begin(), some.out.end(), '\n'), 4) << some.out;
  EXPECT_THAT(texts(list(), "id"), ElementsAre("m-2"));
  EXPECT_THAT(texts(objects(run("purge", {"--all", "--yes", "--json"})), "id"), ElementsAre("m-2"));
  EXPECT_EQ(run("purge", {"--all", "--yes"}).out, "there are no letters in Shelves.dlq\n");
}

TEST_P(DlqVerbs, SendThemBackOnlyWhereTheUserIsSure) {
  put({"m-1"});
  const Ran unsure = run("redrive", {"--all"});
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_EQ(unsure.err,
            "sagabus: there is no terminal to ask on: give --yes to send letters back\n");
  const std::vector<std::string> words{"dlq", "redrive", "--transport", uri(), "Shelves", "m-1"};
  OnTerminal no(words);
  no.wait_for("Send back 1 letter of Shelves.dlq? Type the name of that queue: ");
  no.type("yes");
  EXPECT_EQ(no.wait().exit, 1);
  EXPECT_THAT(texts(list(), "id"), ElementsAre("m-1"));
  OnTerminal yes(words);
  yes.wait_for("queue: ");
  yes.type("Shelves.dlq");
  EXPECT_EQ(yes.wait().exit, 0);
  EXPECT_EQ(take("Shelves", 1)[0].id, "m-1");
}

TEST_P(DlqVerbs, LookIntoTheQueueThatIsNamed) {
  put(letter("m-1"), "failed");
  EXPECT_THAT(texts(list({"--queue", "failed"}), "id"), ElementsAre("m-1"));
}

TEST(DlqInAFile, AQueueThatIsNotThereIsAnEmptyOne) {
  const SqliteFile file;
  for (const char* verb : {"redrive", "purge"}) {
    const Ran ran = run_sagabus({"dlq", verb, "--transport", file.uri(), "Nope", "--all", "--yes"});
    EXPECT_EQ(ran.exit, 0) << verb;
    EXPECT_EQ(ran.out, "there are no letters in Nope.dlq\n") << verb;
  }
}

TEST(DlqOnSqs, AQueueThatIsNotThereIsSaidSo) {
  const std::string nowhere = fmt::format("sqs://t{}?region=us-east-1&endpoint={}",
                                          new_nonce(*system_random()), sqs_endpoint());
  for (const char* verb : {"list", "redrive", "purge"}) {
    std::vector<std::string> words{"dlq", verb, "--transport", nowhere, "Shelves"};
    if (std::string(verb) != "list") words.emplace_back("--all");
    if (std::string(verb) != "list") words.emplace_back("--yes");
    const Ran ran = run_sagabus(words);
    EXPECT_EQ(ran.exit, 3) << verb;
    EXPECT_EQ(ran.out, "") << verb;
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("Shelves-dlq.fifo"));
  }
}

// Into which a program of another kind has put something.
TEST(DlqOnSqs, WhatIsNoEnvelopeIsShownAsSuch) {
  sqs::ClientOptions options;
  options.region = "us-east-1";
  options.endpoint = sqs_endpoint();
  options.credentials = aws::static_credentials("test", "test");
  sqs::Client client(options);
  const std::string prefix = "t" + new_nonce(*system_random());
  const auto call = [&](std::string_view operation, Object body) {
    auto outcome = sync_wait(client.aws().call(operation, to_json(Value(std::move(body)))));
    EXPECT_TRUE(outcome) << operation;
    return outcome->body;
  };
  const std::string name = prefix + "-Shelves-dlq.fifo";
  const Value made = parse_json(call(
      "CreateQueue",
      {{"QueueName", Value(name)}, {"Attributes", Value(Object{{"FifoQueue", Value("true")}})}}));
  call("SendMessage", {{"QueueUrl", *made.find("QueueUrl")},
                       {"MessageBody", Value("hello")},
                       {"MessageGroupId", Value("g")},
                       {"MessageDeduplicationId", Value("d")}});
  const auto run = [&](std::vector<std::string> words) {
    const std::string uri =
        fmt::format("sqs://{}?region=us-east-1&endpoint={}", prefix, sqs_endpoint());
    words.insert(words.begin(), "dlq");
    words.insert(words.end(), {"--transport", uri, "Shelves"});
    return run_sagabus(words);
  };
  EXPECT_THAT(run({"list"}).out, HasSubstr("no envelope  -  attempt -  key -  sagabus.malformed"));
  EXPECT_THAT(run({"redrive", "--all", "--yes", "--to", "Shelves"}).out,
              HasSubstr("stays: what came"));
  const auto shown = objects(run({"show", "--all", "--json"}));
  EXPECT_EQ(*shown.at(0).find("message"), Value("hello"));
  EXPECT_EQ(run({"purge", "--yes", "--all"}).exit, 0);
  EXPECT_EQ(run({"list"}).out, "there are no letters in Shelves.dlq\n");
}

// Whose payload is in a bucket.
TEST(DlqOnSqs, ALargeLetterIsWholeAndGoesBack) {
  s3::Buckets buckets;
  const std::string bucket = buckets.add();
  sqs::TransportOptions options;
  options.region = "us-east-1";
  options.endpoint = sqs_endpoint();
  options.credentials = aws::static_credentials("test", "test");
  options.queue_prefix = "t" + new_nonce(*system_random());
  options.create_queues = true;
  options.claims = std::make_shared<s3::ClaimStore>(s3::Buckets::options(bucket));
  const sqs::Transport transport(options);
  sync_wait(transport.backend()->subscribe({.endpoint = "Shelves", .types = {"Chapter"}}));
  Envelope letter;
  letter.id = "m1";
  letter.type = "Chapter";
  letter.payload = Value(Object{{"book", Value(std::string(2'000'000, 'b'))}});
  letter.timestamp = system_clock()->now();
  letter.headers = {{"x-saga-attempt", "3"}, {"x-saga-original-endpoint", "Shelves"}};
  std::vector<SendRequest> requests;
  for (const char* queue : {"Shelves.dlq", "Looked.dlq"}) {
    requests.push_back({std::make_shared<const Envelope>(letter), queue});
  }
  sync_wait(transport.backend()->send(std::move(requests)));

  const std::string uri = fmt::format("sqs://{}?region=us-east-1&endpoint={}&claims={}/claims",
                                      options.queue_prefix, sqs_endpoint(), bucket);
  const auto run = [&](const std::string& verb, const std::string& of) {
    std::vector<std::string> words{"dlq", verb, "--transport", uri, of, "--all", "--json"};
    if (verb == "redrive") words.emplace_back("--yes");
    return run_sagabus(words);
  };
  const auto shown = objects(run("show", "Looked"));
  EXPECT_EQ(*shown.at(0).find("message")->find("payload"), letter.payload);
  const Ran redriven = run("redrive", "Shelves");
  ASSERT_THAT(redriven.out, HasSubstr("m1")) << redriven.err;
  const auto back = sync_wait(transport.backend()->receive("Shelves", 1));
  EXPECT_EQ(back.at(0).envelope->payload, letter.payload);
}

}  // namespace
}  // namespace sagabus::test
