// sagabus adopt, against DynamoDB Local.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "saga_fixture.hpp"
#include "sagabus/dynamodb/client.hpp"

namespace sagabus::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AdoptVerb : public ::testing::Test {
 protected:
  Ran run(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"adopt", "--store", table_.uri(), "--saga", "Order"};
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }
  void put(const std::string& saga_id, const std::string& version = R"({"N":"3"})") const {
    dynamodb::ClientOptions options;
    options.region = "us-east-1";
    options.endpoint = dynamodb_endpoint();
    const dynamodb::Client client(options);
    const auto begin = table_.uri().find("//") + 2;
    const std::string name = table_.uri().substr(begin, table_.uri().find('?') - begin);
    auto putting = client.call(
        "PutItem", R"({"TableName":")" + name + R"(","Item":{"sagaName":{"S":"Order"},"sagaId":)" +
                       R"({"S":")" + saga_id + R"("},"correlationId":{"S":")" + saga_id +
                       R"(-c"},"version":)" + version + R"(,"state":{"M":{}}}})");
    sync_wait(std::move(putting));
  }

  const DynamoDbTable table_;
};

// An export to that file is killed once what it keeps beside it has that text. Where it is through
// before, it is begun anew; false where it always is.
bool kill_export(const std::string& file, const std::string& text, const std::string& uri) {
  constexpr int kMostTries = 30;
  for (int i = 0; i < kMostTries; ++i) {
    Running running({"saga", "export", "Order", "--store", uri, "--output", file, "--resume"});
    while (!running.has_ended() && text_of(file + ".resume").find(text) == std::string::npos) {
    }
    running.send_signal(SIGKILL);
    if (running.wait().exit == 128 + SIGKILL) return true;
    std::filesystem::remove(file);
    std::filesystem::remove(file + ".done");
  }
  return false;
}

Ran export_to(const std::string& file, const std::string& uri) {
  return run_sagabus({"saga", "export", "Order", "--store", uri, "--output", file, "--resume"});
}

// A backup that lacks something is no success, however often one asks.
TEST_F(AdoptVerb, AnExportSaysThatItLeftSomethingOut) {
  put("one");
  put("two", R"({"S":"three"})");
  const TempDirectory folder;
  for (const char* warning : {"left out: ", ""}) {
    const Ran ran = export_to(folder.file("orders"), table_.uri());
    EXPECT_EQ(ran.exit, 1);
    EXPECT_THAT(ran.err, HasSubstr(warning));
    EXPECT_THAT(ran.err, HasSubstr("holds 1 instance, without 1 that could not be read: mend"));
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_EQ(run_sagabus({"saga", "import", folder.file("orders"), "--store", table_.uri()}).exit,
            0);
}

// The process that read it has been killed.
TEST_F(AdoptVerb, AnExportThatGoesOnKnowsWhatWasLeftOutBefore) {
  put("!", R"({"S":"three"})");  // the first of all
  std::vector<Instance> all(3000);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].saga_name = "Order";
    all[i].saga_id = all[i].correlation_id = std::to_string(i);
    all[i].version = 1;
  }
  sync_wait(import_instances(table_.store(), all, {}));
  const TempDirectory folder;
  const std::string file = folder.file("orders");
  ASSERT_TRUE(kill_export(file, R"("leftOut":1)", table_.uri()));
  const Ran ran = export_to(file, table_.uri());
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.err, "sagabus: " + file +
                         " holds 3000 instances, without 1 that could not be read: mend what could "
                         "not, and export to another file\n");
}

// Who reads the last item says that it was left out.
TEST_F(AdoptVerb, AListReadsNoMoreThanItPrints) {
  for (const char* id : {"a", "b", "c"}) put(id);
  put("d", R"({"S":"three"})");
  const auto list = [&](const char* limit) {
    return run_sagabus({"saga", "list", "Order", "--store", table_.uri(), "--limit", limit}).err;
  };
  EXPECT_THAT(list("3"), HasSubstr("left out: "));
  EXPECT_EQ(list("1"), "sagabus: there are more: give a higher --limit\n");
}

TEST_F(AdoptVerb, TellsFirstAndThenTakesOver) {
  put("one");
  put("two");
  const Ran dry = run({"--dry-run"});
  EXPECT_EQ(dry.exit, 0) << dry.err;
  EXPECT_EQ(dry.out,
            "one  one-c  would be taken over\n"
            "two  two-c  would be taken over\n"
            "2 would be taken over, 0 refused, 0 changed meanwhile; 0 were sagabus's own, "
            "0 expired\n");
  const auto found = objects(run({"--yes", "--json"}));
  EXPECT_THAT(texts(found, "saga_id"), ElementsAre("one", "two"));
  EXPECT_THAT(texts(found, "outcome"), ElementsAre("taken over", "taken over"));
  EXPECT_EQ(run({"--yes"}).out,
            "0 taken over, 0 refused, 0 changed meanwhile; 4 were sagabus's own, 0 expired\n");
}

TEST_F(AdoptVerb, FailsWhereAnItemIsLeft) {
  put("one");
  put("odd", R"({"S":"3"})");
  const Ran ran = run({"--yes"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.out, HasSubstr("odd  odd-c  refused: item odd: version: expected a whole N"));
  EXPECT_THAT(ran.out, HasSubstr("one  one-c  taken over\n"));
  EXPECT_EQ(ran.err, "sagabus: 1 item is still of another program\n");
}

TEST_F(AdoptVerb, AsksFirst) {
  put("one");
  const Ran unsure = run({});
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_TRUE(is_one_line(unsure.err));
  EXPECT_THAT(unsure.err, HasSubstr("--yes"));
  EXPECT_THAT(run({"--dry-run"}).out, HasSubstr("one  one-c  would be taken over\n"));
}

}  // namespace
}  // namespace sagabus::test
