// Messages whose payloads travel beside them: put there before the step that sends them is
// committed.
#include <algorithm>
#include <functional>
#include <map>

#include "bus_fixture.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/timer_store.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Asked {
  std::string id;
  int number = 0;
  std::int64_t letters = 0;  // that the answer is to have
};
SAGABUS_MESSAGE(Asked, id, number, letters)

struct Answered {
  std::string id;
  std::string text;
};
SAGABUS_MESSAGE(Answered, id, text)

struct Answers {
  std::vector<int> given{};
};
SAGABUS_DESCRIBE(Answers, given)

constexpr std::int64_t kLarge = 2000;
constexpr std::int64_t kLargerThanARow = 300'000;
constexpr const char* kPacked = "packed";

class PackingTest : public BusTest {
 protected:
  PackingTest() {
    transport_faults_->pack_above = 1000;
    transport_faults_->pack = [this](const EnvelopePtr& whole) {
      done_.emplace_back("pack");
      if (fails_ > 0) {
        --fails_;
        fail_();
      }
      auto packed = std::make_shared<Envelope>(*whole);
      packed->payload = Value();
      packed->headers.emplace(kPacked, "yes");
      return packed;
    };
    store_faults_->before_commit = [this](const CommitRequest&) { done_.emplace_back("commit"); };
    store_faults_->before_put_timers = [this](const auto&) { done_.emplace_back("row"); };
    transport_faults_->before_send = [this](const std::vector<SendRequest>& requests) {
      for (const SendRequest& request : requests) {
        const Envelope& envelope = *request.envelope;
        if (envelope.type != message_name<Answered>()) continue;
        done_.emplace_back(envelope.headers.contains(kPacked) ? "send packed" : "send whole");
      }
    };
  }

  using Act = std::function<void(const Asked&, Answers&, SagaContext&)>;
  SagaDefinition saga(Act act) {
    return sagabus::saga<Answers>("Answers")
        .correlate<Asked>(&Asked::id, can_start)
        .initial([](const Asked&) { return Answers{}; })
        .on<Asked>()
        .handle([act](const Asked& m, Answers& s, SagaContext& ctx) { act(m, s, ctx); })
        .build();
  }
  SagaDefinition saga() {
    return saga([this](const Asked& m, Answers& s, SagaContext& ctx) { answer(m, s, ctx); });
  }
  SagaDefinition waiting_saga() {
    return sagabus::saga<Answers>("Answers")
        .correlate<Asked>(&Asked::id, can_start)
        .initial([](const Asked&) { return Answers{}; })
        .on<Asked>()
        .handle(
            [this](const Asked& m, Answers& s, SagaContext& ctx) -> boost::asio::awaitable<void> {
              answer(m, s, ctx);
              co_return;
            })
        .build();
  }
  void answer(const Asked& m, Answers& s, SagaContext& ctx) {
    attempts_.push_back(ctx.attempt());
    s.given.push_back(m.number);
    ctx.publish(to_answer(m));
  }
  static Answered to_answer(const Asked& m) {
    return {m.id, std::string(static_cast<std::size_t>(m.letters), 'a')};
  }

  void ask(std::int64_t letters, const std::string& id = "a") {
    await(buses_.back()->publish(Asked{id, 1, letters}));
  }
  // All at once, so that they are received together.
  void ask_together(const std::vector<std::int64_t>& letters) {
    std::vector<SendRequest> requests;
    for (const std::int64_t of_one : letters) {
      auto envelope = std::make_shared<Envelope>();
      envelope->id = new_uuid(*ambient_.random);
      envelope->type = message_name<Asked>();
      envelope->payload = to_value(Asked{"a", static_cast<int>(requests.size()) + 1, of_one});
      envelope->timestamp = clock_->now();
      requests.emplace_back().envelope = std::move(envelope);
    }
    await(transport_.backend()->send(std::move(requests)));
  }
  std::vector<int> given() { return from_value<Answers>(find("a", "Answers").value().state).given; }
  std::vector<TimerRow> rows() {
    std::string from_the_start;
    return await(store_.backend()->timers()->list(1000, std::move(from_the_start))).rows;
  }
  std::vector<std::string> take_done() { return std::exchange(done_, {}); }

  int fails_ = 0;
  std::function<void()> fail_ = [] { throw TransientError("no answer"); };
  std::vector<std::string> done_;
  std::vector<unsigned> attempts_;
};

