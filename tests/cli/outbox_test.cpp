// sagabus outbox, on SQLite.
#include <atomic>
#include <future>
#include <thread>

#include "outbox_fixture.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/error.hpp"
#include "testing/decorators.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

struct Go {
  std::string orderId;
};
SAGABUS_MESSAGE(Go, orderId)

struct Count {
  std::string orderId;
  int n = 0;
};
SAGABUS_DESCRIBE(Count, orderId, n)

class OutboxVerbs : public ::testing::Test {
 protected:
  OutboxVerbs() {
    const Subscription pings{"Pings", {std::string(message_name<Ping>())}};
    sync_wait(file_.transport().backend()->subscribe(pings));
  }

  Ran list(const std::vector<std::string>& more = {}) const { return run({"list"}, more); }
  Ran redispatch(const std::vector<std::string>& more = {"--everything"}) const {
    return run({"redispatch", "--yes", "--transport", file_.uri()}, more);
  }

  Instance stored(const Instance& instance) const {
    return *sync_wait(file_.store().get_by_id("Orders", instance.saga_id));
  }

  const SqliteFile file_;

 private:
  Ran run(const std::vector<std::string>& verb, const std::vector<std::string>& more) const {
    std::vector<std::string> words{"outbox"};
    words.insert(words.end(), verb.begin(), verb.end());
    for (const auto& word :
         {std::string("--store"), file_.uri(), std::string("--saga"), std::string("Orders")}) {
      words.push_back(word);
    }
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }
};

TEST_F(OutboxVerbs, ShowWhatIsOldAndUncovered) {
  insert_left_over(file_.store(), "young", 9min, 1);
  insert_left_over(file_.store(), "settled", 1h, 2);
  const Instance old = insert_left_over(file_.store(), "old", 3h, 3);
  sync_wait(file_.store().backend()->save_watermark("w1", write_watermark({3, {1, 3}})));

  const auto found = objects(list({"--json"}));
  ASSERT_THAT(texts(found, "correlation_id"), ElementsAre("old"));
  EXPECT_EQ(*found[0].find("saga_id"), Value(old.saga_id));
  EXPECT_EQ(*found[0].find("message_id"), Value("old-in"));
  EXPECT_EQ(*found[0].find("worker"), Value("w1"));
  EXPECT_EQ(*found[0].find("sequence"), Value(3));
  EXPECT_EQ(*found[0].find("outcome"), Value("left over"));
  EXPECT_EQ(to_json(*found[0].find("messages")), R"([{"id":"old-out","type":"Ping"}])");
  EXPECT_GE(*found[0].find("age_ms")->if_int64(), 3 * 3600 * 1000);

  EXPECT_THAT(texts(objects(list({"--json", "--older-than", "0s"})), "correlation_id"),
              UnorderedElementsAre("old", "young"));
  const auto all = objects(list({"--json", "--all"}));
  EXPECT_THAT(texts(all, "correlation_id"), UnorderedElementsAre("old", "settled"));
  EXPECT_THAT(texts(all, "outcome"), UnorderedElementsAre("left over", "settled"));
}

TEST_F(OutboxVerbs, PrintForPeople) {
  const Instance old = insert_left_over(file_.store(), "o-1", 3h, 3);
  const Ran ran = list();
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.out, HasSubstr(old.saga_id + "  o-1  left over\n  took in  o-1-in  3h ago, 20"));
  EXPECT_THAT(ran.out, HasSubstr("\n  worker   w1  step 3\n  holds    o-1-out  Ping\n"));
}

TEST_F(OutboxVerbs, LetNoControlCharacterThrough) {
  insert_left_over(file_.store(), "o\x1b[2J\xC2\x9B\n1", 1h, 1);
  const Ran people = list();
  EXPECT_THAT(people.out, HasSubstr("o\\u001b[2J\\u009b\\u000a1"));
  const Ran programs = list({"--json"});
  for (const Ran& ran : {people, programs}) {
    EXPECT_THAT(ran.out, Not(HasSubstr("\x1b")));
    EXPECT_THAT(ran.out, Not(HasSubstr("\xC2\x9B")));
  }
  EXPECT_THAT(texts(objects(programs), "correlation_id"), ElementsAre("o\x1b[2J\xC2\x9B\n1"));
}

