// The verbs that speak to DynamoDB, against DynamoDB Local.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "report.hpp"
#include "run_sagabus.hpp"
#include "sagabus/dynamodb/client.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sync_wait.hpp"
#include "support/endpoint.hpp"

namespace sagabus::test {
namespace {

using ::testing::HasSubstr;

class TableVerbs : public ::testing::Test {
 protected:
  ~TableVerbs() override {
    run("delete", {"--yes"});
    if (is_foreign_ && run("describe").exit == 0) ask("DeleteTable");
  }

  Ran run(const std::string& verb, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"table", verb, "--store", store_};
    words.insert(words.end(), more.begin(), more.end());
    return run_sagabus(words);
  }

  // A table of that name which is not what a store needs.
  void make_foreign_table() {
    is_foreign_ = true;
    ask("CreateTable", R"("BillingMode":"PAY_PER_REQUEST",
        "KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}])");
  }

  void turn_protection_off() const { ask("UpdateTable", R"("DeletionProtectionEnabled":false)"); }

  const std::string name_ = "cli-" + new_nonce(*system_random());
  const std::string store_ =
      "dynamodb://" + name_ + "?region=us-east-1&endpoint=" + dynamodb_endpoint();

 private:
  void ask(const std::string& operation, const std::string& members = "") const {
    dynamodb::ClientOptions options;
    options.region = "us-east-1";
    options.endpoint = dynamodb_endpoint();
    const dynamodb::Client client(options);
    const std::string more = members.empty() ? "" : ',' + members;
    sync_wait(call(client, operation, R"({"TableName":")" + name_ + '"' + more + '}'));
  }

  static boost::asio::awaitable<void> call(dynamodb::Client client, std::string operation,
                                           std::string body) {
    co_await client.call(std::move(operation), std::move(body));
  }

  bool is_foreign_ = false;
};

void expect_not_found(const Ran& ran) {
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("sagabus table create"));
}

TEST_F(TableVerbs, NameATableThatIsNotThere) {
  for (const char* verb : {"describe", "verify"}) expect_not_found(run(verb));
  expect_not_found(run("delete", {"--yes"}));
  expect_not_found(run_sagabus({"bench", "--sagas", "1", "--store", store_}));
}

TEST_F(TableVerbs, MakeATableThatFits) {
  for (int time = 0; time < 2; ++time) {
    const Ran created = run("create");
    EXPECT_EQ(created.exit, 0) << created.err;
    EXPECT_EQ(created.out, "table " + name_ + " is ready\n");
  }
  const Ran verified = run("verify");
  EXPECT_EQ(verified.exit, 0) << verified.out;
  EXPECT_EQ(verified.out, "table " + name_ + " is as it should be\n");
}

TEST_F(TableVerbs, SayForProgramsWhatTheyDid) {
  EXPECT_EQ(run("create", {"--json"}).out, R"({"table":")" + name_ + "\"}\n");
  EXPECT_EQ(run("verify", {"--json"}).out, R"({"table":")" + name_ +
                                               R"(","differences":[]})"
                                               "\n");
  const Ran differs = run("verify", {"--json", "--lean"});
  EXPECT_EQ(differs.exit, 4);
  EXPECT_THAT(differs.out, HasSubstr(R"({"table":")" + name_ + R"(","differences":[")"));
  EXPECT_TRUE(is_one_line(differs.out)) << differs.out;
  const std::string would = run("delete", {"--json", "--dry-run"}).out;
  EXPECT_THAT(would, HasSubstr(R"({"table":")" + name_ + R"(","arn":"arn:)"));
  EXPECT_THAT(would, HasSubstr(R"(","outcome":"would be deleted","items":1})"
                               "\n"));
  EXPECT_THAT(run("delete", {"--json", "--yes"}).out, HasSubstr(R"("outcome":"deleted")"));
  expect_not_found(run("verify", {"--json"}));
}

TEST_F(TableVerbs, DescribeIt) {
  ASSERT_EQ(run("create").exit, 0);
  const Ran people = run("describe");
  EXPECT_EQ(people.exit, 0);
  EXPECT_THAT(people.out, HasSubstr("sagaName (S), sagaId (S)\n"));
  EXPECT_THAT(people.out, HasSubstr("sagaName (S), correlationId (S), ALL, ACTIVE\n"));
  const Ran programs = run("describe", {"--json"});
  EXPECT_EQ(programs.exit, 0);
  EXPECT_TRUE(is_one_line(programs.out));
  const Value table = parse_json(programs.out);
  EXPECT_EQ(*table.find("name"), Value(name_));
  EXPECT_EQ(*table.find("status"), Value("ACTIVE"));
  EXPECT_EQ(*table.find("billing"), Value("on-demand"));
  EXPECT_EQ(*table.find("ttl_attribute"), Value("ttl"));
  EXPECT_TRUE(table.find("stream")->is_null());
  EXPECT_EQ(*table.find("indexes")->if_array()->at(0).find("name"), Value("correlationIndex"));
}

