#include <sys/stat.h>

#include <fstream>

#include "sagabus/error.hpp"
#include "sqlite_support.hpp"

namespace sagabus::sqlite {
namespace {

using namespace std::chrono_literals;

template <class F>
std::string refusal(F make) {
  try {
    make();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SqliteOptions, AreCheckedWhereTheyAreGiven) {
  EXPECT_EQ(refusal([] { SagaStore store{{}}; }),
            "sqlite::SagaStore: path: \"\", expected the path of a file");
  EXPECT_EQ(refusal([] { SagaStore store{{.path = ":memory:"}}; }),
            "sqlite::SagaStore: path: \":memory:\", expected the path of a file");
  EXPECT_EQ(refusal([] { SagaStore store{{.path = "x", .ttl_days = 0}}; }),
            "sqlite::SagaStore: ttl_days: 0, expected more than 0 and at most 36500");
  EXPECT_EQ(refusal([] { Transport it{{.path = "x", .visibility_timeout = 0ms}}; }),
            "sqlite::Transport: visibility_timeout: 0 ms, expected 1 to 43200000 ms");
  EXPECT_EQ(refusal([] { Transport it{{.path = "x", .deduplication_window = -1ms}}; }),
            "sqlite::Transport: deduplication_window: -1 ms, expected 0 to 2592000000 ms");
  EXPECT_EQ(refusal([] { Transport it{{.path = "x", .poll_interval = 0ms}}; }),
            "sqlite::Transport: poll_interval: 0 ms, expected 1 to 60000 ms");
  EXPECT_EQ(refusal([] { embedded({.path = "x", .busy_timeout = 0ms}); }),
            "sqlite::embedded: busy_timeout: 0 ms, expected 1 to 300000 ms");
  EXPECT_EQ(refusal([] {
              Ambient ambient;
              ambient.clock = nullptr;
              embedded({.path = "x", .ambient = ambient});
            }),
            "sqlite::embedded: ambient.clock: missing");
}

class SqliteFile : public ::testing::Test {
 protected:
  void prepare() {
    SagaStore store{{.path = path_}};
    sync_wait(store.backend()->prepare());
  }
  template <class E>
  std::string error() {
    try {
      prepare();
    } catch (const E& it) {
      return it.what();
    }
    return "opened";
  }

  TempDirectory directory_;
  std::string path_ = directory_.file();
};

TEST_F(SqliteFile, IsPrivate) {
  auto here = embedded(path_);
  sync_wait(here.store.backend()->prepare());
  for (const char* suffix : {"", "-wal", "-shm", "-owners"}) {
    struct stat it {};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &it), 0) << suffix;
    EXPECT_EQ(it.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(SqliteFile, IsNotTouchedByTheConstructor) {
  const SagaStore store{{.path = path_}};
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(store.backend()->describe(), "sqlite://" + path_);
}

TEST_F(SqliteFile, OfAnotherKindIsRefused) {
  std::ofstream(path_) << std::string(10000, 'x');
  EXPECT_EQ(error<ValidationError>(), "sqlite " + path_ + ": not an SQLite database");
}

TEST_F(SqliteFile, OfAnotherProgramIsRefusedAndLeftAlone) {
  RawDatabase(path_).run("CREATE TABLE theirs (x)");
  EXPECT_EQ(error<ValidationError>(),
            "sqlite " + path_ + ": the database of another program, not of sagabus");
  EXPECT_EQ(RawDatabase(path_).run("SELECT name FROM sqlite_master; PRAGMA journal_mode"),
            "theirs\ndelete\n");
}

TEST_F(SqliteFile, OfANewerVersionIsRefused) {
  prepare();
  RawDatabase(path_).run("PRAGMA user_version = 4");
  EXPECT_EQ(error<ValidationError>(),
            "sqlite " + path_ + ": schema version 4, this program knows version 3");
}

TEST_F(SqliteFile, InNoDirectoryIsRefused) {
  path_ = directory_.file("none/test.db");
  EXPECT_EQ(error<NotFound>(), "sqlite " + path_ + ": No such file or directory");
}

TEST_F(SqliteFile, AfterAFailureTheNextOperationTriesAgain) {
  path_ = directory_.file("later/test.db");
  SagaStore store{{.path = path_}};
  EXPECT_THROW(sync_wait(store.backend()->prepare()), NotFound);
  std::filesystem::create_directory(directory_.path() / "later");
  sync_wait(store.backend()->prepare());
}

TEST_F(SqliteFile, ThatIsHeldByAnotherIsATransientError) {
  SagaStore store{{.path = path_, .busy_timeout = 50ms}};
  sync_wait(store.backend()->prepare());
  RawDatabase other(path_);
  other.run("BEGIN IMMEDIATE");
  EXPECT_THROW(sync_wait(store.backend()->commit(make_commit(make_instance("a")))), TransientError);
  EXPECT_EQ(sync_wait(store.backend()->load(make_key("a"))), nullptr);  // reads do not wait
  other.run("COMMIT");
  EXPECT_TRUE(sync_wait(store.backend()->commit(make_commit(make_instance("a")))).committed);
}

}  // namespace
}  // namespace sagabus::sqlite
