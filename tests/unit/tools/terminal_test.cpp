#include "terminal.hpp"

#include <gtest/gtest.h>

namespace {

using sagabus::tools::escape_controls;

TEST(Terminal, LeavesTextAsItIs) {
  for (const char* text : {"", "o-1", "Bestellung Größe 7", "注文", "€ … ‘x’", "😀"}) {
    EXPECT_EQ(escape_controls(text), text);
  }
}

TEST(Terminal, EscapesWhatActsOnIt) {
  EXPECT_EQ(escape_controls("a\x1b[31mb"), "a\\u001b[31mb");
  EXPECT_EQ(escape_controls("a\nb\tc\x7f"), "a\\u000ab\\u0009c\\u007f");
  EXPECT_EQ(escape_controls("a\xC2\x9B"
                            "31mb"),
            "a\\u009b31mb");  // one-character CSI
  EXPECT_EQ(escape_controls("a\xE2\x80\xAE"
                            "b"),
            "a\\u202eb");  // right-to-left override
  EXPECT_EQ(escape_controls("\xE2\x81\xA9"
                            "b"),
            "\\u2069b");  // pop directional isolate
  EXPECT_EQ(escape_controls("\xD8\x9C"
                            "b"),
            "\\u061cb");  // Arabic letter mark
}

TEST(Terminal, KeepsWhatIsBeside) {
  EXPECT_EQ(escape_controls("\xC2\xA0"), "\xC2\xA0");          // no-break space
  EXPECT_EQ(escape_controls("\xE2\x80\xA7"), "\xE2\x80\xA7");  // just before U+2028
  EXPECT_EQ(escape_controls("\xE2\x80\xAF"), "\xE2\x80\xAF");  // just after U+202E
}

}  // namespace
