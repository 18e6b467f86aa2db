// sagabus cost, as a user runs it. That its units are those of the service is tested in
// tests/integration/dynamodb_plan_test.cpp.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "run_sagabus.hpp"
#include "sagabus/json.hpp"
#include "support/temp_directory.hpp"

namespace sagabus::test {
namespace {

using ::testing::HasSubstr;

Ran run_cost(std::vector<std::string> more) {
  more.insert(more.begin(), "cost");
  return run_sagabus(more);
}

Value cost_json(std::vector<std::string> more) {
  more.emplace_back("--json");
  const Ran ran = run_cost(more);
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(is_one_line(ran.out)) << ran.out;
  return parse_json(ran.out);
}

double number_at(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  if (!found) return std::nan("");
  if (const auto* whole = found->if_int64()) return static_cast<double>(*whole);
  return found->if_double() ? *found->if_double() : std::nan("");
}

// The line of a month's bill that bears the price.
const Value& line_of(const Value& column, const std::string& price) {
  for (const Value& line : *column.find("month")->if_array()) {
    if (*line.find("price")->if_string() == price) return line;
  }
  throw std::runtime_error("no line has the price " + price);
}

// Prices of one dollar or so, which make sums that can be done by hand.
class Cost : public ::testing::Test {
 protected:
  std::string prices(const std::string& text) {
    const std::string path = folder_.path() / "prices.json";
    std::ofstream(path) << text;
    return path;
  }
  std::string simple_prices() {
    return prices(R"({"regions":{"here":[{"date":"2026-01-02","source":"made up","prices":{
      "dynamodb_write_request_million":1,"dynamodb_read_request_million":0.5,
      "dynamodb_write_capacity_hour":0.001,"dynamodb_read_capacity_hour":0.0001,
      "dynamodb_storage_gb_month":2,"dynamodb_recovery_gb_month":3,
      "sqs_fifo_request_million":4}}]}})");
  }
  TempDirectory folder_;
};

TEST_F(Cost, SaysWhatAMonthTakes) {
  const Value all = cost_json(
      {"--sagas", "10/s", "--state", "300", "--region", "here", "--prices", simple_prices()});
  const Value& lean = *all.find("no_index");
  constexpr double kSeconds = 730 * 3600;
  // Four steps of a unit each, and beside them leases and the watermark.
  const Value& writes = line_of(lean, "dynamodb_write_request_million");
  EXPECT_DOUBLE_EQ(number_at(writes, "quantity"), kSeconds * (10 * 4 + 1 + 0.2));
  EXPECT_DOUBLE_EQ(number_at(writes, "dollars"), number_at(writes, "quantity") / 1e6);
  // Four messages taken in and four published, three requests each; a poll in 20 s.
  const Value& queues = line_of(lean, "sqs_fifo_request_million");
  EXPECT_DOUBLE_EQ(number_at(queues, "quantity"), kSeconds * (10 * 8 * 3 + 0.05));
  double sum = 0;
  for (const Value& line : *lean.find("month")->if_array()) sum += number_at(line, "dollars");
  EXPECT_DOUBLE_EQ(number_at(lean, "dollars"), sum);
  const Value& published = *all.find("published");
  EXPECT_DOUBLE_EQ(number_at(line_of(published, "dynamodb_write_request_million"), "quantity"),
                   kSeconds * (10 * 8 + 1.2));
  EXPECT_EQ(*all.find("prices_from")->if_string(), "2026-01-02");
}

TEST_F(Cost, WorkersReadAndTimersAreRows) {
  const auto requests = [](std::vector<std::string> more) {
    more.insert(more.end(), {"--sagas", "1", "--steps", "5"});
    return number_at(*cost_json(more).find("published"), "requests");
  };
  EXPECT_EQ(requests({}), 5);
  EXPECT_EQ(requests({"--workers", "3"}), 5 + 4);
  EXPECT_EQ(requests({"--timers", "2"}), 5 + 2 * 3);
}

TEST_F(Cost, ABusySagaNeedsShards) {
  const Value all = cost_json({"--sagas", "1000", "--peak", "2", "--state", "300"});
  const Value& lean = *all.find("no_index");
  EXPECT_EQ(number_at(lean, "table_write_units_per_second"), 8000);
  EXPECT_EQ(number_at(lean, "key_shards"), 8);
  EXPECT_EQ(number_at(lean, "index_partitions"), 0);
  const Ran text = run_cost({"--sagas", "1000", "--peak", "2"});
  EXPECT_THAT(text.out, HasSubstr("key_shards=N"));
  EXPECT_THAT(run_cost({"--sagas", "10"}).out, ::testing::Not(HasSubstr("key_shards=N")));
}

