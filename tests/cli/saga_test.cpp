// sagabus saga, with instances in a file and in a table.
#include <fmt/format.h>

#include "saga_fixture.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

INSTANTIATE_TEST_SUITE_P(On, SagaVerbs, ::testing::Values(Place::in_a_file, Place::in_a_table),
                         place_name);

TEST_P(SagaVerbs, ListWhatIsAskedFor) {
  put("new", "paid");
  put("old", "pending", 3h, 2h);
  put("done", "paid", 3h, 1h, true);
  EXPECT_THAT(listed(), UnorderedElementsAre("new", "old", "done"));
  EXPECT_THAT(listed({"--running"}), UnorderedElementsAre("new", "old"));
  EXPECT_THAT(listed({"--completed"}), ElementsAre("done"));
  EXPECT_THAT(listed({"--older-than", "1h"}), UnorderedElementsAre("old", "done"));
  EXPECT_THAT(listed({"--where", "status=paid"}), UnorderedElementsAre("new", "done"));
  EXPECT_THAT(listed({"--where", "status=paid", "--completed"}), ElementsAre("done"));
  EXPECT_THAT(listed({"--where", "status=paid", "--where", "status=pending"}), IsEmpty());
  const Ran two = run("list", {"--limit", "2", "--json"});
  EXPECT_EQ(std::count(two.out.begin(), two.out.end(), '\n'), 2);
  EXPECT_THAT(two.err, HasSubstr("--limit"));
  EXPECT_EQ(run("list", {"--where", "status=lost"}).out, "there are no such instances\n");
}

TEST_P(SagaVerbs, ListAllPages) {
  std::vector<Instance> all;
  for (int i = 0; i < 250; ++i) {
    Instance instance;
    instance.saga_name = "Orders";
    instance.correlation_id = "o-" + std::to_string(i);
    instance.saga_id = derive_saga_id("Orders", instance.correlation_id);
    instance.version = 1;
    instance.state = Value(Object{});
    instance.created_at = instance.updated_at = system_clock()->now();
    all.push_back(std::move(instance));
  }
  sync_wait(import_instances(store(), all, {}));
  EXPECT_THAT(listed(), SizeIs(250));
  const Ran people = run("list");
  EXPECT_EQ(std::count(people.out.begin(), people.out.end(), '\n'), 251);
}

TEST_P(SagaVerbs, ListForPeopleAndPrograms) {
  const Instance instance = put("o-1", "paid", 3h, 2h);
  const Ran people = run("list");
  EXPECT_EQ(people.exit, 0);
  EXPECT_EQ(people.out,
            "CORRELATION ID  STATUS   VERSION  AGE  IDLE  STATE\n"
            "o-1             running        1   3h    2h  {\"status\":\"paid\"}\n");
  const Ran json = run("list", {"--json"});
  EXPECT_EQ(json.out, write_instance(instance, InstanceText::published) + "\n");
}

TEST_P(SagaVerbs, LetNoControlCharacterThroughOfAnInstance) {
  Instance instance = put("o\x1b[2J\n1", "\x1b[31m", 1h, 1h);
  for (const char* verb : {"list", "stuck", "show", "delete", "complete"}) {
    std::vector<std::string> words;
    const std::string name = verb;
    if (name == "stuck") words = {"--idle", "1m"};
    if (name != "list" && name != "stuck") words = {"--id", instance.saga_id};
    if (name == "delete" || name == "complete") words.emplace_back("--dry-run");
    const Ran ran = run(name, words);
    EXPECT_EQ(ran.exit, 0) << verb << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("o\\u001b[2J\\u000a1")) << verb;
    EXPECT_THAT(ran.out, Not(HasSubstr("\x1b"))) << verb;
  }
}

