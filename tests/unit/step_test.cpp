#include "step.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "order_fixture.hpp"
#include "sagabus/error.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using namespace sagabus::detail;
using fixture::State;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::SizeIs;

struct Forwarded {
  Value value;
};
SAGABUS_MESSAGE(Forwarded, value)

constexpr TimePoint kStepTime{std::chrono::milliseconds(1'000'000'000)};

class StepTest : public ::testing::Test {
 protected:
  // A message as it comes in.
  template <Message M>
  Incoming incoming(std::string id, M message, const SagaDefinition& definition) {
    auto envelope = std::make_shared<Envelope>();
    envelope->id = std::move(id);
    envelope->type = message_name<M>();
    envelope->timestamp = kStepTime;
    Incoming in;
    in.envelope = envelope;
    in.entry = definition.data()->find(message_name<M>());
    const auto owned = std::make_shared<M>(std::move(message));
    messages_.push_back(owned);
    in.message = owned.get();
    in.key = {definition.name(), "o", "saga-o"};
    return in;
  }

  Instance instance(State state, std::uint64_t version = 3) {
    Instance found;
    found.saga_name = "Orders";
    found.saga_id = "saga-o";
    found.correlation_id = "o";
    found.version = version;
    found.state = to_value(state);
    found.created_at = kStepTime - 1h;
    found.bookkeeping.birth = "b1";
    return found;
  }

  static InstancePtr share(Instance i) { return std::make_shared<const Instance>(std::move(i)); }

  CommitRequest commit(const Incoming& in, const InstancePtr& current, StepEnd end,
                       InboxLimits limits = {}) {
    if (end.now == TimePoint{}) end.now = kStepTime;
    return make_commit(in, current, std::move(end), limits, settlements_);
  }

  static OutgoingMessage out(std::string id) {
    auto envelope = std::make_shared<Envelope>();
    envelope->id = std::move(id);
    return {envelope};
  }

  const SagaDefinition orders_ = fixture::orders().build();
  Settlements settlements_{"w1"};
  std::vector<std::shared_ptr<void>> messages_;
};

TEST_F(StepTest, StartsWhereThereIsNothing) {
  const Plan plan =
      choose(*orders_.data(), incoming("m1", fixture::Submitted{"o", 1}, orders_), nullptr);
  EXPECT_EQ(plan.choice, Choice::run);
  ASSERT_NE(plan.handler, nullptr);
  EXPECT_EQ(static_cast<State*>(plan.state.get())->orderId, "o");
}

TEST_F(StepTest, FindsNothingForAMessageThatStartsNothing) {
  const Plan plan = choose(*orders_.data(), incoming("m1", fixture::Paid{"o", "t"}, orders_), {});
  EXPECT_EQ(plan.choice, Choice::not_found);
}

TEST_F(StepTest, RunsOnlyWhereTheGuardsHold) {
  const auto in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  EXPECT_EQ(choose(*orders_.data(), in, share(instance({.orderId = "o"}))).choice, Choice::run);
  EXPECT_EQ(choose(*orders_.data(), in,
                   share(instance({.orderId = "o", .status = fixture::Status::paid})))
                .choice,
            Choice::ignored);
}

TEST_F(StepTest, TakesTheFirstHandlerWhoseGuardsAllHold) {
  int ran = 0;
  const auto saga = sagabus::saga<State>("S")
                        .correlate<fixture::Paid>(&fixture::Paid::orderId, can_start)
                        .initial([] { return State{.steps = 5}; })
                        .on<fixture::Paid>()
                        .when([](const State& s) { return s.steps == 5; })
                        .when([](const fixture::Paid& m) { return m.transactionId == "x"; })
                        .handle([&](const fixture::Paid&, State&) { ran = 1; })
                        .on<fixture::Paid>()
                        .when([](const fixture::Paid&, const State& s) { return s.steps == 5; })
                        .handle([&](const fixture::Paid&, State&) { ran = 2; })
                        .on<fixture::Paid>()
                        .handle([&](const fixture::Paid&, State&) { ran = 3; })
                        .build();
  const auto run = [&](const char* transaction) {
    const auto in = incoming("m", fixture::Paid{"o", transaction}, saga);
    const Plan plan = choose(*saga.data(), in, nullptr);
    const auto record = std::make_shared<StepRecord>();
    SagaContext context(record);
    plan.handler->run(in.message, plan.state.get(), context);
    return ran;
  };
  EXPECT_EQ(run("x"), 1);
  EXPECT_EQ(run("y"), 2);
}

TEST_F(StepTest, RecognisesWhatWasCommitted) {
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.inbox = {{"m1", kStepTime}};
  EXPECT_EQ(choose(*orders_.data(), incoming("m1", fixture::Paid{"o", "t"}, orders_), share(found))
                .choice,
            Choice::repeated);
}

TEST_F(StepTest, KnowsWhatNobodyCanHaveTakenInBefore) {
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.horizon = kStepTime;
  Incoming in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  in.redelivered = true;
  in.committed_after = kStepTime;
  EXPECT_EQ(choose(*orders_.data(), in, share(found)).choice, Choice::too_late);
  in.committed_after = kStepTime + 1ms;  // when it was first received
  EXPECT_EQ(choose(*orders_.data(), in, share(found)).choice, Choice::run);
}

TEST_F(StepTest, DoesNotGuessAboutWhatIsOlderThanTheInbox) {
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.horizon = kStepTime;
  Incoming in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  EXPECT_EQ(choose(*orders_.data(), in, share(found)).choice, Choice::run);  // its first delivery
  in.redelivered = true;
  EXPECT_EQ(choose(*orders_.data(), in, share(found)).choice, Choice::too_late);
  found.bookkeeping.horizon = kStepTime - 1ms;
  EXPECT_EQ(choose(*orders_.data(), in, share(found)).choice, Choice::run);
}

TEST_F(StepTest, IgnoresMessagesToCompletedInstancesUnlessTheyRestartThem) {
  Instance found = instance({.orderId = "o", .steps = 9});
  found.completed = true;
  const auto start = incoming("m1", fixture::Submitted{"o", 1}, orders_);
  EXPECT_EQ(choose(*orders_.data(), start, share(found)).choice, Choice::ignored);
  const auto again = fixture::orders().restart_when_completed().build();
  const Plan plan =
      choose(*again.data(), incoming("m1", fixture::Submitted{"o", 1}, again), share(found));
  EXPECT_EQ(plan.choice, Choice::run);
  EXPECT_EQ(static_cast<State*>(plan.state.get())->steps, 0);
  EXPECT_EQ(
      choose(*again.data(), incoming("m2", fixture::Paid{"o", ""}, again), share(found)).choice,
      Choice::ignored);
}

TEST_F(StepTest, RefusesAStateThatDoesNotFit) {
  Instance found = instance({.orderId = "o"});
  found.state = Value(Object{{"steps", Value("three")}});
  EXPECT_THROW(
      choose(*orders_.data(), incoming("m1", fixture::Paid{"o", "t"}, orders_), share(found)),
      ValidationError);
}

TEST_F(StepTest, WritesANewInstanceAtVersionOne) {
  const auto in = incoming("m1", fixture::Submitted{"o", 1}, orders_);
  StepEnd end;
  end.state = to_value(State{.orderId = "o"});
  end.outgoing = {out("m1>0")};
  end.sequence = settlements_.begin({"s", "a"}).sequence;
  end.new_birth = "b7";
  const CommitRequest request = commit(in, nullptr, end);
  EXPECT_FALSE(request.expected);
  const Instance& next = *request.next;
  EXPECT_EQ(next.version, 1U);
  EXPECT_EQ(next.saga_id, "saga-o");
  EXPECT_EQ(next.correlation_id, "o");
  EXPECT_EQ(next.bookkeeping.birth, "b7");
  EXPECT_EQ(next.created_at, kStepTime);
  EXPECT_EQ(next.updated_at, kStepTime);
  EXPECT_THAT(next.bookkeeping.inbox, ElementsAre(InboxEntry{"m1", kStepTime}));
  ASSERT_THAT(next.bookkeeping.outbox, SizeIs(1));
  EXPECT_EQ(next.bookkeeping.outbox[0].worker, "w1");
  EXPECT_EQ(next.bookkeeping.outbox[0].sequence, end.sequence);
}

TEST_F(StepTest, GuardsAWriteByVersionAndBirth) {
  const auto in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  const CommitRequest request = commit(in, share(instance({.orderId = "o"})), {});
  ASSERT_TRUE(request.expected);
  EXPECT_EQ(request.expected->version, 3U);
  EXPECT_EQ(request.expected->birth, "b1");
  EXPECT_EQ(request.next->version, 4U);
  EXPECT_EQ(request.next->bookkeeping.birth, "b1");
  EXPECT_EQ(request.next->created_at, kStepTime - 1h);
}

TEST_F(StepTest, DropsOutboxEntriesThatThisWorkerSettledAndNoOthers) {
  const std::uint64_t settled = settlements_.begin({"s", "a"}).sequence;
  const std::uint64_t open = settlements_.begin({"s", "a"}).sequence;
  settlements_.settle(settled);
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.outbox = {
      {"a", "w1", settled, {out("a>0")}},
      {"b", "w1", open, {out("b>0")}},
      {"c", "another", settled, {out("c>0")}},
      {"d", "w1", open + 1, {out("d>0")}}};  // not yet begun: not ours to drop
  const auto request = commit(incoming("m1", fixture::Paid{"o", "t"}, orders_), share(found), {});
  EXPECT_THAT(request.next->bookkeeping.outbox, ElementsAre(Field(&OutboxEntry::message_id, "b"),
                                                            Field(&OutboxEntry::message_id, "c"),
                                                            Field(&OutboxEntry::message_id, "d")));
}

TEST_F(StepTest, TrimsTheInboxByAgeAndBytesAndMovesTheHorizon) {
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.inbox = {
      {"old", kStepTime - 11min}, {"held", kStepTime - 11min}, {"new", kStepTime - 1min}};
  found.bookkeeping.outbox = {{"held", "another", 1, {out("held>0")}}};
  const auto in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  const auto by_age = commit(in, share(found), {}).next->bookkeeping;
  EXPECT_THAT(by_age.inbox, ElementsAre(Field(&InboxEntry::message_id, "held"),
                                        Field(&InboxEntry::message_id, "new"),
                                        Field(&InboxEntry::message_id, "m1")));
  EXPECT_EQ(by_age.horizon, kStepTime - 11min);
  const auto by_bytes = commit(in, share(found), {}, {.window = 1h, .bytes = 50}).next->bookkeeping;
  EXPECT_THAT(by_bytes.inbox, ElementsAre(Field(&InboxEntry::message_id, "held"),
                                          Field(&InboxEntry::message_id, "m1")));
  EXPECT_EQ(by_bytes.horizon, kStepTime - 1min);
  // The id of the step itself always stays, or its redelivery could not be told.
  const auto tiny = commit(in, share(found), {}, {.window = 1h, .bytes = 1}).next->bookkeeping;
  EXPECT_EQ(tiny.inbox.back().message_id, "m1");
}

TEST_F(StepTest, TheInboxOfABusyInstanceStaysSmall) {
  constexpr std::size_t kAboutAKilobyte = 1100;
  const auto random = seeded_random(1);
  InstancePtr current = share(instance({.orderId = "o"}));
  for (int i = 0; i < 40; ++i) {
    const auto in = incoming(new_uuid(*random), fixture::Paid{"o", "t"}, orders_);
    StepEnd end;
    end.now = kStepTime + i * 1s;
    const InstancePtr next = commit(in, current, end).next;
    EXPECT_GE(next->bookkeeping.horizon, current->bookkeeping.horizon);
    EXPECT_LE(write_bookkeeping(next->bookkeeping, "saga-o").inbox.size(), kAboutAKilobyte);
    current = next;
  }
  EXPECT_THAT(current->bookkeeping.inbox, SizeIs(::testing::Ge(16U)));  // and is well used
  EXPECT_GT(current->bookkeeping.horizon, TimePoint{});
}

TEST_F(StepTest, ATrimNeverMovesTheHorizonBack) {
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.horizon = kStepTime - 1min;
  found.bookkeeping.inbox = {{"was held by its entry", kStepTime - 11min}};
  const auto in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  const auto trimmed = commit(in, share(found), {}).next->bookkeeping;
  EXPECT_THAT(trimmed.inbox, SizeIs(1));
  EXPECT_EQ(trimmed.horizon, kStepTime - 1min);
}

TEST_F(StepTest, AMessageWithoutATimeIsNotTooLateWhereNothingWasTrimmed) {
  Incoming in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  auto envelope = std::make_shared<Envelope>(*in.envelope);
  envelope->timestamp = TimePoint{};
  in.envelope = envelope;
  in.redelivered = true;
  EXPECT_EQ(choose(*orders_.data(), in, share(instance({.orderId = "o"}))).choice, Choice::run);
}

TEST_F(StepTest, TheHorizonKnowsOfSendersWhoseClocksAreAhead) {
  Incoming ahead = incoming("ahead", fixture::Paid{"o", "t"}, orders_);
  auto envelope = std::make_shared<Envelope>(*ahead.envelope);
  envelope->timestamp = kStepTime + 5s;
  ahead.envelope = envelope;
  const InstancePtr taken = commit(ahead, share(instance({.orderId = "o"})), {}).next;
  const auto other = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  const InstancePtr trimmed = commit(other, taken, {}, {.window = 1h, .bytes = 1}).next;
  ASSERT_FALSE(in_inbox(*trimmed, "ahead"));
  ahead.redelivered = true;
  EXPECT_EQ(choose(*orders_.data(), ahead, trimmed).choice, Choice::too_late);

  envelope = std::make_shared<Envelope>(*envelope);
  envelope->timestamp = kStepTime + 24h * 365;
  ahead.envelope = envelope;
  const auto far = commit(ahead, share(instance({.orderId = "o"})), {}, {.window = 1h}).next;
  EXPECT_EQ(far->bookkeeping.inbox.back().at, kStepTime + 1h);
}

TEST_F(StepTest, TheWidestWindowKeepsAll) {
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.inbox = {{"old", kStepTime - 24h * 300}};
  const auto in = incoming("m1", fixture::Paid{"o", "t"}, orders_);
  EXPECT_TRUE(in_inbox(*commit(in, share(found), {}, {.window = 24h * 365}).next, "old"));
}

TEST_F(StepTest, RestartsKeepInboxAndOutbox) {
  Instance found = instance({.orderId = "o"});
  found.completed = true;
  found.bookkeeping.inbox = {{"first", kStepTime - 1min}};
  found.bookkeeping.outbox = {{"first", "another", 1, {out("first>0")}}};
  const auto next =
      commit(incoming("m2", fixture::Submitted{"o", 1}, orders_), share(found), {}).next;
  EXPECT_FALSE(next->completed);
  EXPECT_TRUE(in_inbox(*next, "first"));
  EXPECT_NE(find_entry(*next, "first"), nullptr);
}

TEST_F(StepTest, KnowsWhenThereIsNothingToWrite) {
  const InstancePtr found = share(instance({.orderId = "o"}));
  StepRecord record;
  EXPECT_TRUE(changes_nothing(found, found->state, record));
  EXPECT_FALSE(changes_nothing(nullptr, found->state, record));
  EXPECT_FALSE(changes_nothing(found, to_value(State{.orderId = "o", .steps = 1}), record));
  record.completed = true;
  EXPECT_FALSE(changes_nothing(found, found->state, record));
  record.completed = false;
  record.outgoing = {out("x")};
  EXPECT_FALSE(changes_nothing(found, found->state, record));
}

TEST_F(StepTest, RemovesOneEntry) {
  Instance found = instance({.orderId = "o"});
  found.bookkeeping.outbox = {{"a", "w", 1, {out("a>0")}}, {"b", "w", 2, {out("b>0")}}};
  const CommitRequest request = without_entry(found, "a");
  EXPECT_EQ(request.next->version, 4U);
  EXPECT_EQ(request.next->state, found.state);
  EXPECT_EQ(find_entry(*request.next, "a"), nullptr);
  EXPECT_NE(find_entry(*request.next, "b"), nullptr);
}

TEST(Context, DerivesTheSameIdsAndKeysEveryTimeAndRefusesLateUse) {
  const auto record = std::make_shared<StepRecord>();
  Envelope envelope;
  envelope.id = "m1";
  envelope.headers = {{"traceparent", "00-abc"}, {"x-other", "1"}};
  record->envelope = std::make_shared<const Envelope>(envelope);
  const std::string sender = "saga-o";
  record->sender_id = &sender;
  record->now = kStepTime;
  SagaContext context(record);
  context.publish(fixture::Closed{"o"});
  context.publish(fixture::Closed{"o"}, {.headers = {{"traceparent", "mine"}}});
  context.schedule(fixture::Closed{"o"}, 5s);
  context.schedule(fixture::Closed{"o"}, -5s);
  ASSERT_THAT(record->outgoing, SizeIs(4));
  EXPECT_EQ(record->outgoing[0].envelope->id, derive_message_id("m1", "saga-o", 0));
  EXPECT_EQ(record->outgoing[1].envelope->id, derive_message_id("m1", "saga-o", 1));
  EXPECT_THAT(record->outgoing[0].envelope->headers,
              ElementsAre(::testing::Pair("traceparent", "00-abc")));
  EXPECT_EQ(record->outgoing[1].envelope->headers.at("traceparent"), "mine");
  EXPECT_EQ(record->outgoing[2].not_before, kStepTime + 5s);
  EXPECT_EQ(record->outgoing[3].not_before, TimePoint{});
  EXPECT_EQ(context.idempotency_key(), context.idempotency_key());
  EXPECT_NE(context.idempotency_key("a"), context.idempotency_key("b"));
  const SagaContext kept = context;
  record->open = false;
  EXPECT_THROW(static_cast<void>(kept.envelope()), std::logic_error);
  EXPECT_THROW(context.publish(fixture::Closed{"o"}), std::logic_error);
}

TEST(Context, RefusesWhatCouldNotBeReadAgain) {
  const auto record = std::make_shared<StepRecord>();
  Envelope envelope;
  envelope.id = "m1";
  record->envelope = std::make_shared<const Envelope>(envelope);
  const std::string sender = "saga-o";
  record->sender_id = &sender;
  record->now = kStepTime;
  SagaContext context(record);
  const fixture::Closed closed{"o"};
  const std::string text = "M\xfcller";
  EXPECT_THROW(context.publish(closed, {.partition_key = text}), ValidationError);
  EXPECT_THROW(context.publish(closed, {.id = text}), ValidationError);
  EXPECT_THROW(context.publish(closed, {.headers = {{"h", text}}}), ValidationError);
  EXPECT_THROW(context.publish(closed, {.headers = {{text, "v"}}}), ValidationError);
  EXPECT_THROW(context.schedule(closed, 5s, {.partition_key = text}), ValidationError);
  Forwarded forwarded{Value(text)};
  EXPECT_THROW(context.publish(forwarded), ValidationError);
  forwarded.value = Value(1);
  for (int i = 0; i < 62; ++i) forwarded.value = Value(Array{std::move(forwarded.value)});
  context.publish(forwarded);
  forwarded.value = Value(Array{std::move(forwarded.value)});
  EXPECT_THROW(context.publish(forwarded), ValidationError);
  ASSERT_THAT(record->outgoing, SizeIs(1));  // nothing is recorded of what was refused
  Bookkeeping bookkeeping;
  bookkeeping.outbox = {{"m1", "w", 1, record->outgoing}};
  EXPECT_EQ(read_bookkeeping({}, write_bookkeeping(bookkeeping, "s"), "s"), bookkeeping);
}

TEST(Context, SchedulesForNoLongerThanIsAllowed) {
  const auto record = std::make_shared<StepRecord>();
  record->envelope = std::make_shared<const Envelope>();
  const std::string sender = "saga-o";
  record->sender_id = &sender;
  record->now = kStepTime;
  SagaContext context(record);
  const auto most = record->timer_limits.most;
  EXPECT_THROW(context.schedule(fixture::Closed{"o"}, std::chrono::milliseconds::max()),
               ValidationError);
  EXPECT_THROW(context.schedule(fixture::Closed{"o"}, most + 1ms), ValidationError);
  EXPECT_THAT(record->outgoing, ::testing::IsEmpty());
  context.schedule(fixture::Closed{"o"}, most);
  const ScheduledMessage at_once =
      context.schedule(fixture::Closed{"o"}, std::chrono::milliseconds::min());
  EXPECT_EQ(record->outgoing[0].not_before, kStepTime + most);
  EXPECT_EQ(record->outgoing[1].not_before, TimePoint{});
  EXPECT_EQ(at_once, (ScheduledMessage{record->outgoing[1].envelope->id, kStepTime}));
}

}  // namespace
