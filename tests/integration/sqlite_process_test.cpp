// Real processes on one file, killed at any moment.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "sqlite_support.hpp"
#include "support/child_process.hpp"

namespace sagabus::sqlite {
namespace {

using namespace std::chrono_literals;

// A worker, ended with the test. What it prints goes to a file.
class Worker {
 public:
  Worker(const std::string& output, std::vector<std::string> arguments)
      : output_(output), process_(command(std::move(arguments)), OpenFile(output).descriptor) {}

  void kill() { process_.kill(); }
  int wait() { return process_.wait(); }
  std::vector<std::string> lines() const {
    std::ifstream in(output_);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  // Until the line has been printed so many times.
  bool wait_for(const std::string& beginning, std::size_t times = 1) const {
    for (int i = 0; i < 6000; ++i) {
      std::size_t found = 0;
      for (const std::string& line : lines()) found += line.rfind(beginning, 0) == 0;
      if (found >= times) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

 private:
  struct OpenFile {
    explicit OpenFile(const std::string& path)
        : descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() { ::close(descriptor); }
    const int descriptor;
  };
  static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SAGABUS_SQLITE_WORKER);
    return arguments;
  }

  std::string output_;
  test::ChildProcess process_;
};

std::set<std::string> after(const std::vector<std::string>& lines, const std::string& word) {
  std::set<std::string> out;
  for (const std::string& line : lines) {
    if (line.rfind(word + ' ', 0) == 0) out.insert(line.substr(word.size() + 1));
  }
  return out;
}

class SqliteProcess : public ::testing::Test {
 protected:
  std::string output(const std::string& name) { return directory_.file(name + ".out"); }
  std::set<std::string> column(const std::string& sql) {
    std::istringstream in(RawDatabase(path_).run(sql));
    std::set<std::string> out;
    for (std::string line; std::getline(in, line);) out.insert(line);
    return out;
  }

  TempDirectory directory_;
  std::string path_ = directory_.file();
};

TEST_F(SqliteProcess, KillLosesNothingThatWasReportedAsDone) {
  std::mt19937 random(7);
  std::set<std::string> states;
  std::set<std::string> sent;
  for (int round = 0; round < 12; ++round) {
    const std::string name = fmt::format("w{}", round);
    Worker worker(output(name), {"write", path_, name});
    ASSERT_TRUE(worker.wait_for("state"));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60000));
    worker.kill();
    states.merge(after(worker.lines(), "state"));
    sent.merge(after(worker.lines(), "sent"));
  }
  const auto there = column("SELECT correlation_id FROM saga_instances");
  const auto queued = column("SELECT body ->> 'id' FROM messages");
  EXPECT_GT(states.size(), 12U);
  EXPECT_TRUE(std::includes(there.begin(), there.end(), states.begin(), states.end()));
  EXPECT_TRUE(std::includes(queued.begin(), queued.end(), sent.begin(), sent.end()));
  EXPECT_EQ(RawDatabase(path_).run("PRAGMA integrity_check"), "ok\n");
}

TEST_F(SqliteProcess, ClaimsOfADeadProcessComeBackAtOnce) {
  auto here = embedded(path_);
  auto& transport = *here.transport.backend();
  for (int i = 0; i < 5; ++i) sync_wait(transport.send(one(make_send("q", std::to_string(i)))));
  Worker worker(output("claim"), {"claim", path_, "5"});
  ASSERT_TRUE(worker.wait_for("claimed"));
  EXPECT_EQ(sync_wait(here.transport.depth("q")).claimed, 5U);
  std::size_t got = 0;
  bool again = false;
  const auto begin = std::chrono::steady_clock::now();
  std::thread receiver([&] {  // waits while the other lives
    const auto them = sync_wait(transport.receive("q", 10));
    got = them.size();
    again = them.front().redelivered;
  });
  EXPECT_TRUE(wait_for_receivers(here.transport, 1));
  worker.kill();
  receiver.join();
  EXPECT_EQ(got, 5U);
  EXPECT_TRUE(again);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);  // the visibility timeout is 30 s
}