TEST_P(SagaVerbs, ShowOneWithAllThatIsKeptOfIt) {
  const Instance instance = insert_left_over(store(), "o-1", 1h, 3);
  const auto by_id = run_json("show", {"--id", instance.saga_id});
  ASSERT_THAT(by_id, SizeIs(1));
  EXPECT_EQ(read_instance(to_json(by_id[0])), instance);
  EXPECT_EQ(run_json("show", {"--correlation", "o-1"}), by_id);
  const Ran people = run("show", {"--correlation", "o-1"});
  EXPECT_EQ(people.exit, 0);
  EXPECT_TRUE(people.out.starts_with("Orders o-1\n  id       " + instance.saga_id +
                                     "\n  is       running, version 1\n"))
      << people.out;
  EXPECT_THAT(people.out, HasSubstr("  state\n    {\n      \"n\": 0\n    }\n"));
  EXPECT_THAT(people.out, HasSubstr("  inbox    1 message\n    o-1-in  60m ago, 20"));
  EXPECT_THAT(people.out, HasSubstr("  outbox   1 entry\n    of o-1-in, not settled: worker w1, "
                                    "step 3\n      o-1-out  Ping\n  timers   0 timeouts\n"));
  EXPECT_THAT(people.out, Not(HasSubstr("expires")));
  sync_wait(store().backend()->save_watermark("w1", write_watermark({3, {}})));
  EXPECT_THAT(run("show", {"--correlation", "o-1"}).out, HasSubstr("of o-1-in, settled: worker"));
}

TEST_P(SagaVerbs, ShowWhenACompletedOneExpires) {
  if (!table_) GTEST_SKIP() << "SQLite's URI has no ttl_days";
  put("o-1", "paid");
  EXPECT_EQ(run_sagabus({"saga", "complete", "Orders", "--correlation", "o-1", "--yes", "--store",
                         uri() + "&ttl_days=7"})
                .exit,
            0);
  EXPECT_THAT(run("show", {"--correlation", "o-1"}).out, HasSubstr("\n  expires  in "));
  const Value shown = run_json("show", {"--correlation", "o-1"}).at(0);
  EXPECT_GT(*shown.find("expiresInMs")->if_int64(), 6 * 86'400'000);
  EXPECT_EQ(read_instance(to_json(shown)), *stored("o-1"));
}

TEST_P(SagaVerbs, ShowWhatStuckOnesWaitFor) {
  put("new", "paid");
  put("done", "paid", 3h, 3h, true);
  put("alone", "paid", 3h, 2h);
  put_with_timeout("timed");
  Instance sent = insert_left_over(store(), "sent", 1h, 3);
  const std::vector<std::string> hour{"--idle", "30m"};
  EXPECT_THAT(texts(run_json("stuck", hour), "correlationId"),
              UnorderedElementsAre("alone", "timed"));
  const Ran people = run("stuck", hour);
  EXPECT_THAT(people.out, HasSubstr("  idle 2h, version 1\n  waits for a message: no timeout is "
                                    "set, and nothing is left in its outbox\n"));
  EXPECT_THAT(people.out, HasSubstr("\n  timeout    payment  in 59m, 20"));
  const auto all = run_json("stuck", {"--idle", "0s"});
  EXPECT_THAT(texts(all, "correlationId"), UnorderedElementsAre("alone", "timed", "new", "sent"));
  for (const Value& it : all) {
    const bool is_sent = *it.find("correlationId") == Value("sent");
    EXPECT_THAT(*it.find("leftOver")->if_array(), SizeIs(is_sent ? 1 : 0));
    const bool is_timed = *it.find("correlationId") == Value("timed");
    EXPECT_THAT(*it.find("timers")->if_array(), SizeIs(is_timed ? 1 : 0));
  }
  EXPECT_THAT(run("stuck", {"--idle", "0s"}).out, HasSubstr("\n  left over  sent-out  Ping\n"));
  sync_wait(store().backend()->save_watermark("w1", write_watermark({3, {}})));
  EXPECT_THAT(run("stuck", {"--idle", "0s"}).out, Not(HasSubstr("left over")));
  EXPECT_EQ(run("stuck", {"--idle", "9d"}).out, "nothing is stuck\n");
}

