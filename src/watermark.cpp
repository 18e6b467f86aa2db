#include "sagabus/watermark.hpp"

#include <algorithm>

#include "sagabus/codec.hpp"
#include "sagabus/json.hpp"

namespace sagabus {
namespace {

constexpr std::int64_t kTextFormat = 1;

struct WatermarkText {
  std::int64_t f = 0;  // the number of the format
  std::uint64_t t = 0;
  std::vector<std::uint64_t> o;
};
SAGABUS_DESCRIBE(WatermarkText, f, t, o)

}  // namespace

bool Watermark::covers(std::uint64_t sequence) const {
  return sequence <= through && !std::binary_search(open.begin(), open.end(), sequence);
}

std::string write_watermark(const Watermark& watermark) {
  return to_json(to_value(WatermarkText{kTextFormat, watermark.through, watermark.open}));
}

Watermark read_watermark(std::string_view text) {
  const auto read = from_value<WatermarkText>(parse_json(text), MissingField::refuse);
  const FieldPath root(MissingField::refuse);
  if (read.f != kTextFormat) FieldPath(root, "f").fail("a format that this version does not know");
  const bool rising = std::is_sorted(read.o.begin(), read.o.end());
  if (!rising || (!read.o.empty() && read.o.back() > read.t)) {
    FieldPath(root, "o").fail("not in rising order, or beyond t");
  }
  return {read.t, read.o};
}

}  // namespace sagabus
