// sagabus saga edit, with instances in a file and in a table.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "saga_fixture.hpp"
#include "spoiling_proxy.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What an editor does, as a shell script that gets the file's path, and the command's outcome.
class Editing {
 public:
  explicit Editing(const std::string& script) {
    const std::string path = folder_.file("editor");
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    options_.environment["VISUAL"] = path + " --wait 'two words'";
    options_.environment["TMPDIR"] = folder_.path().string();
  }
  const RunOptions& options() const { return options_; }
  // What is in the file that the error names; empty where none is named, and none must be left.
  std::string kept(const std::string& error) const {
    const std::string path = kept_path(error);
    EXPECT_EQ(path.empty(), left_nothing());
    if (path.empty()) return {};
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(path).permissions(), perms::owner_read | perms::owner_write);
    return text_of(path);
  }
  static std::string kept_path(const std::string& error) {
    constexpr std::string_view kBefore = "; what you wrote is kept: go on with --from ";
    const std::size_t at = error.find(kBefore);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + kBefore.size();
    return error.substr(begin, error.find_first_of("\r\n", begin) - begin);
  }
  // Of the command's own files.
  bool left_nothing() const {
    const auto begin = std::filesystem::directory_iterator(folder_.path());
    return std::none_of(begin, {}, [](const auto& file) {
      return file.path().filename().string().starts_with("sagabus-edit");
    });
  }
  std::string file(const std::string& name) const { return folder_.file(name); }

 private:
  TempDirectory folder_;
  RunOptions options_;
};

TEST_P(SagaVerbs, EditTheState) {
  const Instance before = put_with_timeout("o-1");
  const std::vector<std::string> words{"saga", "edit",          "Orders", "--store",
                                       uri(),  "--correlation", "o-1"};
  const Editing same("touch $3");
  EXPECT_EQ(run_sagabus(words, same.options()).out, "Orders o-1 is left as it was, version 1\n");
  const Editing spaces("echo '{ \"status\" :\"paid\"}' > $3");
  EXPECT_EQ(run_sagabus(words, spaces.options()).out, "Orders o-1 is left as it was, version 1\n");
  EXPECT_EQ(*stored("o-1"), before);

  const Editing paid(
      "stat -c '%a' $3 $(dirname $3) > $(dirname $0)/modes; cat $3 > $(dirname $0)/was; "
      "test \"$2\" = 'two words' && sed -i s/paid/lost/ $3");
  const Ran ran = run_sagabus(words, paid.options());
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "Orders o-1 has its new state, version 2\n");
  EXPECT_TRUE(paid.left_nothing());
  EXPECT_EQ(text_of(paid.file("modes")), "600\n700\n");
  EXPECT_EQ(text_of(paid.file("was")), "{\n  \"status\": \"paid\"\n}\n");
  const auto after = stored("o-1");
  EXPECT_EQ(after->state, Value(Object{{"status", Value("lost")}}));
  EXPECT_EQ(after->bookkeeping, before.bookkeeping);
  EXPECT_EQ(timer_rows(), 1U);
}

TEST_P(SagaVerbs, EditNothingWhereTheEditorFailsOrWritesNoState) {
  const Instance before = put("o-1", "paid");
  const std::vector<std::string> words{"saga", "edit",          "Orders", "--store",
                                       uri(),  "--correlation", "o-1"};
  const auto refuses = [&](const Editing& editing, int exit, const std::string& says,
                           const std::string& kept) {
    const Ran ran = run_sagabus(words, editing.options());
    EXPECT_EQ(ran.exit, exit);
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(says));
    EXPECT_EQ(editing.kept(ran.err), kept);
  };
  refuses(Editing("exit 1"), 1, "nothing was changed", "");
  refuses(Editing("echo '{}' > $3; exit 1"), 1, "nothing was changed", "{}\n");
  refuses(Editing("rm $3"), 1, "nothing was changed", "");
  refuses(Editing("echo '{\"status\":' > $3"), 2, "nothing was changed", "{\"status\":\n");
  refuses(Editing("echo '[1]' > $3"), 2, "expected a JSON object", "[1]\n");
  const std::string twice = R"({"a":{"status":"lost","n":1,"status":"paid"}})";
  refuses(Editing("echo '" + twice + "' > $3"), 2, "member 'status' is there twice", twice + '\n');
  refuses(Editing("kill -9 $$"), 1, "nothing was changed", "");
  RunOptions nowhere;
  nowhere.environment["VISUAL"] = "/nowhere/editor";
  EXPECT_THAT(run_sagabus(words, nowhere).err, HasSubstr("set VISUAL or EDITOR"));
  nowhere.environment["VISUAL"] = "'open";
  EXPECT_EQ(run_sagabus(words, nowhere).exit, 2);
  EXPECT_EQ(*stored("o-1"), before);
}