TEST_P(SagaVerbs, CompleteAnInstance) {
  const Instance before = put_with_timeout("o-1");
  const std::vector<std::string> one{"--correlation", "o-1"};
  const Ran dry = run("complete", {"--correlation", "o-1", "--dry-run"});
  EXPECT_EQ(dry.out, "Orders o-1, version 1, would be completed, and 1 timeout cleared\n");
  EXPECT_EQ(*stored("o-1"), before);
  const Ran unasked = run("complete", one);
  EXPECT_EQ(unasked.exit, 2);
  EXPECT_THAT(unasked.err, HasSubstr("--yes"));
  EXPECT_EQ(*stored("o-1"), before);
  const Ran ran = run("complete", {"--correlation", "o-1", "--yes"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "Orders o-1 is completed, version 2; 1 timeout cleared\n");
  const auto after = stored("o-1");
  EXPECT_TRUE(after->completed);
  EXPECT_EQ(after->state, before.state);
  EXPECT_THAT(after->bookkeeping.timers, IsEmpty());
  EXPECT_EQ(timer_rows(), 0U);
  EXPECT_EQ(run("complete", {"--correlation", "o-1", "--yes"}).out,
            "Orders o-1 is completed already\n");
  EXPECT_EQ(*stored("o-1"), *after);
}

TEST_P(SagaVerbs, DeleteAnInstance) {
  put_with_timeout("o-1");
  EXPECT_EQ(run("delete", {"--correlation", "o-1", "--dry-run"}).out,
            "Orders o-1, version 1, would be removed\n");
  EXPECT_EQ(run("delete", {"--correlation", "o-1"}).exit, 2);
  EXPECT_TRUE(stored("o-1"));
  EXPECT_EQ(run("delete", {"--correlation", "o-1", "--yes"}).out,
            "Orders o-1 is removed, version 1\n");
  EXPECT_FALSE(stored("o-1"));
  EXPECT_EQ(timer_rows(), 0U);
}

TEST_P(SagaVerbs, DeleteNoMessagesThatHaveNotLeftUnlessForced) {
  const Instance instance = insert_left_over(store(), "o-1", 1h, 3);
  for (const char* how : {"--yes", "--dry-run"}) {
    const Ran refused = run("delete", {"--id", instance.saga_id, how});
    EXPECT_EQ(refused.exit, 1);
    EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("--force"));
  }
  EXPECT_EQ(*stored("o-1"), instance);
  EXPECT_EQ(run("delete", {"--id", instance.saga_id, "--yes", "--force"}).exit, 0);
  EXPECT_FALSE(stored("o-1"));
  const Instance settled = insert_left_over(store(), "o-2", 1h, 4);
  sync_wait(store().backend()->save_watermark("w1", write_watermark({4, {}})));
  EXPECT_EQ(run("delete", {"--id", settled.saga_id, "--yes"}).exit, 0);
}

TEST_P(SagaVerbs, AskOnATerminal) {
  Instance instance = put("o-1", "paid");
  for (const char* verb : {"delete", "complete"}) {
    OnTerminal no({"saga", verb, "Orders", "--store", uri(), "--correlation", "o-1"});
    no.wait_for("? Type its correlation id: ");
    no.type("yes");
    const Ran refused = no.wait();
    EXPECT_EQ(refused.exit, 1);
    EXPECT_THAT(refused.out, HasSubstr("nothing was changed: the answer was not"));
    EXPECT_EQ(*stored("o-1"), instance);
    OnTerminal late({"saga", verb, "Orders", "--store", uri(), "--correlation", "o-1"});
    late.wait_for("? Type its correlation id: ");
    Instance faster = *stored("o-1");
    const std::uint64_t version = faster.version;
    sync_wait(store().update(std::move(faster), version));
    late.type("o-1");
    const Ran lost = late.wait();
    EXPECT_EQ(lost.exit, 1);
    EXPECT_THAT(lost.out, HasSubstr(fmt::format("was read at version {} and has version {} by now",
                                                version, version + 1)));
    EXPECT_EQ(stored("o-1")->version, version + 1);
    sync_wait(store().erase("Orders", instance.saga_id));
    const std::vector<Instance> again{instance};
    sync_wait(import_instances(store(), again, {}));
    instance = stored("o-1").value();
  }
  OnTerminal yes({"saga", "delete", "Orders", "--store", uri(), "--correlation", "o-1"});
  yes.wait_for("? Type its correlation id: ");
  yes.type("o-1");
  EXPECT_EQ(yes.wait().exit, 0);
  EXPECT_FALSE(stored("o-1"));
}

TEST_P(SagaVerbs, SayOnATerminalHowFarTheyHaveLooked) {
  for (int i = 0; i < 101; ++i) put(fmt::format("o-{}", i), "paid");  // one more than a page
  const std::vector<std::vector<std::string>> verbs{{"stuck", "--idle", "9d"},
                                                    {"list", "--where", "status=lost"}};
  for (const std::vector<std::string>& words : verbs) {
    std::vector<std::string> line{"saga", words[0], "Orders", "--store", uri()};
    line.insert(line.end(), words.begin() + 1, words.end());
    const Ran ran = OnTerminal(line).wait();
    EXPECT_EQ(ran.exit, 0) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("\r\033[K  100 instances looked at\r\033[K")) << words[0];
    EXPECT_THAT(run(words[0], {words.begin() + 1, words.end()}).err, IsEmpty()) << words[0];
  }
}