TEST_F(TableVerbs, TakeKeyShardsFromTheUri) {
  const auto on_shards = [&](const char* verb, const char* shards) {
    return run_sagabus({"table", verb, "--store", store_ + "&key_shards=" + shards});
  };
  ASSERT_EQ(on_shards("create", "8").exit, 0);
  EXPECT_EQ(on_shards("verify", "8").exit, 0);
  const Ran described = run("describe");
  EXPECT_THAT(described.out, HasSubstr("key shards               8\n"));
  EXPECT_THAT(described.out, HasSubstr("format version           1\n"));
  EXPECT_EQ(*parse_json(run("describe", {"--json"}).out).find("key_shards"), Value(8));
  const Ran verified = run("verify");
  EXPECT_EQ(verified.exit, 4);
  EXPECT_EQ(verified.out, "key shards: expected 1, found 8\n");
  const Ran refused = on_shards("create", "4");
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("key shards: expected 4, found 8"));
  EXPECT_EQ(run_sagabus({"outbox", "list", "--store", store_, "--saga", "OrderSaga"}).exit, 1);
}

TEST_F(TableVerbs, TakeWhatTheTableShouldBeFromFlags) {
  const std::vector<std::string> wishes{"--lean", "--stream",  "--shards",
                                        "4",      "--billing", "provisioned:7,3"};
  ASSERT_EQ(run("create", wishes).exit, 0);
  EXPECT_EQ(run("create", wishes).exit, 0);
  EXPECT_EQ(run("verify", wishes).exit, 0);
  const Value table = parse_json(run("describe", {"--json"}).out);
  EXPECT_EQ(*table.find("billing"), Value("provisioned"));
  EXPECT_EQ(*table.find("read_units"), Value(7));
  EXPECT_EQ(*table.find("write_units"), Value(3));
  EXPECT_EQ(*table.find("stream"), Value("NEW_AND_OLD_IMAGES"));
  EXPECT_TRUE(table.find("indexes")->if_array()->empty());
  EXPECT_EQ(*table.find("key_shards"), Value(4));
  const Ran bench =
      run_sagabus({"bench", "--sagas", "1", "--store", store_ + "&key_shards=4&index=none"});
  EXPECT_EQ(bench.exit, 0) << bench.err;
}

TEST_F(TableVerbs, VerifyLooksAtWhatIsAskedFor) {
  ASSERT_EQ(run("create", {"--billing", "provisioned:7,3"}).exit, 0);
  EXPECT_EQ(run("verify").exit, 0);
  const auto differs = [&](const std::vector<std::string>& flags) {
    const Ran verified = run("verify", flags);
    EXPECT_EQ(verified.exit, 4);
    return verified.out;
  };
  EXPECT_EQ(differs({"--billing", "on-demand"}),
            "billing: expected on demand, found provisioned\n");
  EXPECT_EQ(differs({"--billing", "provisioned:7,4"}), "write units: expected 4, found 3\n");
  EXPECT_EQ(differs({"--stream"}), "stream: expected NEW_AND_OLD_IMAGES, found off\n");
  EXPECT_THAT(differs({"--pitr"}), HasSubstr("point-in-time recovery: expected on"));
  EXPECT_EQ(differs({"--lean"}), "index correlationIndex: expected none\n");
}

TEST_F(TableVerbs, TakeATimeToLiveThatShouldBeOffForADifference) {
  ASSERT_EQ(run("create").exit, 0);
  const Ran verified = run("verify", {"--ttl-days", "off"});
  EXPECT_EQ(verified.exit, 4);
  EXPECT_EQ(verified.out, "time to live: expected off, found on ttl\n");
  const Ran created = run("create", {"--ttl-days", "off"});
  EXPECT_EQ(created.exit, 1);
  EXPECT_THAT(created.err, HasSubstr("time to live: expected off, found on ttl"));
}

TEST_F(TableVerbs, TellHowAnotherTableDiffers) {
  make_foreign_table();
  const Ran verified = run("verify");
  EXPECT_EQ(verified.exit, 4);
  EXPECT_THAT(verified.out, HasSubstr("sagaName"));
  EXPECT_THAT(verified.out, HasSubstr("correlationIndex"));
  EXPECT_EQ(verified.err, "");
  for (const Ran& refused :
       {run("create"), run_sagabus({"bench", "--sagas", "1", "--store", store_})}) {
    EXPECT_EQ(refused.exit, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("sagaName"));
  }
}

