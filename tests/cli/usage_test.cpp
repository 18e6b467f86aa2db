// What every verb has in common: help, and how it refuses what it does not take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run_sagabus.hpp"
#include "spoiling_proxy.hpp"
#include "support/endpoint.hpp"

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

INSTANTIATE_TEST_SUITE_P(
    Usage, Help,
    ::testing::Values(Words{}, Words{"bench"}, Words{"table"}, Words{"table", "create"},
                      Words{"saga"}, Words{"saga", "list"}, Words{"saga", "show"},
                      Words{"saga", "stuck"}, Words{"saga", "edit"}, Words{"saga", "export"},
                      Words{"saga", "import"}, Words{"saga", "purge"}, Words{"saga", "complete"},
                      Words{"saga", "delete"}, Words{"table", "describe"}, Words{"table", "verify"},
                      Words{"table", "delete"}, Words{"outbox"}, Words{"outbox", "list"},
                      Words{"outbox", "redispatch"}, Words{"timer"}, Words{"timer", "list"},
                      Words{"timer", "show"}, Words{"timer", "cancel"}, Words{"timer", "move"},
                      Words{"dlq"}, Words{"dlq", "list"}, Words{"dlq", "show"},
                      Words{"dlq", "redrive"}, Words{"dlq", "purge"}, Words{"schema"},
                      Words{"schema", "cloudformation"}, Words{"schema", "cdk"},
                      Words{"schema", "terraform"}, Words{"schema", "json"}, Words{"iam-policy"},
                      Words{"iam-policy", "runtime"}, Words{"iam-policy", "admin"},
                      Words{"iam-policy", "stream"}, Words{"iam-policy", "sqs"}, Words{"publish"},
                      Words{"cost"}, Words{"adopt"}, Words{"doctor"}, Words{"completion"},
                      Words{"completion", "bash"}, Words{"completion", "zsh"}, Words{"manual"}));

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

// A one-character CSI, and one that turns the direction of writing.
TEST(Usage, AnErrorLetsNoControlThrough) {
  const Ran ran =
      run_sagabus({"a\xC2\x9B"
                   "31m\xE2\x80\xAE"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_NE(ran.err.find("a\\u009b31m\\u202e"), std::string::npos) << ran.err;
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
        BadUse{{},
               2,
               "a verb is missing, one of: table, schema, iam-policy, saga, outbox, timer, dlq, "
               "publish, cost, adopt, doctor, bench, completion, manual"},
        BadUse{{"table"}, 2, "one of: create, describe, verify, delete"},
        BadUse{{"frobnicate"}, 2, "frobnicate"}, BadUse{{"table", "frobnicate"}, 2, "frobnicate"},
        BadUse{{"--frobnicate"}, 2, "--frobnicate"}, BadUse{{"two\nlines"}, 2, "two\\u000alines"},
        BadUse{{"bench"}, 2, "--store is required"}, BadUse{{"bench", "--store"}, 2, "--store"},
        BadUse{{"bench", "--store", ""}, 2, "empty"},
        BadUse{{"table", "create"}, 2, "--store is required"}, BadUse{bench({"more"}), 2, "more"},
        BadUse{bench({"--yes"}), 2, "--yes"}, BadUse{bench({"--json=5x"}), 2, "json was given"},
        BadUse{bench({"--store", "memory:"}), 2, "--store"}));

// What a table's verb says where a service answers with that code.
std::string said_of(const std::string& code) {
  const SpoilingProxy proxy(dynamodb_endpoint(), {{"*"}, code});
  RunOptions options;
  options.environment["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
  options.environment["AWS_SECRET_ACCESS_KEY"] = "hunter2";
  const Ran ran = run_sagabus(
      table("describe", "dynamodb://sagas?region=us-east-1&endpoint=" + proxy.endpoint()), options);
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err, ::testing::HasSubstr(code));
  return ran.err;
}

TEST(Usage, AnErrorOfAServiceSaysWhatToDo) {
  using ::testing::HasSubstr;
  for (const char* code :
       {"UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"}) {
    EXPECT_THAT(said_of(code), HasSubstr("; sagabus doctor says which credentials are used\n"));
  }
  EXPECT_THAT(said_of("AccessDeniedException"), HasSubstr("; sagabus iam-policy prints what has"));
  EXPECT_THAT(said_of("ResourceNotFoundException"), HasSubstr("; sagabus table create makes it"));
  EXPECT_THAT(said_of("ValidationException"), ::testing::Not(HasSubstr("; ")));
}

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
        BadUse{on_store("dynamodb://sagas?profile=nobody"), 2, "region"},
        BadUse{on_store("dynamodb://sagas?region=us_east_1"), 2, "us_east_1"},
        BadUse{on_store("dynamodb://sagas?region=us-east-1&endpoint=localhost"), 2, "endpoint"},
        BadUse{on_store("dynamodb://sagas?region=us-east-1&ttl_days=soon"), 2, "'ttl_days'"},
        BadUse{on_store("dynamodb://sagas?region=us-east-1&key_shards=0"), 2, "1 to 1000"},
        BadUse{on_store(kNobody), 1, "127.0.0.1:1"},
        BadUse{on_store(kNobody), 1, "; are Region, endpoint and network right? sagabus doctor"}));