TEST_P(SagaVerbs, ChangeNothingWhenInterruptedAtTheQuestion) {
  const Instance instance = put("o-1", "paid", 3h, 3h, true);
  put("o-2", "paid");
  const std::vector<std::vector<std::string>> verbs{
      {"delete", "--correlation", "o-1"},
      {"complete", "--correlation", "o-2"},
      {"purge", "--completed-before", to_iso8601(system_clock()->now() - 1h)}};
  for (const auto& words : verbs) {
    std::vector<std::string> line{"saga", words[0], "Orders", "--store", uri()};
    line.insert(line.end(), words.begin() + 1, words.end());
    OnTerminal running(line);
    running.wait_for("? Type ");
    running.wait_for(": ");
    running.interrupt();
    const Ran ran = running.wait();
    EXPECT_EQ(ran.exit, 130) << words[0];
    EXPECT_THAT(ran.out, HasSubstr("sagabus: interrupted: nothing was changed")) << words[0];
  }
  EXPECT_EQ(*stored("o-1"), instance);
  EXPECT_FALSE(stored("o-2")->completed);
}

TEST_P(SagaVerbs, SayForProgramsWhatTheyDid) {
  const Instance timed = put_with_timeout("o-1");
  const auto did = [&](const std::string& verb, std::vector<std::string> words) {
    words.insert(words.end(), {"--correlation", "o-1", "--json"});
    const Ran ran = run(verb, words);
    EXPECT_EQ(ran.exit, 0) << ran.err;
    return ran.out;
  };
  const auto line = [&](int version, const std::string& outcome, const std::string& more) {
    return fmt::format(
        R"({{"sagaName":"Orders","sagaId":"{}","correlationId":"o-1","version":{},"outcome":"{}",{}}})"
        "\n",
        timed.saga_id, version, outcome, more);
  };
  EXPECT_EQ(did("complete", {"--dry-run"}),
            line(1, "would be completed", R"("timeoutsCleared":1)"));
  EXPECT_EQ(did("complete", {"--yes"}), line(2, "completed", R"("timeoutsCleared":1)"));
  EXPECT_EQ(did("complete", {"--yes"}), line(2, "was completed", R"("timeoutsCleared":0)"));
  EXPECT_EQ(did("delete", {"--dry-run"}), line(2, "would be removed", R"("unsettledSteps":0)"));
  EXPECT_EQ(did("delete", {"--yes"}), line(2, "removed", R"("unsettledSteps":0)"));
  EXPECT_FALSE(stored("o-1"));
}

TEST_P(SagaVerbs, CutAndColourOnATerminal) {
  put("o-1", std::string(100, 'x'));
  OnTerminal coloured({"saga", "list", "Orders", "--store", uri()});
  const std::string out = coloured.wait().out;
  EXPECT_THAT(out, HasSubstr("\x1b[32mrunning\x1b[0m"));
  EXPECT_THAT(out, HasSubstr("xxx\u2026\r\n"));
  RunOptions plain;
  plain.environment["NO_COLOR"] = "1";
  OnTerminal uncoloured({"saga", "list", "Orders", "--store", uri()}, plain);
  const std::string line = uncoloured.wait().out;
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  EXPECT_EQ(line.find("\r\n"),
            std::string("CORRELATION ID  STATUS   VERSION  AGE  IDLE  STATE").size());
}

TEST_P(SagaVerbs, SayInOneLineWhichInstanceIsNotThere) {
  for (const char* verb : {"show", "edit", "complete", "delete"}) {
    for (const char* by : {"--id", "--correlation"}) {
      std::vector<std::string> words{by, "nobody"};
      const bool asks = std::string(verb) == "complete" || std::string(verb) == "delete";
      if (asks) words.emplace_back("--yes");
      const Ran ran = run(verb, words);
      EXPECT_EQ(ran.exit, 3) << verb;
      EXPECT_EQ(ran.out, "") << verb;
      EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
      EXPECT_THAT(ran.err, HasSubstr("nobody"));
    }
  }
}

}  // namespace
}  // namespace sagabus::test
