// sagabus saga export, import and purge.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "saga_fixture.hpp"
#include "spoiling_proxy.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

std::vector<Instance> some(int begin, int end, std::size_t bytes) {
  std::vector<Instance> out;
  for (int i = begin; i < end; ++i) {
    Instance instance;
    instance.saga_name = "Orders";
    instance.correlation_id = fmt::format("o-{}", i);
    instance.saga_id = derive_saga_id("Orders", instance.correlation_id);
    instance.version = 1;
    instance.state = Value(Object{{"text", Value(std::string(bytes, 'x'))}});
    instance.created_at = instance.updated_at = system_clock()->now();
    out.push_back(std::move(instance));
  }
  return out;
}

// A few at a time: what this process holds counts as its children's.
void put_many(const SagaStore& store, int count, std::size_t bytes) {
  for (int i = 0; i < count; i += 500) {
    sync_wait(import_instances(store, some(i, std::min(i + 500, count), bytes), {}));
  }
}

class SagaMoves : public SagaVerbs {
 protected:
  std::string output() const { return folder_.file("orders.ndjson"); }

  Ran write(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"--output", output()};
    words.insert(words.end(), more.begin(), more.end());
    return run("export", words);
  }
  Ran read(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"saga", "import", output(), "--store", uri()};
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::ifstream in(output());
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  const TempDirectory folder_;
};

INSTANTIATE_TEST_SUITE_P(On, SagaMoves, ::testing::Values(Place::in_a_file, Place::in_a_table),
                         place_name);

// As it was, each with another thing that could be lost.
TEST_P(SagaMoves, GiveEveryInstanceBack) {
  put("done", "paid", 3h, 1h, true);
  put_with_timeout("timed");
  insert_left_over(store(), "sent", 1h, 3);
  insert_left_over(store(), "settled", 1h, 2);
  sync_wait(store().backend()->save_watermark("w1", write_watermark({2, {}})));
  Instance chosen = put("chosen", "paid");
  sync_wait(store().erase("Orders", chosen.saga_id));
  chosen.saga_id = "an-id-of-its-own";
  chosen.state = Value(Object{{"key", Value(Bytes{std::byte{7}})}});
  sync_wait(store().insert(chosen));
  Instance newer = *stored("timed");
  const std::uint64_t version = newer.version;
  sync_wait(store().update(std::move(newer), version));
  std::vector<Instance> before;
  for (const char* order : {"done", "timed", "sent", "settled", "chosen"})
    before.push_back(*stored(order));

  const Ran written = write();
  EXPECT_EQ(written.exit, 0) << written.err;
  EXPECT_EQ(written.out, "5 instances of Orders are in " + output() + "\n");
  EXPECT_THAT(lines(), SizeIs(5));
  EXPECT_EQ(std::filesystem::status(output()).permissions(), std::filesystem::perms(0600));
  EXPECT_FALSE(std::filesystem::exists(output() + ".resume"));

  EXPECT_THAT(read().out, StartsWith("put: 0\nreplaced: 0\nskipped, there already: 5\n"));
  EXPECT_EQ(
      run_sagabus({"timer", "cancel", "--yes", "--store", uri(), "--", "token-of-timed"}).exit, 0);
  for (const Instance& instance : before) {
    sync_wait(store().erase("Orders", instance.saga_id));
  }
  EXPECT_THAT(read({"--dry-run"}).out, StartsWith("would be put: 5\n"));
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_THAT(read().out, StartsWith("put: 5\n"));
  before[3].bookkeeping.outbox.clear();  // another store could not know that it is settled
  for (const Instance& instance : before) {
    Instance now = *stored(instance.correlation_id);
    EXPECT_NE(now.bookkeeping.birth, instance.bookkeeping.birth);
    now.bookkeeping.birth = instance.bookkeeping.birth;
    EXPECT_EQ(now, instance);
  }
  EXPECT_EQ(timer_rows(), 1U);
}