Words flagged(const std::string& store, const Words& flags) {
  Words words = on_store(store);
  words.insert(words.end(), flags.begin(), flags.end());
  return words;
}

INSTANTIATE_TEST_SUITE_P(
    Flags, Refused,
    ::testing::Values(
        BadUse{flagged("memory:", {"--region", "us-east-1"}), 2, "--region: neither"},
        BadUse{flagged("sqlite:///tmp/o.db", {"--profile", "p"}), 2, "--profile: neither"},
        BadUse{flagged("dynamodb://sagas?region=us-east-1", {"--region", "us-east-1"}), 2,
               "--region: the URI has a region already"},
        BadUse{flagged(kNobody, {"--endpoint", "http://127.0.0.1:2"}), 2, "an endpoint already"},
        BadUse{flagged("dynamodb://sagas", {"--region", ""}), 2, "--region: empty"},
        BadUse{flagged("DynamoDB://sagas", {"--region", "us_east_2"}), 2, "us_east_2"},
        BadUse{flagged("dynamodb://sagas", {"--region", "us_east_1"}), 2, "us_east_1"},
        BadUse{flagged("dynamodb://sagas", {"--region", "us-east-1&ttl_days=1"}), 2, "ttl_days=1"},
        BadUse{flagged("dynamodb://sagas", {"--region", "us-east-1", "--endpoint", "localhost"}), 2,
               "endpoint"},
        BadUse{flagged(kNobody, {"--profile", "nobody-of-that-name"}), 1, "nobody-of-that-name"}));

Words outbox(const std::string& verb, const std::string& store, const Words& more) {
  Words words{"outbox", verb, "--saga", "Orders", "--store", store};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words redispatch(const std::string& transport, const Words& more = {"--everything"}) {
  Words words = outbox("redispatch", kNobody, {"--yes", "--transport", transport});
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
        BadUse{redispatch("memory:"), 2, "--transport: expected"},
        BadUse{redispatch(kNobody), 2, "transport URI: unknown scheme"},
        BadUse{redispatch("queues.db"), 2, "no scheme"},
        BadUse{redispatch("sqlite:///nowhere/queues.db"), 3, "no file /nowhere/queues.db"},
        BadUse{redispatch("sqlite:///nowhere/queues.db", {}), 2, "--id or --everything"},
        BadUse{redispatch("sqlite:///nowhere/queues.db", {"--id", "x", "--everything"}), 2,
               "--everything"}));

