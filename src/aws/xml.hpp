// XML that a service sent: any element may be missing, or another than expected.
#pragma once

#include <boost/property_tree/ptree.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sagabus::aws {

// A document or an element: its children by name, each with its text.
using Element = boost::property_tree::ptree;

// Nothing where the text is no XML, or has more than `most_tags` tags: the parser recurses, once
// for an element within an element, and anybody may have sent it.
std::optional<Element> parse_xml(std::string_view text, std::size_t most_tags);

// The first element of that name, at any depth; null where there is none.
const Element* find_element(const Element& root, const std::string& name);

// The text of a child; empty where it is missing.
std::string child_text(const Element& element, const char* name);

struct XmlError {
  std::string code{};
  std::string message{};
};

// Of "<ErrorResponse><Error><Code>..." and "<Error><Code>...". Both empty where it is neither.
XmlError read_xml_error(std::string_view body);

}  // namespace sagabus::aws