TEST_P(SagaMoves, ReplaceOnlyWhereItIsAskedFor) {
  const Instance before = put("o-1", "paid");
  ASSERT_EQ(write().exit, 0);
  Instance newer = before;
  newer.state = Value(Object{{"status", Value("lost")}});
  sync_wait(store().update(std::move(newer), 1));
  const Ran kept = read();
  EXPECT_EQ(kept.exit, 4);
  EXPECT_EQ(kept.out,
            "put: 0\nreplaced: 0\nskipped, there already: 0\n"
            "skipped, another one is there: 1 (see --replace)\n"
            "skipped, its correlation id is taken: 0\nfailed: 0\n");
  EXPECT_EQ(kept.err, "");
  EXPECT_EQ(stored("o-1")->version, 2U);
  EXPECT_THAT(read({"--replace", "--dry-run"}).out, HasSubstr("would be replaced: 1\n"));
  EXPECT_EQ(stored("o-1")->version, 2U);
  const Ran unsure = read({"--replace"});
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_THAT(unsure.err, HasSubstr("--yes"));
  EXPECT_EQ(stored("o-1")->version, 2U);
  EXPECT_THAT(read({"--replace", "--yes"}).out, HasSubstr("replaced: 1\n"));
  EXPECT_EQ(stored("o-1")->state, before.state);
  EXPECT_EQ(stored("o-1")->version, 3U);
  const Ran same = read({"--replace", "--yes"});
  EXPECT_THAT(same.out, HasSubstr("there already: 1\n"));
  EXPECT_EQ(same.exit, 0);
}

TEST_P(SagaMoves, SayForProgramsWhatBecameOfAll) {
  put("new", "paid", 3h, 3h, true);
  Instance other = put("taken", "paid");
  ASSERT_EQ(write().exit, 0);
  sync_wait(store().erase("Orders", other.saga_id));
  other.saga_id = "an-id-of-its-own";
  sync_wait(store().insert(other));
  sync_wait(store().erase("Orders", stored("new")->saga_id));
  const Ran dry = read({"--json", "--dry-run"});
  EXPECT_EQ(dry.exit, 4);
  EXPECT_EQ(
      dry.out,
      R"({"put":1,"replaced":0,"same":0,"kept":0,"taken":1,"failed":0,"dryRun":true,"interrupted":false})"
      "\n");
  const Ran ran = read({"--json"});
  EXPECT_EQ(ran.exit, 4);
  EXPECT_EQ(
      ran.out,
      R"({"put":1,"replaced":0,"same":0,"kept":0,"taken":1,"failed":0,"dryRun":false,"interrupted":false})"
      "\n");
  EXPECT_THAT(read({"--replace", "--yes"}).out, HasSubstr("its correlation id is taken: 1\n"));
  const std::vector<std::string> what{"--completed-before", to_iso8601(system_clock()->now() - 1h),
                                      "--yes", "--json"};
  EXPECT_EQ(run("purge", what).out,
            R"({"sagaName":"Orders","removed":1,"writtenMeanwhile":0,"unsettled":0,"dryRun":false})"
            "\n");
}

// Another program of the schema may begin at version 0.
TEST_P(SagaMoves, GiveBackVersionZero) {
  std::vector<Instance> all = some(0, 1, 10);
  all[0].version = 0;
  std::ofstream(output()) << write_instance(all[0], InstanceText::whole) << '\n';
  EXPECT_EQ(read().exit, 0);
  EXPECT_EQ(stored("o-0")->version, 0U);
  std::filesystem::remove(output());
  ASSERT_EQ(write().exit, 0);
  EXPECT_EQ(read_instance(lines().at(0)).version, 0U);
  EXPECT_THAT(read().out, HasSubstr("there already: 1\n"));
}

// One step more would make a version that no import reads.
TEST_P(SagaMoves, RefuseTheLastVersion) {
  std::vector<Instance> all = some(0, 3, 10);
  all[1].version = std::numeric_limits<std::int64_t>::max();
  std::ofstream out(output());
  for (const Instance& instance : all) out << write_instance(instance, InstanceText::whole) << '\n';
  out.close();
  const Ran ran = read();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.out, StartsWith("put: 2\n"));
  EXPECT_THAT(ran.err, HasSubstr(", line 2: was not put: "));
  EXPECT_THAT(ran.err, HasSubstr("version 9223372036854775807: no version comes after it\n"));
  EXPECT_THAT(listed(), UnorderedElementsAre("o-0", "o-2"));
}