TEST_F(OutboxVerbs, PrintNoMoreThanTheLimit) {
  for (const char* order : {"a", "b", "c"}) insert_left_over(file_.store(), order, 1h, 1);
  const Ran two = list({"--json", "--limit", "2"});
  EXPECT_EQ(std::count(two.out.begin(), two.out.end(), '\n'), 2);
  EXPECT_THAT(two.err, HasSubstr("--limit"));
  EXPECT_THAT(objects(list({"--json", "--limit", "3"})), SizeIs(3));  // and says nothing of more
}

TEST_F(OutboxVerbs, ADryRunChangesNothing) {
  const Instance old = insert_left_over(file_.store(), "old", 1h, 1);
  EXPECT_THAT(texts(objects(redispatch({"--everything", "--dry-run", "--json"})), "outcome"),
              ElementsAre("would be sent"));
  EXPECT_EQ(stored(old), old);
  EXPECT_THAT(file_.queue("Pings"), IsEmpty());
}

TEST_F(OutboxVerbs, SendWhatIsLeftOverAndNothingElse) {
  const Instance young = insert_left_over(file_.store(), "young", 1min, 1);
  const Instance settled = insert_left_over(file_.store(), "settled", 1h, 2);
  const Instance old = insert_left_over(file_.store(), "old", 1h, 3);
  sync_wait(file_.store().backend()->save_watermark("w1", write_watermark({3, {1, 3}})));
  EXPECT_THAT(texts(objects(redispatch({"--everything", "--json"})), "correlation_id"),
              ElementsAre("old"));
  EXPECT_THAT(file_.queue("Pings"), ElementsAre("old-out"));
  EXPECT_THAT(stored(old).bookkeeping.outbox, IsEmpty());
  EXPECT_EQ(stored(young), young);
  EXPECT_EQ(stored(settled), settled);
  EXPECT_EQ(redispatch().out, "nothing is left over\n");
  EXPECT_THAT(file_.queue("Pings"), ElementsAre("old-out"));
}

TEST_F(OutboxVerbs, SendAgainOnlyWhereTheUserIsSure) {
  const Instance old = insert_left_over(file_.store(), "old", 1h, 1);
  const std::vector<std::string> words{"outbox",    "redispatch",  "--store",
                                       file_.uri(), "--transport", file_.uri(),
                                       "--saga",    "Orders",      "--everything"};
  const Ran unsure = run_sagabus(words);
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_EQ(unsure.err,
            "sagabus: there is no terminal to ask on: give --yes to send messages again\n");
  OnTerminal no(words);
  no.wait_for("left over in all instances of Orders again? Type the saga's name: ");
  no.type("y");
  EXPECT_EQ(no.wait().exit, 1);
  EXPECT_EQ(stored(old), old);
  EXPECT_THAT(file_.queue("Pings"), IsEmpty());
  OnTerminal yes(words);
  yes.wait_for("name: ");
  yes.type("Orders");
  EXPECT_EQ(yes.wait().exit, 0);
  EXPECT_THAT(file_.queue("Pings"), ElementsAre("old-out"));
}

TEST_F(OutboxVerbs, SendOnlyForTheChosenIds) {
  const Instance a = insert_left_over(file_.store(), "a", 1h, 1);
  const Instance b = insert_left_over(file_.store(), "b", 1h, 2);
  const Instance c = insert_left_over(file_.store(), "c", 1h, 3);
  EXPECT_EQ(redispatch({"--id", a.saga_id, "--id", c.saga_id}).exit, 0);
  EXPECT_THAT(file_.queue("Pings"), UnorderedElementsAre("a-out", "c-out"));
  EXPECT_EQ(stored(b), b);
  const Ran unknown = redispatch({"--id", "nobody"});
  EXPECT_EQ(unknown.exit, 3);
  EXPECT_TRUE(is_one_line(unknown.err)) << unknown.err;
  EXPECT_THAT(unknown.err, HasSubstr("nobody"));
}

// Buses on the file.

SagaDefinition orders() {
  return saga<Count>("Orders")
      .correlate<Go>(&Go::orderId, can_start)
      .initial([](const Go& m) {
        return Count{m.orderId, 0};
      })
      .on<Go>()
      .handle([](const Go& m, Count& s, SagaContext& ctx) {
        if (++s.n == 1) ctx.publish(Ping{m.orderId, 1});
      })
      .build();
}

