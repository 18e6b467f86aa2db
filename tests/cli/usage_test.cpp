// What every verb has in common: help, and how it refuses what it does not take.
#include <gtest/gtest.h>

#include "run_sagabus.hpp"

namespace sagabus::test {
namespace {

using Words = std::vector<std::string>;

class Help : public ::testing::TestWithParam<Words> {};

TEST_P(Help, HasExamples) {
  Words words = GetParam();
  words.emplace_back("--help");
  const Ran ran = run_sagabus(words);
  EXPECT_EQ(ran.exit, 0);
  EXPECT_NE(ran.out.find("Examples:\n  sagabus "), std::string::npos) << ran.out;
  EXPECT_EQ(ran.err, "");
}

INSTANTIATE_TEST_SUITE_P(Usage, Help,
                         ::testing::Values(Words{}, Words{"bench"}, Words{"table"},
                                           Words{"table", "create"}, Words{"table", "describe"},
                                           Words{"table", "verify"}, Words{"table", "delete"},
                                           Words{"outbox"}, Words{"outbox", "list"},
                                           Words{"outbox", "redispatch"}, Words{"timer"},
                                           Words{"timer", "list"}, Words{"timer", "show"},
                                           Words{"timer", "cancel"}, Words{"timer", "move"},
                                           Words{"dlq"}, Words{"dlq", "list"}, Words{"dlq", "show"},
                                           Words{"dlq", "redrive"}, Words{"dlq", "purge"},
                                           Words{"adopt"}, Words{"doctor"}));

TEST(Usage, VersionIsOneLine) {
  const Ran ran = run_sagabus({"--version"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_TRUE(is_one_line(ran.out)) << ran.out;
  EXPECT_TRUE(ran.out.starts_with("sagabus ")) << ran.out;
  EXPECT_EQ(ran.err, "");
}

TEST(Usage, OutputThatCannotBeWrittenIsAFailure) {
  RunOptions full;
  full.stdout_path = "/dev/full";
  EXPECT_EQ(run_sagabus({"--version"}, full).exit, 1);
  EXPECT_EQ(run_sagabus({"--help"}, full).exit, 1);
  EXPECT_EQ(run_sagabus({"bench", "--store", "memory:", "--sagas", "1"}, full).exit, 1);
}

TEST(Usage, TheStoreMayComeFromTheEnvironment) {
  RunOptions options;
  options.environment["SAGABUS_STORE"] = "memory:";
  EXPECT_EQ(run_sagabus({"bench", "--sagas", "1"}, options).exit, 0);
  options.environment["SAGABUS_STORE"] = "nonsense:";
  EXPECT_EQ(run_sagabus({"bench", "--sagas", "1"}, options).exit, 2);
  EXPECT_EQ(run_sagabus({"bench", "--sagas", "1", "--store", "memory:"}, options).exit, 0);
}

struct BadUse {
  Words words;
  int exit;
  std::string says;
};

// Names the case where tests are listed.
void PrintTo(const BadUse& use, std::ostream* out) {
  for (const std::string& word : use.words) *out << word << ' ';
}

class Refused : public ::testing::TestWithParam<BadUse> {};

// One line that says what is wrong, and nothing else.
TEST_P(Refused, InOneLine) {
  RunOptions options;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    options.environment[name] = std::nullopt;
  }
  options.environment["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
  options.environment["AWS_SECRET_ACCESS_KEY"] = "hunter2";
  const Ran ran = run_sagabus(GetParam().words, options);
  EXPECT_EQ(ran.exit, GetParam().exit);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_TRUE(ran.err.starts_with("sagabus: ")) << ran.err;
  EXPECT_NE(ran.err.find(GetParam().says), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("hunter2"), std::string::npos) << ran.err;
}

Words bench(const Words& more) {
  Words words{"bench", "--store", "memory:"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words on_store(const std::string& store) {
  return {"bench", "--sagas", "1", "--store", store};
}

Words table(const std::string& verb, const std::string& store) {
  return {"table", verb, "--store", store};
}

const std::string kNobody = "dynamodb://sagas?region=us-east-1&endpoint=http://127.0.0.1:1";

INSTANTIATE_TEST_SUITE_P(
    Words, Refused,
    ::testing::Values(
        BadUse{{}, 2, "a verb is missing, one of: table, outbox, timer, dlq, adopt, doctor"},
        BadUse{{"table"}, 2, "one of: create, describe, verify, delete"},
        BadUse{{"frobnicate"}, 2, "frobnicate"}, BadUse{{"table", "frobnicate"}, 2, "frobnicate"},
        BadUse{{"--frobnicate"}, 2, "--frobnicate"}, BadUse{{"two\nlines"}, 2, "two lines"},
        BadUse{{"bench"}, 2, "--store is required"}, BadUse{{"bench", "--store"}, 2, "--store"},
        BadUse{{"bench", "--store", ""}, 2, "empty"},
        BadUse{{"table", "create"}, 2, "--store is required"}, BadUse{bench({"more"}), 2, "more"},
        BadUse{bench({"--yes"}), 2, "--yes"}, BadUse{bench({"--json=5x"}), 2, "json was given"},
        BadUse{bench({"--store", "memory:"}), 2, "--store"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, Refused,
    ::testing::Values(BadUse{bench({"--sagas"}), 2, "--sagas"},
                      BadUse{bench({"--sagas", ""}), 2, "--sagas: ''"},
                      BadUse{bench({"--sagas", "0"}), 2, "a whole number from 1 to 10000000"},
                      BadUse{bench({"--sagas", "-1"}), 2, "--sagas"},
                      BadUse{bench({"--sagas", "1e3"}), 2, "--sagas: '1e3'"},
                      BadUse{bench({"--sagas", "10x"}), 2, "--sagas: '10x'"},
                      BadUse{bench({"--sagas", " 10"}), 2, "--sagas: ' 10'"},
                      BadUse{bench({"--sagas", "99999999999999999999"}), 2, "--sagas"},
                      BadUse{bench({"--sagas", "1", "--sagas", "2"}), 2, "--sagas"},
                      BadUse{bench({"--concurrency", "0"}), 2, "--concurrency"},
                      BadUse{bench({"--concurrency", "10001"}), 2, "from 1 to 10000"},
                      BadUse{bench({"--threads", "0"}), 2, "--threads"},
                      BadUse{bench({"--threads", "many"}), 2, "--threads: 'many'"}));

INSTANTIATE_TEST_SUITE_P(
    Stores, Refused,
    ::testing::Values(
        BadUse{on_store("postgres://host/db"), 2, "unknown scheme"},
        BadUse{on_store("orders.db"), 2, "no scheme"},
        BadUse{on_store("sqlite:orders.db"), 2, "absolute path"},
        BadUse{on_store("sqlite:///nowhere/at/all/orders.db"), 3, "/nowhere/at/all"},
        BadUse{on_store("sqlite:///dev/full"), 1, "/dev/full"},
        BadUse{on_store("dynamodb://"), 2, "table is missing"},
        BadUse{on_store("dynamodb://sagas?regoin=us-east-1"), 2, "'regoin'"},
        BadUse{on_store("dynamodb://sagas"), 2, "region"},
        BadUse{on_store("dynamodb://sagas?region=us_east_1"), 2, "us_east_1"},
        BadUse{on_store("dynamodb://sagas?region=us-east-1&endpoint=localhost"), 2, "endpoint"},
        BadUse{on_store("dynamodb://sagas?region=us-east-1&ttl_days=soon"), 2, "'ttl_days'"},
        BadUse{on_store("dynamodb://sagas?region=us-east-1&key_shards=0"), 2, "1 to 1000"},
        BadUse{on_store(kNobody), 1, "127.0.0.1:1"}));

Words outbox(const std::string& verb, const std::string& store, const Words& more) {
  Words words{"outbox", verb, "--saga", "Orders", "--store", store};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words redispatch(const std::string& transport, const Words& more = {"--everything"}) {
  Words words = outbox("redispatch", kNobody, {"--transport", transport});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

INSTANTIATE_TEST_SUITE_P(
    Outboxes, Refused,
    ::testing::Values(
        BadUse{{"outbox"}, 2, "one of: list, redispatch"},
        BadUse{{"outbox", "list", "--store", kNobody}, 2, "--saga is required"},
        BadUse{outbox("list", "memory:", {}), 2, "holds nothing here"},
        BadUse{outbox("list", "orders.db", {}), 2, "no scheme"},
        BadUse{outbox("list", "sqlite:///nowhere/orders.db", {}), 3, "no file /nowhere/orders.db"},
        BadUse{outbox("list", kNobody, {}), 1, "127.0.0.1:1"},
        BadUse{outbox("list", kNobody, {"--older-than", "10"}), 2, "--older-than: '10'"},
        BadUse{outbox("list", kNobody, {"--older-than", "-1s"}), 2, "--older-than: '-1s'"},
        BadUse{outbox("list", kNobody, {"--limit", "0"}), 2, "--limit"},
        BadUse{outbox("redispatch", kNobody, {"--everything"}), 2, "--transport is required"},
        BadUse{redispatch("memory:"), 2, "--transport: only"},
        BadUse{redispatch(kNobody), 2, "--transport: only"},
        BadUse{redispatch("queues.db"), 2, "--transport: only"},
        BadUse{redispatch("sqlite:///nowhere/queues.db"), 3, "no file /nowhere/queues.db"},
        BadUse{redispatch("sqlite:///nowhere/queues.db", {}), 2, "--id or --everything"},
        BadUse{redispatch("sqlite:///nowhere/queues.db", {"--id", "x", "--everything"}), 2,
               "--everything"}));

Words timer(const std::string& verb, const std::string& store, const Words& more) {
  Words words{"timer", verb, "--store", store};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

INSTANTIATE_TEST_SUITE_P(
    Timers, Refused,
    ::testing::Values(
        BadUse{{"timer"}, 2, "one of: list, show, cancel, move"},
        BadUse{{"timer", "list"}, 2, "--store is required"},
        BadUse{timer("list", "memory:", {}), 2, "holds nothing here"},
        BadUse{timer("list", "orders.db", {}), 2, "no scheme"},
        BadUse{timer("list", "sqlite:///nowhere/orders.db", {}), 3, "no file /nowhere/orders.db"},
        BadUse{timer("list", kNobody, {"--until", "soon"}), 2, "--until: 'soon'"},
        BadUse{timer("list", kNobody, {"--until", "2026-11-22"}), 2, "--until: '2026-11-22'"},
        BadUse{timer("list", kNobody, {"--limit", "0"}), 2, "--limit"},
        BadUse{timer("show", kNobody, {}), 2, "key is required"},
        BadUse{timer("cancel", kNobody, {}), 2, "key is required"},
        BadUse{timer("cancel", kNobody, {"a", "b"}), 2, "b"},
        BadUse{timer("move", kNobody, {"--in", "1s"}), 2, "key is required"},
        BadUse{timer("move", kNobody, {"a"}), 2, "--to or --in is required"},
        BadUse{timer("move", kNobody, {"a", "--in", "10"}), 2, "--in: '10'"},
        BadUse{timer("move", kNobody, {"a", "--in", "2026-11-22T17:04:05Z"}), 2, "--in: '2026"},
        BadUse{timer("move", kNobody, {"a", "--to", "10m"}), 2, "--to: '10m'"},
        BadUse{timer("move", kNobody, {"a", "--to", "2026-11-22T17:04:05Z", "--in", "1s"}), 2,
               "excludes"}));

Words dlq(const std::string& verb, const std::string& transport, const Words& more) {
  Words words{"dlq", verb, "--transport", transport};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const std::string kNoQueues = "sqs://shop?region=us-east-1&endpoint=http://127.0.0.1:1";

INSTANTIATE_TEST_SUITE_P(
    Letters, Refused,
    ::testing::Values(
        BadUse{{"dlq"}, 2, "one of: list, show, redrive, purge"},
        BadUse{{"dlq", "list", "Orders"}, 2, "--transport is required"},
        BadUse{dlq("list", kNoQueues, {}), 2, "endpoint is required"},
        BadUse{dlq("list", kNoQueues, {""}), 2, "empty"},
        BadUse{dlq("list", "memory:", {"Orders"}), 2, "holds nothing here"},
        BadUse{dlq("list", "orders.db", {"Orders"}), 2, "no scheme"},
        BadUse{dlq("list", "sqs://shop", {"Orders"}), 2, "region"},
        BadUse{dlq("list", "dynamodb://sagas", {"Orders"}), 2, "unknown scheme"},
        BadUse{dlq("list", "sqlite:///nowhere/o.db", {"Orders"}), 3, "no file /nowhere/o.db"},
        BadUse{dlq("list", kNoQueues, {"Orders"}), 1, "127.0.0.1:1"},
        BadUse{dlq("list", kNoQueues, {"Orders", "--limit", "0"}), 2, "--limit"},
        BadUse{dlq("list", kNoQueues, {"Orders", "--queue", ""}), 2, "--queue"},
        BadUse{dlq("show", kNoQueues, {"Orders"}), 2, "ID or --all is required"},
        BadUse{dlq("redrive", kNoQueues, {"Orders"}), 2, "ID or --all is required"},
        BadUse{dlq("redrive", kNoQueues, {"Orders", "a", "--all"}), 2, "excludes"},
        BadUse{dlq("redrive", kNoQueues, {"Orders", "a"}), 1, "127.0.0.1:1"},
        BadUse{dlq("purge", kNoQueues, {"Orders", "--yes"}), 2, "ID or --all is required"},
        BadUse{dlq("purge", kNoQueues, {"Orders", "a"}), 2, "--yes"}));

INSTANTIATE_TEST_SUITE_P(
    Doctors, Refused,
    ::testing::Values(
        BadUse{{"doctor"}, 2, "--store or --transport is required"},
        BadUse{{"doctor", "--store", "memory:"}, 2, "holds nothing here"},
        BadUse{{"doctor", "--transport", "memory:"}, 2, "holds nothing here"},
        BadUse{{"doctor", "--store", ""}, 2, "empty"},
        BadUse{{"doctor", "--store", "orders.db"}, 2, "no scheme"},
        BadUse{{"doctor", "--store", "dynamodb://sagas"}, 2, "region"},
        BadUse{{"doctor", "--store", kNobody, "Orders"}, 2, "--transport sqs://PREFIX"},
        BadUse{{"doctor", "--transport", kNoQueues, ""}, 2, "empty"},
        BadUse{{"doctor", "--transport", "sqs://?region=us-east-1"}, 2, "has no prefix"}));

INSTANTIATE_TEST_SUITE_P(
    Adoptions, Refused,
    ::testing::Values(
        BadUse{{"adopt", "--store", kNobody, "--yes"}, 2, "--saga is required"},
        BadUse{{"adopt", "--store", kNobody, "--saga", "$timers", "--yes"}, 2, "no name of a saga"},
        BadUse{{"adopt", "--store", "memory:", "--saga", "Order", "--yes"}, 2, "only dynamodb"},
        BadUse{{"adopt", "--store", kNobody + "&key_shards=2", "--saga", "Order", "--yes"},
               2,
               "key_shards"},
        BadUse{{"adopt", "--store", kNobody, "--saga", "Order"}, 2, "--yes"},
        BadUse{{"adopt", "--store", kNobody, "--saga", "Order", "--yes"}, 1, "127.0.0.1:1"}));

INSTANTIATE_TEST_SUITE_P(
    Tables, Refused,
    ::testing::Values(BadUse{table("create", "memory:"), 2, "needs no table"},
                      BadUse{table("describe", "sqlite:///tmp/orders.db"), 2, "needs no table"},
                      BadUse{table("verify", "memory:"), 2, "needs no table"},
                      BadUse{table("delete", "memory:"), 2, "needs no table"},
                      BadUse{table("create", kNobody), 1, "127.0.0.1:1"},
                      BadUse{table("describe", kNobody), 1, "127.0.0.1:1"},
                      BadUse{table("delete", kNobody), 2, "--yes"},
                      BadUse{table("create", "dynamodb://ab"), 2, "3 to 255"}));

}  // namespace
}  // namespace sagabus::test