TEST_P(SagaMoves, PutAllButWhatTheStoreRefuses) {
  if (!table_) GTEST_SKIP() << "a file takes what a line may hold";
  std::vector<Instance> all = some(0, 600, 10);
  all[3] = some(3, 4, 500'000)[0];
  all[599] = some(599, 600, 500'000)[0];
  std::ofstream out(output());
  for (const Instance& instance : all) out << write_instance(instance, InstanceText::whole) << '\n';
  out.close();
  const Ran ran = read();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.out, StartsWith("put: 598\n"));
  EXPECT_THAT(ran.out, HasSubstr("failed: 2\n"));
  EXPECT_THAT(ran.err, StartsWith("sagabus: " + output() + ", line 4: was not put: "));
  EXPECT_THAT(ran.err, HasSubstr("\nsagabus: " + output() + ", line 600: was not put: "));
  EXPECT_THAT(ran.err, EndsWith("\nsagabus: 2 instances were not put\n"));
  EXPECT_THAT(listed(), SizeIs(598));
}

TEST_P(SagaMoves, SayWhatWasPutWhereTheStoreFails) {
  if (!table_) GTEST_SKIP() << "nothing stands between the command and a file";
  std::ofstream out(output());
  for (const Instance& instance : some(0, 10, 10)) {
    out << write_instance(instance, InstanceText::whole) << '\n';
  }
  out.close();
  const SpoilingProxy proxy(dynamodb_endpoint(), {{"PutItem"}});
  const std::string spoilt =
      uri().substr(0, uri().find("endpoint=")) + "endpoint=" + proxy.endpoint();
  const Ran ran = run_sagabus({"saga", "import", output(), "--store", spoilt});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.out, StartsWith("put: at least 0\n"));
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err,
              HasSubstr("; not all is put from line 1 on: run it again, with --from-line 1"));
  EXPECT_THAT(read().out, StartsWith("put: 10\n"));
}

TEST_P(SagaMoves, GoOnWithAnImportThatWasInterrupted) {
  if (!table_) GTEST_SKIP() << "nothing stands between the command and a file";
  put("o-1", "paid");
  ASSERT_EQ(write().exit, 0);
  sync_wait(store().erase("Orders", stored("o-1")->saga_id));
  const SpoilingProxy proxy(dynamodb_endpoint(), {.held = {"PutItem"}});
  const std::string spoilt =
      uri().substr(0, uri().find("endpoint=")) + "endpoint=" + proxy.endpoint();
  Running running({"saga", "import", output(), "--json", "--store", spoilt});
  while (!proxy.holds_one() && !running.has_ended()) std::this_thread::sleep_for(1ms);
  running.send_signal(SIGINT);
  const Ran ran = running.wait();
  EXPECT_EQ(ran.exit, 130);
  EXPECT_EQ(ran.out,
            R"({"put":0,"replaced":0,"same":0,"kept":0,"taken":0,"failed":0,"dryRun":false,)"
            R"("interrupted":true})"
            "\n");
  EXPECT_EQ(ran.err,
            "sagabus: interrupted; not all is put from line 1 on: run it again, with "
            "--from-line 1\n");
  EXPECT_THAT(read().out, StartsWith("put: 1\n"));
}

TEST_P(SagaMoves, GoOnFromALine) {
  std::ofstream out(output());
  for (const Instance& instance : some(0, 3, 10)) {
    out << write_instance(instance, InstanceText::whole) << '\n';
  }
  out.close();
  EXPECT_THAT(read({"--from-line", "3"}).out, StartsWith("put: 1\n"));
  EXPECT_THAT(listed(), UnorderedElementsAre("o-2"));
  const Ran behind = read({"--from-line", "4"});
  EXPECT_EQ(behind.exit, 2);
  EXPECT_THAT(behind.err, HasSubstr("--from-line: " + output() + " has only 3 lines"));
  EXPECT_THAT(read({"--from-line", "0"}).err, HasSubstr("--from-line: '0'"));
  EXPECT_THAT(read({"--from-line", "1"}).out, StartsWith("put: 2\n"));
}

// The file that a process has open under that path, as fdinfo tells of it: how far it has been
// read.
std::optional<std::uint64_t> offset_in(pid_t pid, const std::string& path) {
  const std::string process = "/proc/" + std::to_string(pid);
  std::error_code gone;
  for (std::filesystem::directory_iterator it(process + "/fd", gone), end; !gone && it != end;
       it.increment(gone)) {
    if (std::filesystem::read_symlink(it->path(), gone) != path) continue;
    std::ifstream info(process + "/fdinfo/" + it->path().filename().string());
    std::string word;
    std::uint64_t offset = 0;
    if (info >> word >> offset) return offset;
  }
  return std::nullopt;
}