Words saga(const std::string& verb, const std::string& store, const Words& more) {
  Words words{"saga", verb, "Orders", "--store", store};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

INSTANTIATE_TEST_SUITE_P(
    Sagas, Refused,
    ::testing::Values(
        BadUse{{"saga"},
               2,
               "one of: list, show, stuck, edit, complete, delete, export, import, purge"},
        BadUse{{"saga", "list", "Orders"}, 2, "--store is required"},
        BadUse{{"saga", "list", "--store", kNobody}, 2, "name is required"},
        BadUse{{"saga", "list", "$workers", "--store", kNobody}, 2, "begins with $"},
        BadUse{{"saga", "list", "", "--store", kNobody}, 2, "name is empty"},
        BadUse{saga("list", "memory:", {}), 2, "holds nothing here"},
        BadUse{saga("list", "orders.db", {}), 2, "no scheme"},
        BadUse{saga("list", "sqlite:///nowhere/orders.db", {}), 3, "no file /nowhere/orders.db"},
        BadUse{saga("list", kNobody, {}), 1, "127.0.0.1:1"},
        BadUse{saga("list", kNobody, {"--older-than", "10"}), 2, "--older-than: '10'"},
        BadUse{saga("list", kNobody, {"--where", "paid"}), 2, "--where: 'paid'"},
        BadUse{saga("list", kNobody, {"--where", "=paid"}), 2, "--where: '=paid'"},
        BadUse{saga("list", kNobody, {"--where"}), 2, "--where"},
        BadUse{saga("list", kNobody, {"--limit", "0"}), 2, "--limit"},
        BadUse{saga("list", kNobody, {"--running", "--completed"}), 2, "excludes"},
        BadUse{saga("show", kNobody, {}), 2, "--id or --correlation is required"},
        BadUse{saga("show", kNobody, {"--id", ""}), 2, "--id: empty"},
        BadUse{saga("show", kNobody, {"--id", "a", "--correlation", "b"}), 2, "excludes"},
        BadUse{saga("stuck", kNobody, {}), 2, "--idle is required"},
        BadUse{saga("stuck", kNobody, {"--idle", "soon"}), 2, "--idle: 'soon'"},
        BadUse{saga("edit", kNobody, {}), 2, "--id or --correlation is required"},
        BadUse{saga("complete", kNobody, {"--yes"}), 2, "--id or --correlation is required"},
        BadUse{saga("complete", kNobody, {"--id", "a"}), 2, "--yes"},
        BadUse{saga("delete", kNobody, {"--yes"}), 2, "--id or --correlation is required"},
        BadUse{saga("delete", kNobody, {"--id", "a"}), 2, "--yes"},
        BadUse{saga("edit", kNobody, {"--id", "a", "--from", "x"}), 2, "needs --if-version"},
        BadUse{saga("edit", kNobody, {"--id", "a", "--if-version", "1x"}), 2, "--if-version: '1x'"},
        BadUse{saga("export", kNobody, {}), 2, "--output is required"},
        BadUse{saga("export", kNobody, {"--output", ""}), 2, "--output: empty"},
        BadUse{saga("export", kNobody, {"--output", "/tmp/x"}), 1, "127.0.0.1:1"},
        BadUse{{"saga", "import", "--store", kNobody}, 2, "file is required"},
        BadUse{{"saga", "import", "/nowhere/at/all", "--store", kNobody}, 3, "/nowhere/at/all"},
        BadUse{{"saga", "import", "/dev/null", "--store", kNobody}, 2, "no regular file"},
        BadUse{saga("purge", kNobody, {"--yes"}), 2, "--completed-before is required"},
        BadUse{saga("purge", kNobody, {"--completed-before", "30d"}), 2,
               "--completed-before: '30d'"},
        BadUse{saga("purge", kNobody, {"--completed-before", "2026-02-30"}), 2, "'2026-02-30'"},
        BadUse{saga("purge", kNobody, {"--completed-before", "2026-01-01"}), 2, "--yes"}));

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
        BadUse{dlq("redrive", kNoQueues, {"Orders", "a", "--yes"}), 1, "127.0.0.1:1"},
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

Words flags(const std::string& verb, const Words& more, const std::string& parameters = "") {
  Words words = table(verb, kNobody + parameters);
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words schema(const Words& more) {
  Words words{"schema", "terraform"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

INSTANTIATE_TEST_SUITE_P(
    TableFlags, Refused,
    ::testing::Values(
        BadUse{flags("create", {"--ttl-days", "soon"}), 2, "--ttl-days: 'soon', expected a number"},
        BadUse{flags("create", {"--ttl-days", "0"}), 2, "--ttl-days: '0'"},
        BadUse{flags("verify", {"--ttl-days", "inf"}), 2, "--ttl-days: 'inf'"},
        BadUse{flags("create", {"--pitr=no"}), 2, "pitr"},
        BadUse{flags("create", {"--lean=all"}), 2, "--lean: 'all', expected none"},
        BadUse{flags("create", {"--shards", "0"}), 2, "--shards: '0'"},
        BadUse{flags("create", {"--shards", "1001"}), 2, "from 1 to 1000"},
        BadUse{flags("create", {"--billing", "cheap"}), 2,
               "--billing: 'cheap', expected on-demand"},
        BadUse{flags("create", {"--billing", "provisioned"}), 2, "provisioned:5,5"},
        BadUse{flags("create", {"--billing", "provisioned:5"}), 2, "'provisioned:5', expected"},
        BadUse{flags("create", {"--billing", "provisioned:5,0"}), 2, "'provisioned:5,0'"},
        BadUse{flags("create", {"--billing", "provisioned:-5,5"}), 2, "'provisioned:-5,5'"},
        BadUse{flags("create", {"--shards", "8"}, "&key_shards=4"), 2, "--shards: the store's URI"},
        BadUse{flags("verify", {"--ttl-days", "8"}, "&ttl_days=7"), 2, "--ttl-days: the store's"},
        BadUse{flags("create", {"--ttl-days", "off"}, "&ttl_days=7"), 2, "--ttl-days: the store's"},
        BadUse{flags("verify", {"--lean"}, "&index=all"), 2, "--lean: the store's URI"},
        BadUse{flags("create", {"--shards", "8", "--ttl-days", "7", "--lean"},
                     "&ttl_days=7&key_shards=8&index=none"),
               1, "127.0.0.1:1"}));

INSTANTIATE_TEST_SUITE_P(
    Schemas, Refused,
    ::testing::Values(BadUse{{"schema"}, 2, "one of: cloudformation, cdk, terraform, json"},
                      BadUse{schema({"--table", "ab"}), 2, "table name: 'ab', expected 3 to 255"},
                      BadUse{schema({"--table", "a\"; b"}), 2, "table name: 'a\"; b'"},
                      BadUse{schema({"--table",
                                     "arn:aws:dynamodb:us-east-1:123456789012:table/sagas"}),
                             2, "table name: 'arn:"},
                      BadUse{schema({"--store", kNobody}), 2, "--store"},
                      BadUse{schema({"--billing", "free"}), 2, "--billing: 'free'"},
                      BadUse{schema({"--shards", "many"}), 2, "--shards: 'many'"}));

Words policy(const std::string& kind, const std::string& flag, const std::string& arn) {
  return {"iam-policy", kind, flag, arn};
}

const std::string kQueues = "arn:aws:sqs:eu-central-1:123456789012:shop";

INSTANTIATE_TEST_SUITE_P(
    Policies, Refused,
    ::testing::Values(
        BadUse{{"iam-policy"}, 2, "one of: runtime, admin, stream, sqs"},
        BadUse{policy("runtime", "--table-arn", "sagas"), 2,
               "table ARN: 'sagas': it is no ARN, expected one such as arn:aws:dynamodb:us-east-1"},
        BadUse{policy("runtime", "--table-arn", "arn:aws:dynamodb:us_east_1:123456789012:table/s"),
               2, "'us_east_1' is no Region"},
        BadUse{policy("admin", "--table-arn", "arn:aws:dynamodb:useast:123456789012:table/s"), 2,
               "'useast' is no Region"},
        BadUse{policy("stream", "--table-arn", "arn:aws:dynamodb:us-east-1:1234:table/s"), 2,
               "'1234' is no account"},
        BadUse{policy("runtime", "--table-arn", kQueues), 2, "its service is 'sqs'"},
        BadUse{policy("runtime", "--table-arn",
                      "arn:aws:dynamodb:us-east-1:123456789012:table/sagas/index/x"),
               2, "'table/sagas/index/x' is no such resource"},
        BadUse{
            policy("runtime", "--table-arn", "arn:aws:dynamodb:us-east-1:123456789012:table/it's"),
            2, "is no such resource"},
        BadUse{policy("runtime", "--transact-table-arn", "stock"), 2, "table ARN: 'stock'"},
        BadUse{policy("stream", "--shards", "8"), 2, "--shards"},
        BadUse{{"iam-policy", "sqs"}, 2, "--queue-arn is required"},
        BadUse{policy("sqs", "--queue-arn", "shop"), 2, "queue ARN: 'shop': it is no ARN"},
        BadUse{policy("sqs", "--queue-arn", kQueues + ".fifo"), 2, "'shop.fifo' is no such"},
        BadUse{{"iam-policy", "sqs", "--queue-arn", kQueues, "--topic-arn", kQueues},
               2,
               "topic ARN: 'arn:aws:sqs"},
        BadUse{{"iam-policy", "sqs", "--queue-arn", kQueues, "--claims-arn",
                "arn:aws:s3:eu-central-1::shop"},
               2,
               "claims ARN: 'arn:aws:s3:eu-central-1::shop': it has a Region"}));

}  // namespace
}  // namespace sagabus::test
