// sagabus timer, with sagas in a file and in a table; messages are in a file.
#include <future>
#include <thread>

#include "dynamodb_table.hpp"
#include "outbox_fixture.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

struct Opened {
  std::string id;
};
SAGABUS_MESSAGE(Opened, id)

struct Note {
  std::string id;
  std::string text;
};
SAGABUS_MESSAGE(Note, id, text)

struct Diary {
  std::string id{};
  std::vector<std::string> heard{};
};
SAGABUS_DESCRIBE(Diary, id, heard)

// Sets two timeouts, and schedules a message to itself.
SagaDefinition diaries() {
  return saga<Diary>("Diaries")
      .correlate<Opened>(&Opened::id, can_start)
      .correlate<Note>(&Note::id)
      .initial([](const Opened& m) { return Diary{m.id}; })
      .on<Opened>()
      .handle([](const Opened& m, Diary&, SagaContext& ctx) {
        ctx.set_timeout("payment", 1h + 30s);
        ctx.set_timeout("reminder", 2h);
        ctx.schedule(Note{m.id, "secret"}, 3h + 30s);
      })
      .on<Note>()
      .handle([](const Note& m, Diary& s) { s.heard.push_back(m.text); })
      .on<SagaTimeoutExpired>()
      .handle([](const SagaTimeoutExpired& m, Diary& s) { s.heard.push_back(*m.timeoutName); })
      .build();
}

enum class Kept { in_a_file, in_a_table };

class TimerVerbs : public ::testing::TestWithParam<Kept> {
 protected:
  TimerVerbs() {
    if (GetParam() == Kept::in_a_table) table_.emplace();
  }

  const SagaStore& store() const { return table_ ? table_->store() : file_.store(); }
  std::string uri() const { return table_ ? table_->uri() : file_.uri(); }
  TimerBackend& timers() const { return *store().backend()->timers(); }

  Ran run(const std::string& verb, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"timer", verb, "--store", uri()};
    if (verb == "cancel" || verb == "move") words.emplace_back("--yes");
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }
  std::vector<Value> list(std::vector<std::string> more = {}) const {
    more.emplace_back("--json");
    return objects(run("list", more));
  }
  // The key of that timeout, or of the message where it is empty.
  std::string key(const std::string& timeout) const {
    for (const Value& row : list()) {
      const std::string* const name = row.find("timeout")->if_string();
      if (name ? *name == timeout : timeout.empty()) return *row.find("key")->if_string();
    }
    return {};
  }

  std::unique_ptr<Bus> start() const {
    BusOptions options;
    options.transport = file_.transport();
    options.store = store();
    options.sagas.push_back(diaries());
    options.threads = 1;
    auto bus = std::make_unique<Bus>(std::move(options));
    sync_wait(bus->start());
    return bus;
  }
  // An instance that has taken in Opened; no bus runs afterwards.
  Instance open() const {
    const auto bus = start();
    const Opened opened{"d-1"};
    sync_wait(bus->publish(opened));
    while (!stored()) std::this_thread::sleep_for(1ms);
    sync_wait(bus->stop());
    return *stored();
  }
  std::optional<Instance> stored() const {
    return sync_wait(store().get_by_correlation_id("Diaries", "d-1"));
  }
  std::vector<std::string> heard() const { return from_value<Diary>(stored()->state).heard; }

  // So many of the things that wait are heard, by a bus that starts now.
  std::vector<std::string> heard_by_a_bus(std::size_t count) const {
    const auto bus = start();
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (heard().size() < count && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(2ms);
    }
    sync_wait(bus->stop());
    return heard();
  }

  const SqliteFile file_;
  std::optional<DynamoDbTable> table_;
};

INSTANTIATE_TEST_SUITE_P(On, TimerVerbs, ::testing::Values(Kept::in_a_file, Kept::in_a_table),
                         [](const auto& it) {
                           return it.param == Kept::in_a_file ? "Sqlite" : "DynamoDb";
                         });