// The whole file is checked before anything is put. Its last line is bad, and is not come to.
TEST_P(SagaMoves, HearOfCtrlCWhileTheFileIsChecked) {
  const std::string line = write_instance(some(0, 1, 10'000)[0], InstanceText::whole) + '\n';
  constexpr int kLines = 6000;
  std::ofstream out(output());
  for (int i = 0; i < kLines; ++i) out << line;
  out << "bad";
  out.close();
  const std::string path = std::filesystem::canonical(output());
  for (;;) {
    Running running({"saga", "import", output(), "--store", uri()});
    while (!running.has_ended() && !offset_in(running.pid(), path)) {
    }
    running.send_signal(SIGSTOP);
    const auto offset = offset_in(running.pid(), path);
    const bool in_the_middle = offset && *offset < line.size() * kLines / 2;
    running.send_signal(SIGINT);
    running.send_signal(SIGCONT);
    const Ran ran = running.wait();
    if (!in_the_middle) continue;  // it was faster
    EXPECT_EQ(ran.exit, 130);
    EXPECT_EQ(ran.err, "sagabus: interrupted\n");
    break;
  }
  EXPECT_THAT(listed(), IsEmpty());
}

TEST_P(SagaMoves, LeaveNothingOfAnExportThatFailedAtOnce) {
  if (!table_) GTEST_SKIP() << "nothing stands between the command and a file";
  put("o-1", "paid");
  const SpoilingProxy proxy(dynamodb_endpoint(), {{"Query"}});
  const std::string spoilt =
      uri().substr(0, uri().find("endpoint=")) + "index=none&endpoint=" + proxy.endpoint();
  for (const bool resume : {false, false, true}) {
    std::vector<std::string> words{"saga", "export",   "Orders", "--store",
                                   spoilt, "--output", output()};
    if (resume) words.emplace_back("--resume");
    const Ran failed = run_sagabus(words);
    EXPECT_EQ(failed.exit, 1);
    EXPECT_THAT(failed.err, HasSubstr("AccessDenied"));
    EXPECT_FALSE(std::filesystem::exists(output()));
    EXPECT_FALSE(std::filesystem::exists(output() + ".resume"));
  }
  EXPECT_EQ(write().out, "1 instance of Orders is in " + output() + "\n");
}

// Killed whenever it has saved something, it loses no line and writes none twice.
TEST_P(SagaMoves, GoOnAfterAnyEnd) {
  const int all = table_ ? 4000 : 10'000;
  put_many(store(), all, 50);
  const std::string mark = output() + ".resume";
  std::vector<std::string> words{"saga", "export",   "Orders", "--store",
                                 uri(),  "--output", output(), "--resume"};
  int kills = 0;
  int in_the_middle = 0;
  for (std::string seen; kills < 6;) {
    Running running(words);
    while (!running.has_ended() && (text_of(mark) == seen || text_of(mark).empty())) {
      std::this_thread::sleep_for(100us);
    }
    if (running.has_ended()) break;
    running.send_signal(SIGKILL);
    if (running.wait().exit == 0) break;  // it was faster
    ++kills;
    seen = text_of(mark);
    if (seen.find("\"count\":0,") == std::string::npos) ++in_the_middle;
    std::ofstream(output(), std::ios::app) << "{\"sagaName\":\"Ord";  // as a torn write leaves it
  }
  EXPECT_GE(in_the_middle, 1);
  const Ran ran = run_sagabus(words);
  EXPECT_EQ(ran.exit, 0) << ran.err;
  std::set<std::string> ids;
  for (const std::string& line : lines()) {
    ids.insert(read_instance(line).saga_id);
  }
  EXPECT_THAT(lines(), SizeIs(static_cast<std::size_t>(all)));
  EXPECT_THAT(ids, SizeIs(static_cast<std::size_t>(all)));
  EXPECT_FALSE(std::filesystem::exists(mark));
  EXPECT_EQ(run_sagabus(words).out, output() + " is complete\n");
}

TEST_P(SagaMoves, SayThatThereIsNone) {
  for (const char* line : {"0 instances of Orders are in ", " is complete\n"}) {
    const Ran none = write({"--resume"});
    EXPECT_EQ(none.exit, 0);
    EXPECT_THAT(none.out, HasSubstr(line));
    EXPECT_TRUE(is_one_line(none.err)) << none.err;
    EXPECT_THAT(none.err, StartsWith("sagabus: there is no instance of Orders in "));
  }
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_P(SagaMoves, SayForProgramsWhatIsInTheFile) {
  put("o-1", "paid");
  for (const char* complete : {"false", "true"}) {
    EXPECT_EQ(write({"--json", "--resume"}).out,
              fmt::format(R"({{"sagaName":"Orders","file":"{}","instances":1,"leftOut":0,)"
                          R"("wasComplete":{}}})"
                          "\n",
                          output(), complete));
  }
}

// By a name that was mistyped, or after another export: that is no backup.
TEST_P(SagaMoves, GoOnWithNoFileButTheirOwn) {
  put("o-1", "paid");
  std::ofstream(output()) << "something else\n";
  const Ran other = write({"--resume"});
  EXPECT_EQ(other.exit, 2);
  EXPECT_THAT(other.err, HasSubstr("is no export that --resume can go on with"));
  EXPECT_EQ(text_of(output()), "something else\n");
  std::filesystem::remove(output());
  ASSERT_EQ(write().exit, 0);
  EXPECT_EQ(write({"--resume"}).out, output() + " is complete\n");
  const Ran another_saga =
      run_sagabus({"saga", "export", "Others", "--store", uri(), "--output", output(), "--resume"});
  EXPECT_EQ(another_saga.exit, 2);
  EXPECT_THAT(another_saga.err, HasSubstr("is an export of Orders in "));
  std::ofstream(output(), std::ios::app) << "more\n";
  EXPECT_EQ(write({"--resume"}).exit, 2);
}

TEST_P(SagaMoves, ReadNothingOfAnExportThatIsNotComplete) {
  put("o-1", "paid");
  ASSERT_EQ(write().exit, 0);
  std::ofstream(output() + ".resume") << "{}";
  const Ran ran = read();
  EXPECT_EQ(ran.exit, 2);
  EXPECT_THAT(ran.err, HasSubstr("is not complete"));
  EXPECT_EQ(ran.out, "");
}

TEST_P(SagaMoves, WriteOverNoOtherFile) {
  put("o-1", "paid");
  ASSERT_EQ(write().exit, 0);
  const Ran again = write();
  EXPECT_EQ(again.exit, 2);
  EXPECT_TRUE(is_one_line(again.err)) << again.err;
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  EXPECT_THAT(lines(), SizeIs(1));
  const std::string mark = output() + ".resume";
  std::ofstream(mark)
      << R"({"f":1,"source":"Others in x","continuation":"","offset":0,"count":0,"leftOut":0})";
  EXPECT_THAT(write({"--resume"}).err, HasSubstr("is an export of Others in x, not of Orders in"));
  EXPECT_THAT(write().err, HasSubstr("was interrupted: --resume"));
  std::ofstream(mark) << "{";
  EXPECT_THAT(write({"--resume"}).err, HasSubstr("cannot be read"));
  EXPECT_THAT(lines(), SizeIs(1));
  EXPECT_EQ(run("export", {"--output", "/nowhere/at/all"}).exit, 1);
}

// More lines are good than are put at once.
TEST_P(SagaMoves, ReadNothingOfAFileThatHasABadLine) {
  std::string good;
  for (const Instance& instance : some(0, 600, 10)) {
    good += write_instance(instance, InstanceText::whole) + '\n';
  }
  const std::vector<std::pair<std::string, std::string>> bad{
      {"{", "line 601"},
      {"{}", "line 601: an instance: sagaName is missing"},
      {R"({"sagaName":"$table"})", "line 601: an instance: sagaName: a leading $ is reserved"},
      {"\n", "line 601"},
      {good.substr(0, 100), "line 601"}};
  for (const auto& [line, says] : bad) {
    std::ofstream(output()) << good << line;
    const Ran ran = read();
    EXPECT_EQ(ran.exit, 2) << line;
    EXPECT_EQ(ran.out, "") << line;
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(says));
    EXPECT_THAT(ran.err, HasSubstr("nothing was put"));
  }
  EXPECT_THAT(listed(), IsEmpty());
  std::ofstream(output()) << good.substr(0, good.size() - 1);  // without a line break
  EXPECT_THAT(read().out, StartsWith("put: 600\n"));
}

TEST_P(SagaMoves, PurgeCompletedOnes) {
  put("running", "paid", 3h, 3h);
  put("new", "paid", 3h, 0h, true);
  put("old", "paid", 3h, 3h, true);
  Instance left = insert_left_over(store(), "left", 3h, 3);
  left.completed = true;
  sync_wait(store().erase("Orders", left.saga_id));
  left.created_at = left.updated_at = system_clock()->now() - 3h;
  left.version = 0;
  sync_wait(store().insert(left));
  const std::string before = to_iso8601(system_clock()->now() - 1h);
  const std::vector<std::string> what{"--completed-before", before};
  const Ran future =
      run("purge", {"--completed-before", to_iso8601(system_clock()->now() + 1h), "--yes"});
  EXPECT_EQ(future.exit, 2);
  EXPECT_TRUE(is_one_line(future.err)) << future.err;
  EXPECT_THAT(future.err, HasSubstr("is in the future"));
  EXPECT_EQ(run("purge", what).exit, 2);
  EXPECT_EQ(run("purge", {"--completed-before", before, "--dry-run"}).out,
            "1 instance would be removed\n1 of them has messages that are not known to have left: "
            "left, see `sagabus outbox` and --force\n");
  EXPECT_EQ(run("purge", {"--completed-before", "2020-01-01", "--yes"}).out,
            "0 instances are removed\n");
  EXPECT_THAT(listed(), SizeIs(4));
  EXPECT_THAT(run("purge", {"--completed-before", before, "--yes"}).out,
              StartsWith("1 instance is removed\n"));
  EXPECT_THAT(listed(), UnorderedElementsAre("running", "new", "left"));
  OnTerminal no(
      {"saga", "purge", "Orders", "--store", uri(), "--completed-before", before, "--force"});
  no.wait_for("? Type the saga's name: ");
  no.type("n");
  EXPECT_EQ(no.wait().exit, 1);
  EXPECT_THAT(listed(), SizeIs(3));
  OnTerminal yes(
      {"saga", "purge", "Orders", "--store", uri(), "--completed-before", before, "--force"});
  yes.wait_for("? Type the saga's name: ");
  yes.type("Orders");
  EXPECT_EQ(yes.wait().exit, 0);
  EXPECT_THAT(listed(), UnorderedElementsAre("running", "new"));
}

// A second listing could find what came since the first.
TEST_P(SagaMoves, PurgeNothingThatNobodyWasAskedAbout) {
  if (!table_) GTEST_SKIP() << "nothing stands between the command and a file";
  const SpoilingProxy counts(dynamodb_endpoint(), {});
  const std::string watched =
      uri().substr(0, uri().find("endpoint=")) + "endpoint=" + counts.endpoint();
  std::vector<std::string> words{
      "saga", "purge", "Orders", "--store", watched, "--completed-before", "2020-01-01"};
  OnTerminal asking(words);
  const Ran ran = asking.wait();
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.out, HasSubstr("0 instances are removed"));
  const unsigned once = counts.requests();
  words.emplace_back("--dry-run");
  EXPECT_EQ(run_sagabus(words).exit, 0);
  EXPECT_EQ(counts.requests(), 2 * once);
}

// Runs it to its good end.
long peak_of(const std::vector<std::string>& words) {
  Running running(words);
  long peak = 0;
  while (!running.has_ended()) {
    peak = std::max(peak, running.peak_kb());
    std::this_thread::sleep_for(1ms);
  }
  const Ran ran = running.wait();
  EXPECT_EQ(ran.exit, 0) << ran.err;
  return peak;
}

struct Peaks {
  long of_export = 0;
  long of_import = 0;
};

Peaks peaks_of(int count) {
  const SqliteFile from;
  const SqliteFile to;
  put_many(from.store(), count, 8000);
  const TempDirectory folder;
  const std::string file = folder.file("orders.ndjson");
  Peaks peaks;
  peaks.of_export = peak_of({"saga", "export", "Orders", "--store", from.uri(), "--output", file});
  peaks.of_import = peak_of({"saga", "import", file, "--store", to.uri()});
  EXPECT_EQ(sync_wait(to.store().count_by_name("Orders")), static_cast<std::uint64_t>(count));
  return peaks;
}

// Ten times as many instances, 43 MB, take about the same memory.
TEST(SagaMovesMemory, IsBounded) {
  const Peaks few = peaks_of(2000);
  const Peaks many = peaks_of(10'000);
  EXPECT_GT(few.of_export, 1000);
  EXPECT_LT(many.of_export, few.of_export + 15'000);
  EXPECT_LT(many.of_import, few.of_import + 15'000);
}

}  // namespace
}  // namespace sagabus::test
