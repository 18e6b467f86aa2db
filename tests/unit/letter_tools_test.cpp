// What tools do to dead letters, in virtual time, on a queue and on one that keeps an order by key.
#include "sagabus/letter_tools.hpp"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <set>

#include "bus_fixture.hpp"

namespace {

using namespace sagabus;               // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

struct Page {
  std::string book;
  int number = 0;
};
SAGABUS_MESSAGE(Page, book, number)

struct Book {
  std::vector<int> pages{};
};
SAGABUS_DESCRIBE(Book, pages)

Envelope letter(const std::string& id, Headers headers = {}) {
  Envelope out;
  out.id = id;
  out.type = "Page";
  out.payload = Value(Object{{"book", Value("b")}, {"number", Value(1)}});
  out.headers = std::move(headers);
  out.timestamp = TimePoint(1000s);
  return out;
}

Headers buried(const std::string& attempt) {
  return {{"x-saga-attempt", attempt},
          {"x-saga-first-seen", "2026-11-22T17:04:05Z"},
          {"x-saga-original-endpoint", "Books"},
          {"x-saga-error-type", "std::runtime_error"},
          {"x-saga-error-message", "torn"}};
}

Delivery delivered(Envelope envelope, std::string order_key = {}) {
  Delivery out;
  out.envelope = std::make_shared<const Envelope>(std::move(envelope));
  out.order_key = std::move(order_key);
  return out;
}

// The plan.

TEST(PlanRedrive, KeepsTheMessageAndLeavesOutHowItEnded) {
  Envelope in = letter("m", buried("5"));
  in.headers.insert({{"x-saga-order-key", "b-1"}, {"x-saga-uncertain", "1"}, {"mine", "kept"}});
  in.partition_key = "p";
  const SendRequest out = plan_redrive(delivered(in, "not this"), {.of = "Books"});
  EXPECT_EQ(out.endpoint, "Books");
  EXPECT_EQ(out.order_key, "b-1");
  EXPECT_EQ(out.deduplication_key, "m/redrive/5/Books");
  in.headers = {{"x-saga-attempt", "5"},
                {"x-saga-first-seen", "2026-11-22T17:04:05Z"},
                {"x-saga-uncertain", "1"},
                {"mine", "kept"}};
  EXPECT_EQ(*out.envelope, in);
}

TEST(PlanRedrive, RunsAnUncertainOneWhereItIsTold) {
  Envelope in = letter("m", buried("5"));
  in.headers.insert({"x-saga-uncertain", "1"});
  const SendRequest out = plan_redrive(delivered(in), {.run_uncertain = true});
  EXPECT_FALSE(out.envelope->headers.contains("x-saga-uncertain"));
  EXPECT_EQ(out.order_key, "");
}

TEST(PlanRedrive, RefusesWhatIsNotOfTheEndpoint) {
  const Delivery in = delivered(letter("m", buried("5")));
  try {
    plan_redrive(in, {.of = "Orders"});
    FAIL();
  } catch (const ValidationError& error) {
    EXPECT_THAT(error.what(), HasSubstr("from Books, not from Orders"));
  }
  EXPECT_EQ(plan_redrive(in, {.of = "Orders", .to = "Shelves"}).endpoint, "Shelves");
  EXPECT_EQ(plan_redrive(in, {}).endpoint, "Books");
}

TEST(PlanRedrive, RefusesWhatIsNoMessage) {
  Delivery no_envelope;
  no_envelope.malformed = std::make_shared<const Malformed>(Malformed{"{", "not JSON"});
  EXPECT_THROW(plan_redrive(no_envelope, {.to = "Books"}), ValidationError);
  Envelope came_as_none = letter("m", buried("1"));
  came_as_none.type = kMalformedType;
  EXPECT_THROW(plan_redrive(delivered(came_as_none), {}), ValidationError);
}

// What went wrong may have been mended: its payload is there again, or its receiver knows where.
TEST(PlanRedrive, SendsAMessageAgainWhosePayloadWasNotThere) {
  Envelope packed = letter("m", {{"x-saga-claim", std::string(64, 'a')}, {"traceparent", "00-1"}});
  packed.payload = Value();
  packed.partition_key = "p";
  Envelope came_as_none = letter("derived", buried("1"));
  came_as_none.type = kMalformedType;
  came_as_none.payload = Value(to_json(packed));
  const SendRequest out = plan_redrive(delivered(came_as_none), {.of = "Books"});
  EXPECT_EQ(out.endpoint, "Books");
  EXPECT_EQ(out.envelope->id, "m");
  EXPECT_EQ(out.envelope->type, packed.type);
  EXPECT_EQ(out.envelope->partition_key, "p");
  EXPECT_EQ(out.envelope->headers.at("x-saga-claim"), std::string(64, 'a'));
  EXPECT_EQ(out.envelope->headers.at("traceparent"), "00-1");
  EXPECT_EQ(out.envelope->headers.at("x-saga-attempt"), "1");
  EXPECT_FALSE(out.envelope->headers.contains("x-saga-error-message"));
  EXPECT_EQ(out.deduplication_key, "m/redrive/1/Books");
}

// SQS moves what was delivered too often, and adds no header.
TEST(PlanRedrive, CountsWhatTheTransportHasMovedAsTriedAndUncertain) {
  const Delivery in = delivered(letter("m", {{"x-saga-attempt", "3"}}), "b-1");
  EXPECT_THROW(plan_redrive(in, {.of = "Books"}), ValidationError);
  const SendRequest out = plan_redrive(in, {.of = "Books", .to = "Books"});
  EXPECT_EQ(out.order_key, "b-1");
  EXPECT_EQ(out.deduplication_key, "m/redrive/4/Books");
  EXPECT_THAT(out.envelope->headers,
              UnorderedElementsAre(Pair("x-saga-attempt", "4"), Pair("x-saga-uncertain", "1")));
}

// Letters that a bus has buried.

class LetterTools : public fixture::BusTest, public ::testing::WithParamInterface<bool> {
 protected:
  LetterTools() {
    memory::TransportOptions here;
    here.ordered_by_key = GetParam();
    here.ambient = ambient_;
    transport_ = memory::Transport(std::move(here));
  }