TEST_F(PackingTest, APayloadIsPutBesideItsMessageBeforeItsStepIsCommitted) {
  start(options({saga()}));
  ask(kLarge);
  run();
  EXPECT_THAT(done_, ElementsAre("pack", "commit", "send packed"));
  const auto outbox = find("a", "Answers")->bookkeeping.outbox;
  ASSERT_THAT(outbox, SizeIs(1));
  EXPECT_TRUE(outbox[0].messages.at(0).envelope->payload.is_null());
}

TEST_F(PackingTest, AlsoWhereItsHandlerWaits) {
  start(options({waiting_saga()}));
  ask(kLarge);
  run();
  EXPECT_THAT(done_, ElementsAre("pack", "commit", "send packed"));
}

TEST_F(PackingTest, WhatIsSmallIsLeftAsItIs) {
  start(options({saga()}));
  ask(500);
  run();
  EXPECT_THAT(done_, ElementsAre("commit", "send whole"));
}

TEST_F(PackingTest, WhatATransportCannotPackIsNotPacked) {
  transport_faults_->pack_above = 0;
  start(options({saga()}));
  ask(kLarge);
  run();
  EXPECT_THAT(done_, ElementsAre("commit", "send whole"));
}

// More often than a handler may fail.
TEST_F(PackingTest, WhileAPayloadCannotBePutItsStepWaitsAndNobodyIsToBlame) {
  const std::map<std::string, std::function<void()>> outages = {
      {"away", [] { throw TransientError("no answer"); }},
      {"forbidden", [] { throw AccessDenied("not allowed"); }}};
  start(options({saga()}));
  for (const auto& [id, outage] : outages) {
    take_done();
    attempts_.clear();
    fail_ = outage;
    fails_ = 6;
    ask(kLarge, id);
    run();
    EXPECT_THAT(attempts_, ElementsAre(1, 1, 1, 1, 1, 1, 1)) << id;
    EXPECT_THAT(take_done(), ElementsAre("pack", "pack", "pack", "pack", "pack", "pack", "pack",
                                         "commit", "send packed"));
    EXPECT_THAT(transport_.peek("Answers.dlq"), IsEmpty());
  }
}

TEST_F(PackingTest, WhatCannotEvenBePackedIsTheHandlersFault) {
  fail_ = [] { throw ValidationError("headers of 2 MiB"); };
  fails_ = 100;
  start(options({saga()}));
  ask(kLarge);
  run();
  EXPECT_THAT(attempts_, ElementsAre(1));
  const auto letters = transport_.peek("Answers.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_THAT(letters[0]->headers.at("x-saga-error-message"), HasSubstr("headers of 2 MiB"));
  EXPECT_FALSE(find("a", "Answers"));
}

// The worker remembers an instance that another has changed since.
TEST_F(PackingTest, WhatCannotBePackedCountsOnlyOnWhatIsThere) {
  start(options({saga([this](const Asked& m, Answers& s, SagaContext& ctx) {
    attempts_.push_back(ctx.attempt());
    ctx.publish(s.given.size() == 1 ? to_answer(m) : Answered{m.id, "small"});
    s.given.push_back(m.number);
  })}));
  ask(10);
  run();
  Instance rival = find("a", "Answers").value();
  rival.state = to_value(Answers{{7, 7}});
  const std::uint64_t version = rival.version;
  await(store_.update(std::move(rival), version));
  take_done();
  attempts_.clear();
  fail_ = [] { throw ValidationError("headers of 2 MiB"); };
  fails_ = 1;
  ask(kLarge);
  run();
  EXPECT_THAT(done_, ElementsAre("pack", "commit", "send whole"));
  EXPECT_THAT(attempts_, ElementsAre(1, 1));
  EXPECT_THAT(given(), ElementsAre(7, 7, 1));
  EXPECT_THAT(transport_.peek("Answers.dlq"), IsEmpty());
}

TEST_F(PackingTest, AStepThatLosesARacePacksAgain) {
  int others = 1;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    done_.emplace_back("commit");
    if (others-- <= 0) return;
    Instance rival = *request.next;
    rival.bookkeeping.inbox = {{"rival", clock_->now()}};
    rival.bookkeeping.outbox.clear();
    CommitRequest first{std::make_shared<const Instance>(rival), request.expected};
    ASSERT_TRUE(sync_wait(store_.backend()->commit(std::move(first))).committed);
  };
  start(options({saga()}));
  ask(kLarge);
  run();
  EXPECT_THAT(done_, ElementsAre("pack", "commit", "pack", "commit", "send packed"));
}

