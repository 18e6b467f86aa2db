#include "text_table.hpp"

#include <gtest/gtest.h>

namespace sagabus::tools {
namespace {

TEST(TextTable, AlignsItsColumns) {
  TextTable table({{"NAME"}, {"SIZE", true}, {"TEXT"}}, {});
  EXPECT_EQ(table.add({{"a"}, {"1000"}, {"x"}}), "");
  EXPECT_EQ(table.add({{"grüße"}, {"5"}, {"y"}}), "");
  EXPECT_EQ(table.finish(),
            "NAME   SIZE  TEXT\n"
            "a      1000  x\n"
            "grüße     5  y\n");
}

TEST(TextTable, IsCutWhereTheTerminalEnds) {
  TextTable table({{"NAME"}, {"TEXT"}}, {.width = 20});
  table.add({{"short"}, {"äöüäöüäöüäöüäöü"}});
  EXPECT_EQ(table.finish(),
            "NAME   TEXT\n"
            "short  äöüäöüäöüäöü…\n");
}

TEST(TextTable, TakesFromTheWidestColumn) {
  TextTable table({{"A"}, {"B"}}, {.width = 20});
  table.add({{std::string(9, 'a')}, {std::string(30, 'b')}});
  EXPECT_EQ(table.finish(),
            "A          B\n"
            "aaaaaaaaa  bbbbbbbb…\n");
}

TEST(TextTable, FitsANarrowTerminal) {
  TextTable table({{"NAME"}, {"STATE"}, {"AGE", true}, {"WHAT IT HOLDS"}}, {.width = 20});
  table.add({{std::string(30, 'a')}, {"running"}, {"10"}, {"顧客の注文番号"}});
  EXPECT_EQ(table.finish(),
            "NA…  STA…  AGE  WHA…\n"
            "aa…  run…   10  顧…\n");
}

TEST(TextTable, CountsCellsAndNotCharacters) {
  TextTable table({{"NAME"}, {"TEXT"}}, {.width = 16});
  table.add({{"注文"}, {"数量は七つです"}});
  table.add({{"e\u0301t"}, {"x"}});
  EXPECT_EQ(table.finish(),
            "NAME  TEXT\n"
            "注文  数量は七…\n"
            "e\u0301t    x\n");
}

TEST(TextTable, IsNotCutOnAPipeButWhereAColumnHasABound) {
  TextTable table({{"A", false, 5}, {"B"}}, {});
  table.add({{"123456"}, {std::string(300, 'b')}});
  EXPECT_EQ(table.finish(), "A      B\n1234…  " + std::string(300, 'b') + "\n");
}

TEST(TextTable, PrintsRowsAtOnceOnceItKnowsItsColumns) {
  TextTable table({{"A"}}, {.width = 8});
  std::string out;
  for (int i = 0; i < 150; ++i) out += table.add({{std::to_string(i)}});
  EXPECT_EQ(table.add({{"123456789"}}), "1…\n");  // as wide as "99" and the like
  EXPECT_EQ(table.finish(), "");
  EXPECT_EQ(out.substr(0, 6), "A\n0\n1\n");
}

TEST(TextTable, EscapesAndColours) {
  TextTable table({{"A"}, {"B"}}, {.width = 80, .colour = true});
  table.add({{"a\x1b[2J", Style::good}, {"b"}});
  EXPECT_EQ(table.finish(),
            "\x1b[1mA\x1b[0m           \x1b[1mB\x1b[0m\n"
            "\x1b[32ma\\u001b[2J\x1b[0m  b\n");
  EXPECT_EQ(styled("x", Style::warning, {}), "x");
}

}  // namespace
}  // namespace sagabus::tools