  // Takes pages in, but those that are torn.
  SagaDefinition books() {
    return sagabus::saga<Book>("Books")
        .correlate<Page>(&Page::book, can_start)
        .initial([] { return Book{}; })
        .on<Page>()
        .handle([this](const Page& m, Book& s) {
          if (torn_.contains(m.number)) throw Unsupported("torn");
          s.pages.push_back(m.number);
        })
        .build();
  }
  Bus& start_bus() { return start(options({books()})); }
  void publish(Bus& bus, const std::string& book, int number) {
    const Page page{book, number};
    await(bus.publish(page));
    run();
  }
  std::vector<int> pages(const std::string& book) {
    const auto found = find(book, "Books");
    return found ? from_value<Book>(found->state).pages : std::vector<int>();
  }

  // What the tools see: a transport that may fail.
  Transport theirs() {
    return Transport(
        std::make_shared<sagabus::testing::FaultyTransport>(transport_, transport_faults_));
  }
  LetterQuery query() {
    LetterQuery out;
    out.endpoint = "Books.dlq";
    out.patience = 1s;
    out.clock = clock_;
    return out;
  }
  bool visit(LetterQuery chosen, LetterVisit visit) {
    return await(visit_letters(theirs(), std::move(chosen), std::move(visit)));
  }
  // Ids in the order in which they are visited.
  std::vector<std::string> look(LetterQuery chosen) {
    std::vector<std::string> ids;
    more_ = visit(std::move(chosen), [&](Delivery letter) -> boost::asio::awaitable<void> {
      ids.push_back(letter_id(letter));
      co_return;
    });
    return ids;
  }
  void redrive(RedriveOptions how = {}) {
    const LetterVisit send = [&](Delivery letter) {
      return redrive_letter(theirs(), std::move(letter), how);
    };
    visit(query(), send);
  }
  void put(Envelope envelope) {
    std::vector<SendRequest> one(1);
    one[0].endpoint = "Books.dlq";
    one[0].envelope = std::make_shared<const Envelope>(std::move(envelope));
    await(transport_.backend()->send(std::move(one)));
  }
  std::vector<std::string> ids_at(const std::string& endpoint) const {
    std::vector<std::string> ids;
    for (const auto& envelope : transport_.peek(endpoint)) ids.push_back(envelope->id);
    return ids;
  }