TEST_F(TableVerbs, DeleteItOnlyWhenSure) {
  ASSERT_EQ(run("create").exit, 0);
  const Ran unsure = run("delete");
  EXPECT_EQ(unsure.exit, 2);
  EXPECT_THAT(unsure.err, HasSubstr("--yes"));
  EXPECT_EQ(run("describe").exit, 0);
  const Ran tried = run("delete", {"--dry-run"});
  EXPECT_EQ(tried.exit, 0);
  EXPECT_NE(tried.out.find("would be deleted, with some "), std::string::npos) << tried.out;
  EXPECT_EQ(run("describe").exit, 0);
  const Ran sure = run("delete", {"--yes"});
  EXPECT_EQ(sure.exit, 0);
  EXPECT_EQ(sure.out, "table " + name_ + " is deleted\n");
  EXPECT_EQ(run("describe").exit, 3);
}

TEST_F(TableVerbs, LeaveTheTableOfAnotherProgram) {
  make_foreign_table();
  for (const char* flag : {"--yes", "--dry-run"}) {
    const Ran refused = run("delete", {flag});
    EXPECT_EQ(refused.exit, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("aws dynamodb delete-table --table-name " + name_));
  }
  EXPECT_EQ(run("describe").exit, 0);
}

TEST_F(TableVerbs, SayHowToDeleteAProtectedOne) {
  ASSERT_EQ(run("create", {"--deletion-protection"}).exit, 0);
  EXPECT_EQ(run("verify", {"--deletion-protection"}).exit, 0);
  EXPECT_THAT(run("describe").out, HasSubstr("deletion protection      on\n"));
  EXPECT_EQ(*parse_json(run("describe", {"--json"}).out).find("deletion_protection"), Value(true));
  for (const char* flag : {"--yes", "--dry-run"}) {
    const Ran refused = run("delete", {flag});
    EXPECT_EQ(refused.exit, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("aws dynamodb update-table --table-name " + name_ +
                                       " --no-deletion-protection-enabled"));
  }
  turn_protection_off();
  EXPECT_EQ(run("delete", {"--yes"}).exit, 0);
}

// Whatever keys the environment has.
TEST_F(TableVerbs, AProfileNamesCredentialsAndRegion) {
  const auto folder = std::filesystem::temp_directory_path() / ("sagabus-" + name_);
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "keys")
      << "[there]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = EXAMPLEKEY\n";
  std::ofstream(folder / "config") << "[profile there]\nregion = us-east-1\n";
  RunOptions options;
  options.environment = {{"AWS_SHARED_CREDENTIALS_FILE", folder / "keys"},
                         {"AWS_CONFIG_FILE", folder / "config"},
                         {"AWS_REGION", std::nullopt},
                         {"AWS_DEFAULT_REGION", std::nullopt},
                         {"AWS_ACCESS_KEY_ID", "no key"},
                         {"AWS_SECRET_ACCESS_KEY", "s"}};
  const std::string store = "dynamodb://" + name_ + "?endpoint=" + dynamodb_endpoint();
  const Ran without = run_sagabus({"table", "create", "--store", store}, options);
  EXPECT_NE(without.exit, 0);
  const Ran made =
      run_sagabus({"table", "create", "--store", store, "--profile", "there"}, options);
  EXPECT_EQ(made.exit, 0) << made.err;
  const Ran found =
      run_sagabus({"table", "describe", "--json", "--store", store + "&profile=there"}, options);
  EXPECT_THAT(found.out, HasSubstr("\"arn\":\"arn:aws:dynamodb:")) << found.err;
  run_sagabus({"table", "delete", "--yes", "--store", store, "--profile", "there"}, options);
  std::filesystem::remove_all(folder);
}

TEST_F(TableVerbs, BenchCountsRequestsAndUnits) {
  ASSERT_EQ(run("create").exit, 0);
  const Value report = bench_report({"bench", "--store", store_, "--sagas", "30"}, 30);
  // A start is one write, and so is each later step of the worker that wrote last. Its watermark is
  // written once at the end, and every 5 s.
  constexpr double kWatermarks = 3.5 / 30;
  const Value& requests = *report.find("requests");
  EXPECT_NEAR(*requests.find("PutItem")->if_double(), 1, kWatermarks);
  EXPECT_EQ(*requests.find("UpdateItem")->if_double(), 3);
  EXPECT_FALSE(requests.find("GetItem"));
  EXPECT_EQ(*report.find("read_units")->if_double(), 0);
  // The item and its index, four times.
  EXPECT_NEAR(*report.find("write_units")->if_double(), 8, kWatermarks);
  const Value& by_message = *report.find("by_message");
  for (const char* type :
       {"OrderSubmitted", "PaymentCaptured", "InventoryReserved", "ShipmentCreated"}) {
    ASSERT_TRUE(by_message.find(type)) << to_json(by_message);
    EXPECT_EQ(to_json(*by_message.find(type)),
              R"({"requests":1.0,"failed_conditions":0.0,"read_units":0.0,"write_units":2.0})");
  }
}

}  // namespace
}  // namespace sagabus::test