// Steps of one instance that are committed together.

TEST_F(PackingTest, AStepThatFollowsAnotherPacksItsOwn) {
  BusOptions together = options({saga()});
  together.max_coalesced_steps = 8;
  start(std::move(together));
  ask_together({10, kLarge, 10});
  run();
  EXPECT_THAT(given(), ElementsAre(1, 2, 3));
  EXPECT_THAT(done_, ElementsAre("pack", "commit", "send whole", "send packed", "send whole"));
}

// Also for the middleware around it, which has seen nothing fail until then.
TEST_F(PackingTest, WhatCannotBePackedNowHasItsOwnTurn) {
  fails_ = 2;
  BusOptions together = options({saga()});
  std::vector<std::string> seen;
  together.middleware.emplace_back(
      [&seen](StepView& view, Next next) -> boost::asio::awaitable<void> {
        try {
          co_await next();
          seen.emplace_back(view.outcome == StepOutcome::postponed ? "postponed" : "done");
        } catch (const TransientError&) {
          seen.emplace_back("failed");
          throw;
        }
      });
  together.max_coalesced_steps = 8;
  start(std::move(together));
  ask_together({10, kLarge, 10});
  run();
  EXPECT_THAT(given(), ::testing::UnorderedElementsAre(1, 2, 3));
  ASSERT_GE(seen.size(), 3U);
  EXPECT_EQ(seen[0], "postponed");  // the second, inside the first
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "failed"), 1);
  EXPECT_THAT(attempts_, ::testing::Each(1U));
  EXPECT_EQ(std::count(done_.begin(), done_.end(), "send packed"), 1);
  EXPECT_THAT(transport_.peek("Answers.dlq"), IsEmpty());
}

// What is scheduled is a row until it is due, and a row holds 256 KB.

TEST_F(PackingTest, WhatNoRowCouldHoldIsPackedForIt) {
  transport_faults_->pack_above = 10 * kLargerThanARow;
  start(options({saga([](const Asked& m, Answers&, SagaContext& ctx) {
    ctx.schedule(to_answer(m), 1h);
    ctx.publish(to_answer(m));
  })}));
  ask(kLargerThanARow);
  run_now();
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_TRUE(rows()[0].envelope->payload.is_null());
  EXPECT_THAT(take_done(), ElementsAre("pack", "commit", "send whole", "row"));
  run();
  EXPECT_THAT(take_done(), ElementsAre("send packed"));

  await(buses_.back()->schedule(Answered{"b", std::string(kLargerThanARow, 'b')}, 1h));
  EXPECT_THAT(take_done(), ElementsAre("pack", "row"));
  await(buses_.back()->schedule(Answered{"b", "b"}, 1h));
  EXPECT_THAT(take_done(), ElementsAre("row"));
}

TEST_F(PackingTest, WithoutPackingWhatNoRowCouldHoldIsRefused) {
  transport_faults_->pack_above = 0;
  start(options({saga()}));
  EXPECT_THROW(await(buses_.back()->schedule(Answered{"b", std::string(kLargerThanARow, 'b')}, 1h)),
               ValidationError);
}

// A note to pack what was refused must not be kept for the message after it.
TEST_F(PackingTest, WhatAHandlerWasRefusedIsNotPacked) {
  start(options({saga([](const Asked& m, Answers& s, SagaContext& ctx) {
    s.given.push_back(m.number);
    EXPECT_THROW(ctx.schedule(to_answer(m), std::chrono::days(10'000)), ValidationError);
    ctx.publish(Answered{m.id, "small"});
  })}));
  ask(kLarge);
  run();
  EXPECT_THAT(done_, ElementsAre("commit", "send whole"));
}

TEST_F(PackingTest, AServicesHandlerIsNotToBlameEither) {
  fails_ = 6;
  start(options({}, {service("relay").on<Asked>([this](const Asked& m, MessageContext& ctx) {
                  attempts_.push_back(ctx.attempt());
                  ctx.schedule(to_answer(m), 1h);
                })}));
  ask(kLarge);
  run_now();
  while (attempts_.size() < 7 && clock_->advance_to_next()) run_now();
  EXPECT_THAT(attempts_, ::testing::Each(1U));
  EXPECT_THAT(attempts_, SizeIs(7));
  EXPECT_THAT(transport_.peek("relay.dlq"), IsEmpty());
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_TRUE(rows()[0].envelope->payload.is_null());
}

}  // namespace
