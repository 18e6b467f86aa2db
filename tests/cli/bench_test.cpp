#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "report.hpp"
#include "run_sagabus.hpp"

namespace sagabus::test {
namespace {

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sagabus-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string store(const std::string& file) const { return "sqlite://" + (path_ / file).string(); }
  bool holds(const std::string& file) const { return std::filesystem::exists(path_ / file); }

 private:
  std::filesystem::path path_;
};

TEST(Bench, ReportsEachFieldOnMemory) {
  const Value report =
      bench_report({"bench", "--store", "memory:", "--sagas", "50", "--concurrency", "4"}, 50);
  EXPECT_EQ(*report.find("requests"), Value(Object{}));
  EXPECT_EQ(*report.find("read_units"), Value(0.0));
  EXPECT_EQ(*report.find("write_units"), Value(0.0));
  EXPECT_EQ(*report.find("by_message"), Value(Object{}));
}

TEST(Bench, RunsOneOrder) {
  bench_report({"bench", "--store", "memory:", "--sagas", "1", "--concurrency", "1"}, 1);
}

TEST(Bench, RunsOnSeveralThreads) {
  bench_report({"bench", "--store", "memory:", "--sagas", "2000", "--threads", "4"}, 2000);
}

TEST(Bench, RunsAgainOnTheSameFile) {
  const Folder folder;
  const std::vector<std::string> words{
      "bench", "--store", folder.store("a b.db"), "--sagas", "40", "--concurrency", "8"};
  std::vector<std::string> escaped = words;
  escaped[2] = folder.store("a%20b.db");
  bench_report(escaped, 40);
  bench_report(escaped, 40);
  EXPECT_TRUE(folder.holds("a b.db"));
}

TEST(Bench, AlignsItsLinesForPeople) {
  const Ran ran = run_sagabus({"bench", "--store", "memory:", "--sagas", "3"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_THAT(ran.out, ::testing::HasSubstr("\nsagas_completed      3\n"));
  EXPECT_THAT(ran.out, ::testing::HasSubstr("\nrequests             none\n"));
  EXPECT_THAT(ran.out, ::testing::HasSubstr("\nerrors               0\n"));
}

TEST(Bench, EndsCleanlyWhenInterrupted) {
  const Folder folder;
  Running running({"bench", "--store", folder.store("x.db"), "--sagas", "10000000"});
  while (!folder.holds("x.db")) {  // from then on it is at work
    ASSERT_FALSE(running.has_ended()) << running.wait().err;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  running.send_signal(SIGINT);
  const Ran ran = running.wait();
  EXPECT_EQ(ran.exit, 130);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "sagabus: interrupted\n");
}

}  // namespace
}  // namespace sagabus::test
