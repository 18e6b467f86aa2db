// Runs a bench, and checks its report field by field.
#pragma once

#include <gtest/gtest.h>

#include "run_sagabus.hpp"
#include "sagabus/json.hpp"

namespace sagabus::test {

// What `sagabus <words> --json` printed, once it is known to have gone well with so many sagas.
inline Value bench_report(std::vector<std::string> words, std::int64_t sagas) {
  words.emplace_back("--json");
  const Ran ran = run_sagabus(words);
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(is_one_line(ran.out)) << ran.out;
  Value report = parse_json(ran.out);
  std::vector<std::string> names;
  for (const auto& [name, value] : *report.if_object()) names.push_back(name);
  const std::vector<std::string> expected{
      "messages_per_second", "cpu_us_per_message", "p50_ms",    "p99_ms",
      "peak_rss_mb",         "sagas_completed",    "errors",    "requests",
      "read_units",          "write_units",        "by_message"};
  EXPECT_EQ(names, expected);
  for (const char* name : {"messages_per_second", "cpu_us_per_message", "p50_ms", "peak_rss_mb"}) {
    EXPECT_GT(*report.find(name)->if_double(), 0) << name;
  }
  EXPECT_GE(*report.find("p99_ms")->if_double(), *report.find("p50_ms")->if_double());
  EXPECT_EQ(*report.find("sagas_completed"), Value(sagas));
  EXPECT_EQ(*report.find("errors"), Value(0));
  return report;
}

}  // namespace sagabus::test