TEST_P(TimerVerbs, ListWhatIsToBeSentLater) {
  const Instance instance = open();
  const std::vector<Value> found = list();
  ASSERT_THAT(texts(found, "kind"), ElementsAre("timeout", "timeout", "message"));
  const Value& payment = found[0];
  const Timer& timer = instance.bookkeeping.timers[0];
  EXPECT_EQ(*payment.find("key"), Value(to_text({timer.due, timer.token})));
  EXPECT_EQ(*payment.find("timeout"), Value("payment"));
  EXPECT_EQ(*payment.find("endpoint"), Value("Diaries"));
  EXPECT_EQ(*payment.find("saga_id"), Value(instance.saga_id));
  EXPECT_EQ(*payment.find("correlation_id"), Value("d-1"));
  EXPECT_EQ(*payment.find("state"), Value());
  // DynamoDB's clock is known to the second.
  EXPECT_LE(*payment.find("due_in_ms")->if_int64(), 3632 * 1000);
  EXPECT_GE(*payment.find("due_in_ms")->if_int64(), 3600 * 1000);
  EXPECT_EQ(*found[2].find("type"), Value("Note"));
  EXPECT_EQ(*found[2].find("saga_id"), Value());
  EXPECT_THAT(list({"--saga", "Diaries"}), SizeIs(2));
  EXPECT_THAT(list({"--until", "90m"}), SizeIs(1));
  EXPECT_THAT(list({"--until", "2020-01-01T00:00:00Z"}), IsEmpty());
  EXPECT_THAT(list({"--until", "2099-01-01T00:00:00+01:00"}), SizeIs(3));
  EXPECT_EQ(run("list", {"--saga", "Nobody"}).out, "nothing is to be sent later\n");
  const Ran two = run("list", {"--limit", "2"});
  EXPECT_THAT(two.out, Not(HasSubstr("Note")));
  EXPECT_THAT(two.err, HasSubstr("--limit"));
}

TEST_P(TimerVerbs, CheckWhatTheInstanceSays) {
  Instance instance = open();
  instance.bookkeeping.timers[0].due += 30min;
  instance.bookkeeping.timers.pop_back();
  const std::uint64_t version = instance.version;
  sync_wait(store().update(instance, version));
  const std::vector<Value> found = list({"--check"});
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(*found[0].find("state"), Value("moved"));
  EXPECT_EQ(*found[0].find("instance_due"), Value(to_iso8601(instance.bookkeeping.timers[0].due)));
  EXPECT_EQ(*found[1].find("state"), Value("stale"));
  EXPECT_EQ(*found[2].find("state"), Value());
  const Ran people = run("list", {"--check"});
  EXPECT_THAT(people.out, HasSubstr("\n  is       moved, due 20"));
  EXPECT_THAT(people.out, HasSubstr("\n  is       stale: the instance has no such timeout\n"));
}