TEST_F(Cost, ProvisionedCapacityIsForThePeakAtSeventyPercent) {
  const Value all = cost_json({"--sagas", "10", "--peak", "3", "--state", "300", "--billing",
                               "provisioned", "--region", "here", "--prices", simple_prices()});
  const double needed = std::ceil((3 * 10 * 4 + 1.2) / 0.7);
  EXPECT_DOUBLE_EQ(
      number_at(line_of(*all.find("no_index"), "dynamodb_write_capacity_hour"), "quantity"),
      730 * needed);
}

TEST_F(Cost, StorageFollowsRetention) {
  const auto stored = [&](const std::string& days) {
    const Value all = cost_json({"--sagas", "1", "--lasts", "0s", "--ttl-days", days, "--pitr"});
    return number_at(line_of(*all.find("published"), "dynamodb_storage_gb_month"), "quantity");
  };
  EXPECT_NEAR(stored("20") / stored("10"), 2, 1e-9);
}

TEST_F(Cost, TopicsAndBatchesSaveRequests) {
  const auto a_message = [](const std::vector<std::string>& more) {
    return number_at(*cost_json(more).find("no_index"), "sqs_requests_per_message");
  };
  EXPECT_EQ(a_message({"--sagas", "1"}), 3);
  EXPECT_EQ(a_message({"--sagas", "1", "--topics"}), 2);
  EXPECT_DOUBLE_EQ(a_message({"--sagas", "1", "--batch", "10"}), 0.3);
  EXPECT_EQ(a_message({"--sagas", "1", "--payload", "100000"}), 5);  // two chunks of 64 KB
  // Five leave together, in 16 chunks; ten would be over 1 MiB, and come in 31.
  EXPECT_DOUBLE_EQ(a_message({"--sagas", "1", "--payload", "200000", "--batch", "10"}),
                   16.0 / 5 + 31.0 / 10 + 1.0 / 10);
}

TEST_F(Cost, WhatHasNoPriceIsNamedAndLeftOut) {
  const Value all = cost_json(
      {"--sagas", "1", "--region", "here", "--prices", simple_prices(), "--standard-queues"});
  const Value& lean = *all.find("no_index");
  EXPECT_TRUE(line_of(lean, "sqs_standard_request_million").find("dollars")->is_null());
  ASSERT_EQ(lean.find("unpriced")->if_array()->size(), 1U);
  const Ran text = run_cost(
      {"--sagas", "1", "--region", "here", "--prices", simple_prices(), "--standard-queues"});
  EXPECT_THAT(text.out, HasSubstr("No price in here: sqs_standard_request_million"));
  EXPECT_THAT(text.out, HasSubstr("Prices are of 2026-01-02 to 2026-01-02"));
}

TEST_F(Cost, WrongUseIsOneLine) {
  const auto refused = [](const std::vector<std::string>& words, const std::string& says) {
    const Ran ran = run_cost(words);
    EXPECT_EQ(ran.exit, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(says));
  };
  refused({}, "--sagas is required");
  refused({"--sagas", "0"}, "--sagas: '0', expected a rate over 0");
  refused({"--sagas", "1/w"}, "--sagas: '1/w'");
  refused({"--sagas", "nan"}, "--sagas: 'nan'");
  refused({"--sagas", "1", "--steps", "0"}, "--steps: '0'");
  refused({"--sagas", "1", "--peak", "0.5"}, "--peak: '0.5', expected a number from 1 to 1000");
  refused({"--sagas", "1", "--lasts", "soon"}, "--lasts: 'soon'");
  refused({"--sagas", "1", "--billing", "free"}, "--billing: 'free'");
  refused({"--sagas", "1", "--state", "400000"}, "no item has room");
  refused({"--sagas", "1", "--region", "mars-1"},
          "no prices of the Region 'mars-1', there are us-east-1");
  refused({"--sagas", "1", "--prices", "/nonexistent"}, "/nonexistent: cannot be read");
  refused({"--sagas", "1", "--prices", "/tmp"}, "--prices: /tmp: cannot be read");
}

TEST_F(Cost, BadFilesOfPricesAreOneLine) {
  const auto refused = [this](const std::string& text, const std::string& says) {
    const Ran ran = run_cost({"--sagas", "1", "--region", "r", "--prices", prices(text)});
    EXPECT_EQ(ran.exit, 2);
    EXPECT_TRUE(is_one_line(ran.err)) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(says));
  };
  refused("", "prices.json: ");
  refused("[]", "prices.json: expected an object");
  refused("{}", "'regions' is missing");
  refused(R"({"regions":{"r":[]}})", "regions.r: expected a list of sources");
  refused(R"({"regions":{"r":[{"date":"today","source":"s","prices":{}}]}})",
          "regions.r[0].date: expected a date");
  refused(R"({"regions":{"r":[{"date":"2026-01-01","source":"s","prices":{"beer":1}}]}})",
          "no such price: 'beer'");
  refused(
      R"({"regions":{"r":[{"date":"2026-01-01","source":"s","prices":{"sqs_fifo_request_million":-1}}]}})",
      "sqs_fifo_request_million: expected a price");
}

}  // namespace
}  // namespace sagabus::test
