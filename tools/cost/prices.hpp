// What the services' units cost, by Region: prices.json, or a file of the user's own.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sagabus::tools {

// What prices.json was when the command was built.
std::string_view built_in_prices();

struct PriceSource {
  std::string date;  // 2026-11-30
  std::string text;  // where it was found
};

struct Prices {
  std::string region;
  std::map<std::string, double, std::less<>> dollars;  // by name, as in the file
  std::vector<PriceSource> sources;
  std::string oldest;  // of the dates of the sources
  std::string newest;
};

// Throws std::invalid_argument with one line that begins with `file` where the text is no such
// file, or has no such Region, and says what there is.
Prices read_prices(std::string_view text, std::string_view file, const std::string& region);

}  // namespace sagabus::tools