TEST_P(TimerVerbs, PrintForPeople) {
  const Instance instance = open();
  const Ran ran = run("list", {"--until", "90m"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, key("payment") + "  in 60m\n  timeout  payment\n  of       Diaries  " +
                         instance.saga_id + "  d-1\n");
  EXPECT_THAT(run("list").out, HasSubstr("  in 3h\n  message  Note\n"));
}

TEST_P(TimerVerbs, ShowTheWholeMessage) {
  const Instance instance = open();
  const auto message = objects(run("show", {key(""), "--json"}));
  EXPECT_EQ(to_json(*message.at(0).find("message")->find("payload")),
            R"({"id":"d-1","text":"secret"})");
  EXPECT_THAT(run("list").out, Not(HasSubstr("secret")));
  EXPECT_THAT(run("list", {"--json"}).out, Not(HasSubstr("secret")));
  const Ran people = run("show", {key("payment")});
  EXPECT_EQ(people.exit, 0);
  EXPECT_THAT(people.out, HasSubstr("\n  is       current, due 20"));
  EXPECT_THAT(people.out, HasSubstr("\n  set      20"));
  EXPECT_THAT(people.out, HasSubstr("\n  holds    {\"id\":"));
  // By the id alone.
  EXPECT_THAT(objects(run("show", {"--json", "--", instance.bookkeeping.timers[1].token})),
              SizeIs(1));
}

TEST_P(TimerVerbs, LetNoControlCharacterThrough) {
  Envelope envelope;
  envelope.id = "i\x1b[2J\n1";
  envelope.type = "T\x1b[31m";
  envelope.payload = Value("p\x1b");
  TimerRow row{{system_clock()->now() + 1h, envelope.id}, "e\x1b", {}};
  row.envelope = std::make_shared<const Envelope>(std::move(envelope));
  std::vector<TimerRow> rows{row};
  sync_wait(timers().put(std::move(rows), nullptr));
  for (const char* verb : {"list", "show", "move", "cancel"}) {
    std::vector<std::string> words;
    if (std::string(verb) != "list") words.push_back(row.key.id);
    if (std::string(verb) == "move") words.insert(words.end(), {"--in", "2h"});
    const Ran ran = run(verb, words);
    EXPECT_EQ(ran.exit, 0) << verb;
    EXPECT_THAT(ran.out, HasSubstr("i\\u001b[2J\\u000a1")) << verb;
    EXPECT_THAT(ran.out, Not(HasSubstr("\x1b"))) << verb;
  }
}

TEST_P(TimerVerbs, NothingIsCancelledUnasked) {
  open();
  const std::vector<std::string> cancel{"timer", "cancel", "--store", uri(), key("payment")};
  const Ran unsure = run_sagabus(cancel);
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_THAT(unsure.err, HasSubstr("--yes"));
  EXPECT_TRUE(run("cancel", {key("payment"), "--dry-run"}).out.ends_with("would be cancelled\n"));
  EXPECT_THAT(list(), SizeIs(3));
}

TEST_P(TimerVerbs, NothingIsMovedUnasked) {
  open();
  const std::string due = key("payment");
  const std::vector<std::string> words{
      "timer", "move", "--store", uri(), due, "--to", "2036-01-01T00:00:00Z"};
  const Ran unsure = run_sagabus(words);
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_THAT(unsure.err, HasSubstr("give --yes to move the timer"));
  const auto dry =
      objects(run("move", {due, "--to", "2036-01-01T00:00:00Z", "--dry-run", "--json"}));
  EXPECT_THAT(texts(dry, "outcome"), ElementsAre("would be moved to"));
  EXPECT_THAT(texts(dry, "moved_to"), ElementsAre("2036-01-01T00:00:00.000Z" + due.substr(24)));
  OnTerminal no(words);
  no.wait_for(" to 2036-01-01T00:00:00.000Z? Type its id, ");
  no.type("y");
  EXPECT_EQ(no.wait().exit, 1);
  EXPECT_EQ(key("payment"), due);
  OnTerminal yes(words);
  yes.wait_for("? Type its id, ");
  yes.type(due.substr(25));
  EXPECT_EQ(yes.wait().exit, 0);
  EXPECT_EQ(key("payment"), "2036-01-01T00:00:00.000Z" + due.substr(24));
}

TEST_P(TimerVerbs, ABusDoesNotGetWhatWasCancelledAndGetsWhatWasMoved) {
  const Instance before = open();
  const Ran cancelled = run("cancel", {key("payment")});
  EXPECT_EQ(cancelled.exit, 0);
  EXPECT_TRUE(cancelled.out.ends_with("\n  cancelled\n")) << cancelled.out;
  EXPECT_EQ(stored()->version, before.version + 1);
  EXPECT_EQ(stored()->bookkeeping.inbox, before.bookkeeping.inbox);
  const auto moved = objects(run("move", {key("reminder"), "--in", "0s", "--json"}));
  EXPECT_EQ(*moved.at(0).find("outcome"), Value("moved to"));
  EXPECT_EQ(*moved.at(0).find("moved_to"), Value(key("reminder")));
  EXPECT_EQ(run("move", {key(""), "--to", "2020-01-01T00:00:00Z"}).exit, 0);
  EXPECT_THAT(heard_by_a_bus(2), UnorderedElementsAre("reminder", "secret"));
  EXPECT_THAT(list(), IsEmpty());
  EXPECT_THAT(stored()->bookkeeping.timers, IsEmpty());
}

TEST_P(TimerVerbs, WhatWasMovedLaterDoesNotComeBefore) {
  open();
  EXPECT_EQ(run("move", {key("payment"), "--in", "3s"}).exit, 0);
  EXPECT_EQ(run("move", {key("payment"), "--in", "4h"}).exit, 0);
  EXPECT_EQ(run("move", {key("reminder"), "--in", "3s"}).exit, 0);
  EXPECT_THAT(heard_by_a_bus(1), ElementsAre("reminder"));
  EXPECT_THAT(texts(list({"--saga", "Diaries", "--check"}), "state"), ElementsAre("current"));
}

TEST_P(TimerVerbs, MendWhileABusWritesTheSameInstance) {
  open();
  const auto bus = start();
  int published = 0;
  for (const char* verb : {"move", "cancel"}) {
    std::vector<std::string> words{"timer", verb, "--store", uri(), key("payment")};
    if (std::string(verb) == "move") words.insert(words.end(), {"--in", "5h"});
    words.emplace_back("--yes");
    Running running(words);
    while (!running.has_ended()) {
      const Note note{"d-1", "n"};
      sync_wait(bus->publish(note));
      ++published;
      while (sync_wait(file_.transport().pending("Diaries")) > 0) std::this_thread::sleep_for(1ms);
    }
    const Ran ran = running.wait();
    EXPECT_EQ(ran.exit, 0) << ran.err;
  }
  sync_wait(bus->stop());
  EXPECT_THAT(heard(), SizeIs(static_cast<std::size_t>(published)));  // no step was lost
  EXPECT_THAT(stored()->bookkeeping.timers, SizeIs(1));
  EXPECT_EQ(key("payment"), "");
}

TEST_P(TimerVerbs, SayInOneLineWhatIsNotThere) {
  const Instance instance = open();
  const std::string payment = key("payment");
  EXPECT_EQ(run("cancel", {payment}).exit, 0);
  for (const char* verb : {"show", "cancel", "move"}) {
    std::vector<std::string> words{payment};
    if (std::string(verb) == "move") words.insert(words.end(), {"--in", "2h"});
    const Ran ran = run(verb, words);
    EXPECT_EQ(ran.exit, 3) << verb;
    EXPECT_EQ(ran.out, "") << verb;
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(payment));
  }
  // A row whose instance has gone.
  sync_wait(store().erase("Diaries", instance.saga_id));
  const Ran stale = run("move", {key("reminder"), "--in", "2h"});
  EXPECT_EQ(stale.exit, 3);
  EXPECT_TRUE(is_one_line(stale.err)) << stale.err;
  EXPECT_THAT(stale.err, HasSubstr("stale"));
  EXPECT_THAT(run("cancel", {key("reminder")}).out, HasSubstr("\n  erased, it was stale\n"));
}