  std::set<int> torn_;
  bool more_ = false;
};

INSTANTIATE_TEST_SUITE_P(Memory, LetterTools, ::testing::Bool(), [](const auto& ordered) {
  return ordered.param ? "OrderedByKey" : "Unordered";
});

TEST_P(LetterTools, LettersAreSeenByTheirTimeAndGivenBackUnharmed) {
  for (int i = 0; i < 5; ++i) {
    Envelope late = letter(fmt::format("m{}", i), buried("2"));
    late.timestamp += std::chrono::seconds(10 - i);
    late.partition_key = "one";
    put(std::move(late));
  }
  EXPECT_THAT(look(query()), ElementsAre("m4", "m3", "m2", "m1", "m0"));
  EXPECT_FALSE(more_);
  for (int i = 0; i < 5; ++i) {
    const auto again = await(transport_.backend()->receive("Books.dlq", 1));
    EXPECT_EQ(again.at(0).failures, 0U);
    EXPECT_FALSE(again.at(0).redelivered);
    await(transport_.backend()->acknowledge(again[0]));
  }
  EXPECT_EQ(transport_.pending("Books.dlq"), 0U);
}

TEST_P(LetterTools, ALimitSaysWhetherThereAreMore) {
  for (const char* id : {"a", "b", "c"}) put(letter(id));
  LetterQuery two = query();
  two.limit = 2;
  EXPECT_EQ(look(two).size(), 2U);
  EXPECT_TRUE(more_);
  two.limit = 3;
  EXPECT_EQ(look(two).size(), 3U);
  EXPECT_FALSE(more_);
}

TEST_P(LetterTools, OnlyThoseThatAreAskedFor) {
  for (const char* id : {"a", "b", "c"}) put(letter(id));
  LetterQuery chosen = query();
  chosen.ids = {"c", "nobody", "a"};
  EXPECT_THAT(look(chosen), UnorderedElementsAre("a", "c"));
  EXPECT_EQ(ids_at("Books.dlq").size(), 3U);
}

TEST_P(LetterTools, WhatAVisitThrowsLosesNoLetter) {
  for (const char* id : {"a", "b", "c"}) put(letter(id));
  int visits = 0;
  EXPECT_THROW(visit(query(),
                     [&](Delivery) -> boost::asio::awaitable<void> {
                       if (++visits == 2) throw std::runtime_error("no");
                       co_return;
                     }),
               std::runtime_error);
  EXPECT_THAT(look(query()), UnorderedElementsAre("a", "b", "c"));
}

TEST_P(LetterTools, ACancelledVisitLosesNoLetter) {
  for (const char* id : {"a", "b", "c"}) put(letter(id));
  boost::asio::cancellation_signal cancel;
  const LetterVisit wait = [&](Delivery) -> boost::asio::awaitable<void> {
    boost::asio::post(io_, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
    co_await clock_->sleep_for(1h);
  };
  std::exception_ptr ended;
  auto visiting = visit_letters(theirs(), query(), wait);
  boost::asio::co_spawn(
      io_, std::move(visiting),
      boost::asio::bind_cancellation_slot(
          cancel.slot(), [&](const std::exception_ptr& error, bool) { ended = error; }));
  for (int i = 0; !ended && i < 100; ++i) {
    run_now();
    if (!ended && transport_.peek("Books.dlq").empty() && i > 1) clock_->advance_to_next();
  }
  ASSERT_TRUE(ended);
  EXPECT_EQ(ids_at("Books.dlq").size(), 3U);  // at once, not when their time has run out
}

TEST_P(LetterTools, AFailedSagaCompletesWhenTheFaultIsGone) {
  Bus& bus = start_bus();
  torn_ = {2};
  publish(bus, "b", 1);
  publish(bus, "b", 2);
  publish(bus, "b", 3);
  EXPECT_THAT(pages("b"), ElementsAre(1, 3));
  const auto letters = transport_.peek("Books.dlq");
  ASSERT_EQ(letters.size(), 1U);
  redrive({.of = "Books"});
  run();
  EXPECT_THAT(pages("b"), ElementsAre(1, 3));  // failed again: its key was another one
  const auto again = transport_.peek("Books.dlq");
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0]->id, letters[0]->id);
  EXPECT_EQ(again[0]->timestamp, letters[0]->timestamp);
  EXPECT_EQ(letters[0]->headers.at("x-saga-attempt"), "1");
  EXPECT_EQ(again[0]->headers.at("x-saga-attempt"), "2");
  torn_.clear();
  redrive({.of = "Books"});
  run();
  EXPECT_THAT(pages("b"), ElementsAre(1, 3, 2));
  EXPECT_EQ(transport_.pending("Books.dlq"), 0U);
}

