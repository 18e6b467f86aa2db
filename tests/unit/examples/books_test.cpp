// The books of the order demo: do they see what must not be?
#include "order_saga/books.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "order_saga/book_file.hpp"
#include "order_saga/ledger.hpp"
#include "support/temp_directory.hpp"

namespace orders {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kKettle = "order-1";

class Accounts : public testing::Test {
 protected:
  Accounts() {
    ledger_.submitted(kKettle, [this] { ++settled_; });
  }

  void enter(Effect effect, const std::string& key) { ledger_.enter({effect, kKettle, key}); }

  void complete() {
    enter(Effect::payment, "a");
    enter(Effect::reservation, "b");
    enter(Effect::shipment, "c");
    enter(Effect::completion, "d");
  }

  Ledger ledger_;
  int settled_ = 0;
};

TEST_F(Accounts, AnOrderIsSettledWhenItEndedAndAllIsDone) {
  enter(Effect::payment, "a");
  enter(Effect::completion, "d");
  enter(Effect::shipment, "c");
  EXPECT_EQ(settled_, 0);
  EXPECT_THAT(ledger_.problems(), ElementsAre(HasSubstr("reserved 0 and released 0")));
  enter(Effect::reservation, "b");
  EXPECT_EQ(settled_, 1);
  EXPECT_EQ(ledger_.settled(), 1U);
  EXPECT_EQ(ledger_.end_of(kKettle), Ledger::End::completed);
  EXPECT_THAT(ledger_.problems(), IsEmpty());
}

TEST_F(Accounts, ACancelledOrderIsSettledWhenAllIsUndone) {
  enter(Effect::payment, "a");
  enter(Effect::cancellation, "b");
  EXPECT_EQ(settled_, 0);
  enter(Effect::refund, "c");
  EXPECT_EQ(settled_, 1);
  EXPECT_THAT(ledger_.problems(), IsEmpty());
}

TEST_F(Accounts, TheSameMessageAgainIsNoNewEffect) {
  complete();
  complete();
  EXPECT_EQ(settled_, 1);
  EXPECT_EQ(ledger_.tally().repeats, 4U);
  EXPECT_THAT(ledger_.problems(), IsEmpty());
}

TEST_F(Accounts, AnotherMessageForTheSameEffectIsAProblem) {
  enter(Effect::payment, "another");
  complete();
  EXPECT_EQ(settled_, 1);
  EXPECT_THAT(ledger_.problems(),
              ElementsAre(AllOf(HasSubstr("order-1: it was completed, yet it is paid 2"))));
}

TEST_F(Accounts, AnEffectThatComesAfterTheEndIsAProblem) {
  complete();
  enter(Effect::shipment, "another");
  EXPECT_THAT(ledger_.problems(), ElementsAre(HasSubstr("shipped 2")));
}

TEST_F(Accounts, WhatWasDoneTwiceAndUndoneOnceIsAProblem) {
  complete();
  enter(Effect::payment, "another");
  enter(Effect::refund, "e");
  EXPECT_THAT(ledger_.problems(), ElementsAre(HasSubstr("paid 2 and refunded 1")));
}

TEST_F(Accounts, TwoEndsAreAProblem) {
  complete();
  enter(Effect::cancellation, "e");
  EXPECT_THAT(ledger_.problems(), ElementsAre("order-1: it ended 2 times"));
}

TEST_F(Accounts, NoEndIsAProblem) {
  EXPECT_THAT(ledger_.problems(), ElementsAre("order-1: it ended 0 times"));
}

// What has been copied, a word each.
class Copy : public Books {
 public:
  void enter(const Entry& entry) override {
    text += std::to_string(static_cast<int>(entry.effect)) + '|' + entry.order + '|' + entry.key +
            '|' + entry.reason + '\n';
  }
  void count(Outcome outcome) override {
    text += "count " + std::to_string(static_cast<int>(outcome)) + '\n';
  }
  void spend(const Bill& bill) override {
    text += "spend " + std::to_string(bill.store.requests) + ' ' +
            std::to_string(bill.store.write_units) + ' ' + std::to_string(bill.transport_requests) +
            '\n';
  }

  std::string text;
};

class BooksInAFile : public testing::Test {
 protected:
  std::string copied() {
    copy_.text.clear();
    reader_.copy_into(copy_);
    return copy_.text;
  }

  const sagabus::test::TempDirectory directory_;
  const std::string path_ = directory_.path() / "books";
  BookReader reader_{path_};
  Copy copy_;
};

TEST_F(BooksInAFile, AreEmptyBeforeAnybodyWrites) {
  EXPECT_EQ(copied(), "");
}

TEST_F(BooksInAFile, AreReadAsTheyWereWrittenByWhomever) {
  BookFile one(path_);
  BookFile other(path_);
  one.enter({Effect::payment, "order-1", "key-1"});
  other.enter({Effect::cancellation, "order-2", "key-2", "the card was refused"});
  EXPECT_EQ(copied(), "0|order-1|key-1|\n7|order-2|key-2|the card was refused\n");
  one.count(Outcome::handled);
  other.count(Outcome::repeated);
  one.spend({.store = {.requests = 12, .write_units = 3.5}, .transport_requests = 7});
  EXPECT_EQ(copied(), "count 0\ncount 2\nspend 12 3.500000 7\n");
  EXPECT_EQ(copied(), "");
}

TEST_F(BooksInAFile, GiveALineWhenItIsWhole) {
  std::ofstream file(path_);
  file << "handled\nrecall order-1" << std::flush;
  EXPECT_EQ(copied(), "count 0\n");
  file << " key-1 \nfai" << std::flush;
  EXPECT_EQ(copied(), "5|order-1|key-1|\n");
}

TEST_F(BooksInAFile, RefuseWhatNobodyWrote) {
  for (const char* line : {"", "payments order-1 key-1", "payment order-1", "spent 1 2 3 4"}) {
    std::ofstream(path_, std::ios::app) << line << '\n';
    EXPECT_THROW(reader_.copy_into(copy_), std::runtime_error) << line;
  }
}

}  // namespace
}  // namespace orders