// Takes pings, and tells the number of each.
SagaDefinition pings(std::function<void(int)> taken) {
  return saga<Count>("Pings")
      .correlate<Ping>(&Ping::orderId, can_start)
      .initial([](const Ping& m) {
        return Count{m.orderId, 0};
      })
      .on<Ping>()
      .handle([taken = std::move(taken)](const Ping& m, Count& s) {
        ++s.n;
        taken(m.number);
      })
      .build();
}

BusOptions bus_options(Transport transport, SagaStore store, SagaDefinition saga) {
  BusOptions options;
  options.transport = std::move(transport);
  options.store = std::move(store);
  options.sagas.push_back(std::move(saga));
  options.threads = 1;
  return options;
}

// A bus whose step was committed and whose dispatch never happens, until its queue is purged.
void leave_over(const SqliteFile& file, const std::string& order) {
  auto faults = std::make_shared<testing::TransportFaults>();
  std::promise<void> committed;
  std::atomic<bool> told = false;
  faults->before_send = [&](const std::vector<SendRequest>& requests) {
    if (requests.front().envelope->type != message_name<Ping>()) return;
    if (!told.exchange(true)) committed.set_value();
    throw TransientError("the queue is away");
  };
  const Transport broken(std::make_shared<testing::FaultyTransport>(file.transport(), faults));
  Bus bus(bus_options(broken, file.store(), orders()));
  sync_wait(bus.start());
  const Go go{order};
  sync_wait(bus.publish(go));
  committed.get_future().wait();
  sync_wait(bus.stop());
  EXPECT_THAT(sync_wait(file.transport().drain("Orders")), SizeIs(1));
}

TEST_F(OutboxVerbs, MendWhatABusLeftBehind) {
  leave_over(file_, "o-1");
  const std::vector<Value> found = objects(list({"--older-than", "0s", "--json"}));
  ASSERT_THAT(texts(found, "correlation_id"), ElementsAre("o-1"));

  std::promise<void> fence;
  const auto taken = [&](int number) {
    if (number == 2) fence.set_value();
  };
  Bus bus(bus_options(file_.transport(), file_.store(), pings(taken)));
  sync_wait(bus.start());
  EXPECT_THAT(objects(redispatch({"--everything", "--older-than", "0s", "--json"})), SizeIs(1));
  EXPECT_EQ(list({"--older-than", "0s"}).out, "nothing is left over\n");
  EXPECT_EQ(redispatch({"--everything", "--older-than", "0s"}).out, "nothing is left over\n");
  // Comes after all that was sent before it, to the same instance.
  const Ping last{"o-1", 2};
  sync_wait(bus.publish(last));
  fence.get_future().wait();
  sync_wait(bus.stop());
  const auto receiver = sync_wait(file_.store().get_by_correlation_id("Pings", "o-1"));
  ASSERT_TRUE(receiver);
  EXPECT_EQ(*receiver->state.find("n"), Value(2));  // the ping and the last one
}

TEST_F(OutboxVerbs, SurviveABusThatWritesTheSameInstance) {
  const Instance old = insert_left_over(file_.store(), "busy", 1h, 1);
  sync_wait(file_.store().update(
      [&] {
        Instance with_state = old;
        with_state.state = to_value(Count{"busy", 1});
        return with_state;
      }(),
      old.version));
  Bus bus(bus_options(file_.transport(), file_.store(), orders()));
  sync_wait(bus.start());
  int published = 0;
  Running running({"outbox", "redispatch", "--store", file_.uri(), "--transport", file_.uri(),
                   "--saga", "Orders", "--everything", "--json", "--yes"});
  while (!running.has_ended()) {
    const Go go{"busy"};
    sync_wait(bus.publish(go));
    ++published;
    while (sync_wait(file_.transport().pending("Orders")) > 0) std::this_thread::sleep_for(1ms);
  }
  const Ran ran = running.wait();
  sync_wait(bus.stop());
  EXPECT_THAT(objects(ran), SizeIs(1));
  EXPECT_THAT(file_.queue("Pings"), ElementsAre("busy-out"));
  const Instance now = stored(old);
  EXPECT_THAT(now.bookkeeping.outbox, IsEmpty());
  EXPECT_EQ(*now.state.find("n"), Value(1 + published));  // no step of the bus was lost
}

}  // namespace
}  // namespace sagabus::test