TEST_P(SagaVerbs, EditAgainWhatWasNoStateOnATerminal) {
  put("o-1", "paid");
  const std::vector<std::string> words{"saga", "edit",          "Orders", "--store",
                                       uri(),  "--correlation", "o-1"};
  // Each run adds to what the one before left.
  const Editing twice(
      "if grep -q oops $3; then echo '{\"status\":\"lost\"}' > $3; "
      "else echo oops > $3; fi");
  OnTerminal again(words, twice.options());
  again.wait_for("give up: ");
  again.type("");
  EXPECT_EQ(again.wait().exit, 0);
  EXPECT_EQ(stored("o-1")->state, Value(Object{{"status", Value("lost")}}));
  const Editing once("echo oops > $3");
  OnTerminal no(words, once.options());
  no.wait_for("give up: ");
  no.type("n");
  const Ran given_up = no.wait();
  EXPECT_EQ(given_up.exit, 1);
  EXPECT_EQ(once.kept(given_up.out), "oops\n");
  const Editing stopped("echo oops > $3");
  OnTerminal interrupted(words, stopped.options());
  interrupted.wait_for("give up: ");
  interrupted.interrupt();
  const Ran stop = interrupted.wait();
  EXPECT_EQ(stop.exit, 130);
  EXPECT_EQ(stopped.kept(stop.out), "oops\n");
  EXPECT_EQ(stored("o-1")->version, 2U);
}

TEST_P(SagaVerbs, TakeNoDirectoryForAState) {
  put("o-1", "paid");
  const Ran ran = run("edit", {"--correlation", "o-1", "--from", "/tmp", "--dry-run"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_EQ(ran.err, "sagabus: --from: /tmp is a directory, expected a file\n");
}

// Ctrl-D; an editor that is opened once more fails.
TEST_P(SagaVerbs, GiveUpEditingAtTheEndOfTheInput) {
  put("o-1", "paid");
  const Editing once("if grep -q oops $3; then exit 1; else echo oops > $3; fi");
  OnTerminal ended({"saga", "edit", "Orders", "--store", uri(), "--correlation", "o-1"},
                   once.options());
  ended.wait_for("give up: ");
  ended.type("\x04");
  const Ran given_up = ended.wait();
  EXPECT_EQ(given_up.exit, 1);
  EXPECT_THAT(given_up.out, HasSubstr("sagabus: nothing was changed"));
  EXPECT_EQ(once.kept(given_up.out), "oops\n");
}

TEST_P(SagaVerbs, EditNothingThatWasWrittenMeanwhile) {
  put("o-1", "paid");
  const Editing waits(
      "touch $(dirname $0)/open; while test -e $(dirname $0)/open; do sleep 0.01; "
      "done; echo '{}' > $3");
  Running running({"saga", "edit", "Orders", "--store", uri(), "--correlation", "o-1"},
                  waits.options());
  while (!std::filesystem::exists(waits.file("open"))) std::this_thread::sleep_for(1ms);
  Instance faster = *stored("o-1");
  const std::uint64_t version = faster.version;
  faster.state = Value(Object{{"status", Value("shipped")}});
  sync_wait(store().update(std::move(faster), version));
  std::filesystem::remove(waits.file("open"));
  const Ran ran = running.wait();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("was read at version 1 and has version 2 by now"));
  EXPECT_EQ(stored("o-1")->state, Value(Object{{"status", Value("shipped")}}));
  EXPECT_EQ(waits.kept(ran.err), "{}\n");

  // It is looked at, and then written on the version that was seen.
  const std::string kept = Editing::kept_path(ran.err);
  const std::vector<std::string> go_on{"--correlation", "o-1", "--from", kept};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), go_on.begin(), go_on.end());
    return run("edit", more);
  };
  EXPECT_EQ(with({}).exit, 2);
  EXPECT_EQ(with({"--dry-run"}).out,
            "Orders o-1, version 2, would be changed:\n  - status: \"shipped\"\n");
  const Ran other = with({"--if-version", "1"});
  EXPECT_EQ(other.exit, 1);
  EXPECT_THAT(other.err, HasSubstr("has version 2, not 1: nothing was changed"));
  EXPECT_EQ(stored("o-1")->version, 2U);
  EXPECT_EQ(with({"--if-version", "2"}).out, "Orders o-1 has its new state, version 3\n");
  EXPECT_EQ(stored("o-1")->state, Value(Object{}));
  EXPECT_TRUE(std::filesystem::exists(kept));
}

