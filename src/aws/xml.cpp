#include "aws/xml.hpp"

#include <algorithm>
#include <boost/property_tree/xml_parser.hpp>
#include <sstream>

namespace sagabus::aws {
namespace {

namespace tree = boost::property_tree;

// Errors have some ten; those of S3 that quote a signature, twenty.
constexpr std::size_t kMostErrorTags = 200;

}  // namespace

std::optional<Element> parse_xml(std::string_view text, std::size_t most_tags) {
  const auto tags = std::count(text.begin(), text.end(), '<');
  if (static_cast<std::size_t>(tags) > most_tags) return std::nullopt;
  std::istringstream in{std::string(text)};
  Element root;
  try {
    tree::read_xml(in, root);
  } catch (const tree::xml_parser_error&) {
    return std::nullopt;
  }
  return root;
}

const Element* find_element(const Element& root, const std::string& name) {
  for (const auto& [key, child] : root) {
    if (key == name) return &child;
    if (const Element* const found = find_element(child, name)) return found;
  }
  return nullptr;
}

std::string child_text(const Element& element, const char* name) {
  const auto child = element.find(name);
  return child == element.not_found() ? std::string() : child->second.data();
}

XmlError read_xml_error(std::string_view body) {
  const auto root = parse_xml(body, kMostErrorTags);
  const Element* const error = root ? find_element(*root, "Error") : nullptr;
  if (!error) return {};
  return {child_text(*error, "Code"), child_text(*error, "Message")};
}

}  // namespace sagabus::aws
