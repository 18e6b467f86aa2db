#include "cell_width.hpp"

#include <gtest/gtest.h>

namespace sagabus::tools {
namespace {

TEST(CellWidth, IsThatOfATerminal) {
  EXPECT_EQ(cell_width(""), 0U);
  EXPECT_EQ(cell_width("order"), 5U);
  EXPECT_EQ(cell_width("grüße"), 5U);
  EXPECT_EQ(cell_width("注文"), 4U);
  EXPECT_EQ(cell_width("한글"), 4U);
  EXPECT_EQ(cell_width("ＡＢ"), 4U);
  EXPECT_EQ(cell_width("ｱｲ"), 2U);
  EXPECT_EQ(cell_width("🚀"), 2U);
  EXPECT_EQ(cell_width("e\u0301"), 1U);
}

TEST(CellWidth, TakesBytesThatAreNoUtf8) {
  EXPECT_EQ(cell_width("a\xFF"), 2U);
  EXPECT_EQ(cell_width("\xE6\xB3"), 2U);
  EXPECT_EQ(cell_width("\xE6xy"), 3U);
}

TEST(CellWidth, ACutTextIsNoWider) {
  EXPECT_EQ(cut_to_cells("order", 5), "order");
  EXPECT_EQ(cut_to_cells("orders", 5), "orde…");
  EXPECT_EQ(cut_to_cells("注文番号", 8), "注文番号");
  EXPECT_EQ(cut_to_cells("注文番号", 7), "注文番…");
  EXPECT_EQ(cut_to_cells("注文番号", 6), "注文…");
  EXPECT_EQ(cut_to_cells("注文番号", 1), "…");
}

}  // namespace
}  // namespace sagabus::tools