TEST_F(SqliteProcess, WhoOpensTheFileReleasesTheClaimsOfTheDead) {
  {
    auto here = embedded(path_);
    sync_wait(here.transport.backend()->send(one(make_send("q", "1"))));
  }
  Worker worker(output("claim"), {"claim", path_, "1"});
  ASSERT_TRUE(worker.wait_for("claimed"));
  {
    auto here = embedded(path_);
    EXPECT_EQ(sync_wait(here.transport.depth("q")).claimed, 1U);  // it lives
  }
  worker.kill();
  auto here = embedded(path_);
  EXPECT_EQ(sync_wait(here.transport.depth("q")).ready, 1U);
  EXPECT_EQ(RawDatabase(path_).run("SELECT count(*) FROM owners"), "1\n");
}

TEST_F(SqliteProcess, TwoProcessesTakeEachMessageOnce) {
  constexpr int kAtLeast = 400;
  constexpr int kAtMost = 20'000;
  auto here = embedded(path_);
  Worker first(output("first"), {"consume", path_});
  Worker second(output("second"), {"consume", path_});
  ASSERT_TRUE(first.wait_for("open"));
  ASSERT_TRUE(second.wait_for("open"));
  // Until each has got some, however busy the machine is.
  const auto has_some = [](const Worker& worker) {
    const auto lines = worker.lines();
    return std::any_of(lines.begin(), lines.end(),
                       [](const std::string& line) { return line.rfind("got ", 0) == 0; });
  };
  int sent = 0;
  while (sent < kAtLeast || (sent < kAtMost && !(has_some(first) && has_some(second)))) {
    std::vector<SendRequest> ten;
    for (int j = 0; j < 10; ++j) ten.push_back(make_send("q", std::to_string(sent++)));
    sync_wait(here.transport.backend()->send(std::move(ten)));
  }
  for (int i = 0; i < 6000 && sync_wait(here.transport.pending("q")) > 0; ++i) {
    std::this_thread::sleep_for(5ms);
  }
  first.kill();
  second.kill();
  std::map<std::string, int> times;
  std::size_t workers = 0;
  for (const Worker* worker : {&first, &second}) {
    std::size_t mine = 0;
    for (const std::string& line : worker->lines()) {
      if (line.rfind("got ", 0) == 0) ++times[line.substr(4)], ++mine;
    }
    workers += mine > 0;
  }
  EXPECT_EQ(times.size(), static_cast<std::size_t>(sent));
  for (const auto& [id, count] : times) EXPECT_EQ(count, 1) << id;
  EXPECT_EQ(workers, 2U);
}

TEST_F(SqliteProcess, TwoProcessesWriteAtTheSameTime) {
  Worker first(output("first"), {"write", path_, "a"});
  Worker second(output("second"), {"write", path_, "b"});
  EXPECT_TRUE(first.wait_for("sent", 100));
  EXPECT_TRUE(second.wait_for("sent", 100));
}

TEST_F(SqliteProcess, AReadOnlyDirectoryOrFileIsAccessDenied) {
  ::chmod(directory_.path().c_str(), 0755);
  Worker make(output("new"), {"open", path_});
  EXPECT_NE(make.wait(), 0);
  EXPECT_EQ(make.lines(),
            std::vector<std::string>{"AccessDenied: sqlite " + path_ + ": Permission denied"});
  { sync_wait(embedded(path_).store.backend()->prepare()); }
  ::chmod(path_.c_str(), 0444);
  Worker open(output("old"), {"open", path_});
  EXPECT_NE(open.wait(), 0);
  ASSERT_EQ(open.lines().size(), 1U);
  EXPECT_EQ(open.lines()[0].rfind("AccessDenied: sqlite " + path_, 0), 0U) << open.lines()[0];
}

}  // namespace
}  // namespace sagabus::sqlite