TEST_P(LetterTools, LettersOfOneInstanceComeBackInTheirOrder) {
  Bus& bus = start_bus();
  torn_ = {1, 2, 3, 4};
  for (int number : {1, 2, 3, 4}) {
    publish(bus, "b", number);
    await(clock_->sleep_for(5ms));
  }
  // Whatever order they stand in.
  auto letters = transport_.drain("Books.dlq");
  ASSERT_EQ(letters.size(), 4U);
  for (const std::size_t i : {2U, 0U, 3U, 1U}) {
    std::vector<SendRequest> one(1);
    one[0].endpoint = "Books.dlq";
    one[0].envelope = letters[i];
    one[0].deduplication_key = fmt::format("shuffled/{}", i);
    await(transport_.backend()->send(std::move(one)));
  }
  torn_.clear();
  redrive();
  run();
  EXPECT_THAT(pages("b"), ElementsAre(1, 2, 3, 4));
}

TEST_P(LetterTools, WhatEndsBetweenSendingAndErasingIsDeliveredOnce) {
  Bus& bus = start_bus();
  torn_ = {1};
  publish(bus, "b", 1);
  torn_.clear();
  await(bus.stop());
  bool dies = true;
  transport_faults_->before_acknowledge = [&](const Delivery&) {
    if (std::exchange(dies, false)) throw TransientError("killed");
  };
  EXPECT_THROW(redrive(), TransientError);
  EXPECT_EQ(transport_.pending("Books.dlq"), 1U);
  EXPECT_EQ(ids_at("Books").size(), 1U);
  redrive();
  EXPECT_EQ(transport_.pending("Books.dlq"), 0U);
  EXPECT_EQ(ids_at("Books").size(), 1U);
  start_bus();
  run();
  EXPECT_THAT(pages("b"), ElementsAre(1));
}

TEST_P(LetterTools, WhatCouldNotBeSentStaysALetter) {
  put(letter("m", buried("5")));
  transport_faults_->before_send = [](const std::vector<SendRequest>&) {
    throw TransientError("away");
  };
  EXPECT_THROW(redrive(), TransientError);
  EXPECT_THAT(ids_at("Books.dlq"), ElementsAre("m"));
  EXPECT_THAT(ids_at("Books"), IsEmpty());
}

// Its time lies before what the inbox remembers, so that the saga cannot tell.
TEST_P(LetterTools, AnUncertainLetterRunsOnlyWhereItIsTold) {
  Bus& bus = start_bus();
  const TimePoint then = clock_->now();
  await(clock_->sleep_for(2h));
  publish(bus, "b", 2);
  await(clock_->sleep_for(2h));
  publish(bus, "b", 3);
  Envelope old = letter("old", buried("5"));
  old.timestamp = then;
  old.headers.insert({"x-saga-uncertain", "1"});
  put(std::move(old));
  redrive();
  run();
  EXPECT_THAT(pages("b"), ElementsAre(2, 3));
  ASSERT_THAT(ids_at("Books.dlq"), ElementsAre("old"));
  RedriveOptions how;
  how.run_uncertain = true;
  redrive(how);
  run();
  EXPECT_THAT(pages("b"), ElementsAre(2, 3, 1));
  EXPECT_EQ(transport_.pending("Books.dlq"), 0U);
}

TEST_P(LetterTools, ErasedOnesAreGone) {
  for (const char* id : {"a", "b", "c"}) put(letter(id));
  LetterQuery two = query();
  two.ids = {"a", "c"};
  const LetterVisit erase = [&](Delivery letter) {
    return erase_letter(theirs(), std::move(letter));
  };
  visit(two, erase);
  EXPECT_THAT(ids_at("Books.dlq"), ElementsAre("b"));
}

TEST_P(LetterTools, WhatTheTransportReportsIsNotTakenForAnEmptyQueue) {
  transport_faults_->before_receive = [] { throw NotFound("there is no queue"); };
  EXPECT_THROW(look(query()), NotFound);
}

}  // namespace