TEST_P(TimerVerbs, TakeAnIdThatBeginsWithADash) {
  Envelope envelope;
  envelope.id = "--json";
  envelope.type = "T";
  TimerRow row{{system_clock()->now() + 1h, envelope.id}, {}, {}};
  row.envelope = std::make_shared<const Envelope>(std::move(envelope));
  std::vector<TimerRow> rows{row};
  sync_wait(timers().put(std::move(rows), nullptr));
  EXPECT_EQ(run("move", {"--in", "2h", to_text(row.key)}).exit, 0);
  EXPECT_EQ(run("cancel", {"--", "--json"}).exit, 0);
  EXPECT_THAT(list(), IsEmpty());
}

TEST_P(TimerVerbs, AskForAKeyWhereAnIdHasSeveral) {
  const Instance instance = open();
  const Timer& timer = instance.bookkeeping.timers[0];
  const unsigned shard = timers().shard_of(timer.token);
  const auto row = sync_wait(timers().due(shard, timer.due, 1)).at(0);
  std::vector<TimerRow> rows{row};
  rows[0].key.due += 1h;
  sync_wait(timers().put(std::move(rows), nullptr));
  const Ran ran = run("show", {"--", timer.token});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr(to_text({timer.due, timer.token})));
  EXPECT_THAT(ran.err, HasSubstr(to_text({timer.due + 1h, timer.token})));
}

}  // namespace
}  // namespace sagabus::test
