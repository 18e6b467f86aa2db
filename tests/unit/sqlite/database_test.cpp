#include "sqlite/database.hpp"

#include <gtest/gtest.h>

#include "integration/sqlite_support.hpp"

namespace sagabus::sqlite {
namespace {

struct TellWatch {
  Watch* watch;
  void operator()(Connection&) const {}
  void committed() const { watch->changed("e"); }
};

// The lane has yet to open the file when the database goes, and does what is queued after that.
TEST(SqliteDatabase, WhatIsLeftToDoAtItsEndMayTellTheWatch) {
  const TempDirectory directory;
  Database database({.path = directory.file()}, "Database");
  for (int i = 0; i < 50; ++i) database.write_later(TellWatch{&database.watch()});
}

TEST(SqliteDatabase, SendsWhoseContextAndLastHandleGoAreCarriedOut) {
  const TempDirectory directory;
  constexpr int kSends = 50;
  {
    Transport transport{{.path = directory.file()}};
    boost::asio::io_context context(1);
    for (int i = 0; i < kSends; ++i) {
      start(context, transport.backend()->send(one(make_send("e", std::to_string(i)))));
    }
    context.poll();
    transport = Transport{{.path = directory.file("other.db")}};
  }
  RawDatabase raw(directory.file());
  EXPECT_EQ(raw.run("SELECT count(*) FROM messages"), std::to_string(kSends) + "\n");
}

}  // namespace
}  // namespace sagabus::sqlite