TEST_P(SagaVerbs, EditKeepsWhatTheStoreRefuses) {
  if (!table_) GTEST_SKIP() << "nothing stands between the command and a file";
  const Instance before = put("o-1", "paid");
  const SpoilingProxy proxy(dynamodb_endpoint(), {{"UpdateItem"}});
  const std::string spoilt =
      uri().substr(0, uri().find("endpoint=")) + "endpoint=" + proxy.endpoint();
  const Editing lost("echo '{\"status\":\"lost\"}' > $3");
  const Ran ran = run_sagabus({"saga", "edit", "Orders", "--store", spoilt, "--correlation", "o-1"},
                              lost.options());
  EXPECT_EQ(ran.exit, 1);
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("AccessDenied"));
  EXPECT_EQ(lost.kept(ran.err), "{\"status\":\"lost\"}\n");
  EXPECT_EQ(*stored("o-1"), before);
}

TEST_P(SagaVerbs, EditKeepsWhatWasNotWrittenByCtrlC) {
  if (!table_) GTEST_SKIP() << "nothing stands between the command and a file";
  put("o-1", "paid");
  const SpoilingProxy proxy(dynamodb_endpoint(), {.held = {"UpdateItem"}});
  const std::string spoilt =
      uri().substr(0, uri().find("endpoint=")) + "endpoint=" + proxy.endpoint();
  const Editing lost("echo '{\"status\":\"lost\"}' > $3");
  Running running({"saga", "edit", "Orders", "--store", spoilt, "--correlation", "o-1"},
                  lost.options());
  while (!proxy.holds_one() && !running.has_ended()) std::this_thread::sleep_for(1ms);
  running.send_signal(SIGINT);
  const Ran ran = running.wait();
  EXPECT_EQ(ran.exit, 130);
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err, StartsWith("sagabus: interrupted, and perhaps written; "));
  EXPECT_EQ(lost.kept(ran.err), "{\"status\":\"lost\"}\n");
}

TEST_P(SagaVerbs, EditNothingInADryRun) {
  Instance instance = put("o-1", "paid");
  instance.state =
      Value(Object{{"status", Value("paid")},
                   {"note", Value()},
                   {"items", Value(Array{Value(Object{{"sku", Value("A-1")}, {"n", Value(1)}})})}});
  sync_wait(store().update(instance, 1));
  const Instance before = *stored("o-1");
  const Editing editing(
      R"(echo '{"total":5,"items":[{"n":1,"sku":"A-2"},7],"status":"paid"}' > $3)");
  std::vector<std::string> words{"saga", "edit",          "Orders", "--store",
                                 uri(),  "--correlation", "o-1",    "--dry-run"};
  const Ran ran = run_sagabus(words, editing.options());
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("Orders o-1, version 2, would be changed:\n"));
  EXPECT_THAT(ran.out, HasSubstr("  - note: null\n"));
  EXPECT_THAT(ran.out, HasSubstr("  ~ items.0.sku: \"A-1\" -> \"A-2\"\n"));
  EXPECT_THAT(ran.out, HasSubstr("  + items.1: 7\n"));
  EXPECT_THAT(ran.out, HasSubstr("  + total: 5\n"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 5);
  EXPECT_TRUE(editing.left_nothing());
  words.emplace_back("--json");
  const Editing lost("sed -i s/paid/lost/ $3");
  const Value said = objects(run_sagabus(words, lost.options())).at(0);
  EXPECT_EQ(*said.find("outcome"), Value("would be written"));
  EXPECT_EQ(*said.find("version"), Value(2));
  EXPECT_EQ(to_json(*said.find("changes")),
            R"([{"path":"status","before":"paid","after":"lost"}])");
  EXPECT_EQ(*stored("o-1"), before);
  words.erase(words.end() - 2);
  EXPECT_EQ(*objects(run_sagabus(words, lost.options())).at(0).find("outcome"), Value("written"));
  EXPECT_EQ(stored("o-1")->version, 3U);
}

}  // namespace
}  // namespace sagabus::test
