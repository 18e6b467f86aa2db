#include "aws/xml.hpp"

#include <gtest/gtest.h>

namespace sagabus::aws {
namespace {

TEST(Xml, IsReadByNames) {
  const auto root =
      parse_xml("<?xml version='1.0'?><A x='y'><!-- c --><B>1 &lt; 2</B><B>3</B></A>", 10);
  ASSERT_TRUE(root);
  const Element* const a = find_element(*root, "A");
  ASSERT_TRUE(a);
  EXPECT_EQ(child_text(*a, "B"), "1 < 2");
  EXPECT_EQ(child_text(*a, "C"), "");
  EXPECT_TRUE(find_element(*root, "B"));
  EXPECT_FALSE(find_element(*root, "C"));
}

TEST(Xml, ThatIsNoneIsNone) {
  for (const char* text : {"<a>", "<a", "<"}) EXPECT_FALSE(parse_xml(text, 100)) << text;
}

TEST(Xml, HasNoMoreTagsThanItMay) {
  EXPECT_TRUE(parse_xml("<a><b/></a>", 3));
  EXPECT_FALSE(parse_xml("<a><b/></a>", 2));
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "<a>";
  EXPECT_FALSE(parse_xml(deep, 200));
  EXPECT_EQ(read_xml_error(deep).code, "");
}

TEST(Xml, OfAnErrorTellsCodeAndMessage) {
  for (const char* text : {"<Error><Code>C</Code><Message>M</Message></Error>",
                           "<ErrorResponse xmlns='u'><Error><Type>Sender</Type><Code>C</Code>"
                           "<Message>M</Message></Error></ErrorResponse>"}) {
    const XmlError error = read_xml_error(text);
    EXPECT_EQ(error.code, "C") << text;
    EXPECT_EQ(error.message, "M") << text;
  }
  for (const char* text : {"", "<html/>", "{}", "<Error/>"}) {
    EXPECT_EQ(read_xml_error(text).code + read_xml_error(text).message, "") << text;
  }
}

}  // namespace
}  // namespace sagabus::aws
