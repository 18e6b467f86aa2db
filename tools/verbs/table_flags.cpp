#include "verbs/table_flags.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace sagabus::tools {
namespace {

using dynamodb::CorrelationIndex;

constexpr std::string_view kOff = "off";
constexpr std::string_view kOnDemand = "on-demand";
constexpr std::string_view kProvisioned = "provisioned:";

[[noreturn]] void refuse(std::string_view flag, std::string_view text, std::string_view expected) {
  throw std::invalid_argument(fmt::format("{}: '{}', expected {}", flag, text, expected));
}

// All of the text.
template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// Nothing where it is off.
std::optional<double> read_days(const std::string& text) {
  if (text == kOff) return std::nullopt;
  const std::optional<double> days = read_number<double>(text);
  if (!days || !std::isfinite(*days) || *days <= 0) {
    refuse("--ttl-days", text, "a number of days over 0, such as 7 or 0.5, or off");
  }
  return days;
}

CorrelationIndex read_lean(const std::string& text) {
  if (text == "none") return CorrelationIndex::none;
  if (text == "keys-only") return CorrelationIndex::keys_only;
  refuse("--lean", text, "none (as --lean alone) or keys-only");
}

void read_billing(const std::string& text, dynamodb::TableDescription& out) {
  if (text == kOnDemand) return;
  const auto fail = [&] {
    refuse("--billing", text,
           "on-demand, or provisioned:READ,WRITE with units of 1 or more, such as provisioned:5,5");
  };
  if (!text.starts_with(kProvisioned)) fail();
  const std::string_view units = std::string_view(text).substr(kProvisioned.size());
  const std::size_t comma = units.find(',');
  if (comma == std::string_view::npos) fail();
  const auto read = read_number<std::uint32_t>(units.substr(0, comma));
  const auto write = read_number<std::uint32_t>(units.substr(comma + 1));
  if (read.value_or(0) == 0 || write.value_or(0) == 0) fail();
  out.billing = dynamodb::Billing::provisioned;
  out.read_units = *read;
  out.write_units = *write;
}

[[noreturn]] void contradict(std::string_view flag, std::string_view parameter) {
  throw std::invalid_argument(
      fmt::format("{}: the store's URI says otherwise with its {}; give one of them, or both alike",
                  flag, parameter));
}

// What the URI says goes where the flag says nothing, and the other way round.
template <class T>
void agree(std::string_view flag, bool given, T flags_say, std::string_view parameter,
           std::optional<T>& uri_says) {
  if (!given) return;
  if (uri_says && *uri_says != flags_say) contradict(flag, parameter);
  uri_says = flags_say;
}

}  // namespace

void add_table_flags(CLI::App& verb, TableFlags& flags) {
  verb.add_option("--ttl-days", flags.ttl_days,
                  "How long completed instances stay, as the store is\n"
                  "told (ttl_days); off: the table has no time to live")
      ->type_name("N|off");
  add_switch(verb, "--pitr", flags.pitr, "Point-in-time recovery");
  add_switch(verb, "--stream", flags.stream, "A stream, with new and old images");
  add_switch(verb, "--deletion-protection", flags.deletion_protection,
             "The table cannot be deleted until that is turned off");
  verb.add_flag("--lean{none}", flags.lean,
                "Without the index; --lean=keys-only: one that holds\nkeys alone");
  add_count_option(verb, "--shards", flags.shards, "Key shards, where not 1", 1, 1000)
      ->default_str("");
  verb.add_option("--billing", flags.billing,
                  "on-demand, or provisioned:READ,WRITE units (of the\n"
                  "table, and of its index)")
      ->type_name("MODE");
}

dynamodb::TableDescription read_table_flags(const TableFlags& flags) {
  dynamodb::TableDescription out;
  if (!flags.ttl_days.empty()) out.ttl = read_days(flags.ttl_days).has_value();
  out.point_in_time_recovery = flags.pitr;
  out.stream = flags.stream;
  out.deletion_protection = flags.deletion_protection;
  if (!flags.lean.empty()) out.index = read_lean(flags.lean);
  if (flags.shards != 0) out.key_shards = flags.shards;
  if (!flags.billing.empty()) read_billing(flags.billing, out);
  return out;
}

dynamodb::TableDescription read_table_flags(const TableFlags& flags, DynamoDbUri& uri) {
  dynamodb::TableDescription out = read_table_flags(flags);
  if (flags.ttl_days == kOff && uri.ttl_days) contradict("--ttl-days", "ttl_days");
  if (out.ttl && !flags.ttl_days.empty()) {
    agree("--ttl-days", true, *read_days(flags.ttl_days), "ttl_days", uri.ttl_days);
  }
  agree("--lean", !flags.lean.empty(), out.index, "index", uri.index);
  agree("--shards", flags.shards != 0, out.key_shards, "key_shards", uri.key_shards);
  out.index = uri.index.value_or(out.index);
  out.key_shards = uri.key_shards.value_or(out.key_shards);
  return out;
}

}  // namespace sagabus::tools
