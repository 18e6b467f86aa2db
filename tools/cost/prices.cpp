#include "cost/prices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "prices_json.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::tools {
namespace {

constexpr std::array<std::string_view, 13> kNames = {
    "dynamodb_write_request_million", "dynamodb_read_request_million",
    "dynamodb_write_capacity_hour",   "dynamodb_read_capacity_hour",
    "dynamodb_storage_gb_month",      "dynamodb_recovery_gb_month",
    "sqs_fifo_request_million",       "sqs_standard_request_million",
    "sns_fifo_publish_million",       "sns_fifo_delivery_million",
    "sns_fifo_published_gb",          "sns_fifo_delivered_gb",
    "sns_standard_publish_million"};

// Where in the file something is, for errors.
struct Place {
  std::string text;

  Place in(std::string_view member) const { return {fmt::format("{}.{}", text, member)}; }
  Place at(std::size_t index) const { return {fmt::format("{}[{}]", text, index)}; }
  [[noreturn]] void fail(std::string_view problem) const {
    throw std::invalid_argument(fmt::format("{}: {}", text, problem));
  }
};

const Value& member(const Value& object, std::string_view name, const Place& place) {
  if (const Value* found = object.find(name)) return *found;
  place.fail(fmt::format("'{}' is missing", name));
}

const Object& object_of(const Value& value, const Place& place) {
  if (const Object* object = value.if_object()) return *object;
  place.fail("expected an object");
}

std::string text_of(const Value& value, const Place& place) {
  if (const std::string* text = value.if_string()) return *text;
  place.fail("expected a text");
}

double price_of(const Value& value, const Place& place) {
  double price = -1;
  if (const double* number = value.if_double()) price = *number;
  if (const std::int64_t* number = value.if_int64()) price = static_cast<double>(*number);
  if (price < 0) place.fail("expected a price in dollars, 0 or more");
  return price;
}

// Dates are compared as texts.
bool is_date(const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00";
  return text.size() == kForm.size() &&
         std::equal(text.begin(), text.end(), kForm.begin(), [](char c, char form) {
           return form == '-' ? c == '-' : c >= '0' && c <= '9';
         });
}

std::string date_of(const Value& value, const Place& place) {
  std::string date = text_of(value, place);
  if (!is_date(date)) place.fail("expected a date such as 2026-11-30");
  return date;
}

void read_source(const Value& source, const Place& place, Prices& out) {
  const std::string date = date_of(member(source, "date", place), place.in("date"));
  out.sources.push_back({date, text_of(member(source, "source", place), place.in("source"))});
  const Place prices = place.in("prices");
  for (const auto& [name, value] : object_of(member(source, "prices", place), prices)) {
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      prices.fail(fmt::format("no such price: '{}'", name));
    }
    out.dollars[name] = price_of(value, prices.in(name));
  }
  if (out.oldest.empty() || date < out.oldest) out.oldest = date;
  if (date > out.newest) out.newest = date;
}

Value parse(std::string_view text, std::string_view file) {
  try {
    return parse_json(text);
  } catch (const ValidationError& error) {
    throw std::invalid_argument(fmt::format("{}: {}", file, error.what()));
  }
}

}  // namespace

std::string_view built_in_prices() {
  return kPricesJson;
}

Prices read_prices(std::string_view text, std::string_view file, const std::string& region) {
  const Value whole = parse(text, file);
  const Place root{std::string(file)};
  object_of(whole, root);
  const Place regions = root.in("regions");
  const Value& all = member(whole, "regions", root);
  std::string names;
  for (const auto& [name, sources] : object_of(all, regions)) {
    names += (names.empty() ? "" : ", ") + name;
  }
  const Value* const found = all.find(region);
  if (!found) {
    root.fail(fmt::format("no prices of the Region '{}', there are {}; give your own by --prices",
                          region, names.empty() ? "none" : names));
  }
  Prices out;
  out.region = region;
  const Place place = regions.in(region);
  const Array* const sources = found->if_array();
  if (!sources || sources->empty()) place.fail("expected a list of sources");
  for (std::size_t i = 0; i < sources->size(); ++i) read_source((*sources)[i], place.at(i), out);
  return out;
}

}  // namespace sagabus::tools
