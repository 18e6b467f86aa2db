#include "sagabus/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sagabus/error.hpp"

namespace sagabus {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

// Takes digits and punctuation off the front of a text, and refuses what is not there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!skip(c)) refuse();
  }
  bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  int digit() {
    if (!at_digit()) refuse();
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }
  int number(int digits, int least, int most) {
    int value = 0;
    for (int i = 0; i < digits; ++i) value = value * 10 + digit();
    if (value < least || value > most) refuse();
    return value;
  }
  [[noreturn]] static void refuse() {
    throw ValidationError("expected a time such as 2026-11-22T17:04:05.123Z");
  }

 private:
  std::string_view rest_;
};

nanoseconds fraction(Scanner& in) {
  if (!in.skip('.')) return nanoseconds::zero();
  std::int64_t value = 0;
  int digits = 0;
  for (; in.at_digit() && digits < 9; ++digits) value = value * 10 + in.digit();
  if (digits == 0) Scanner::refuse();
  for (; digits < 9; ++digits) value *= 10;
  return nanoseconds(value);
}

minutes offset(Scanner& in) {
  if (in.skip('Z')) return minutes::zero();
  const int sign = in.skip('-') ? -1 : 1;
  if (sign == 1) in.expect('+');
  const hours h(in.number(2, 0, 23));
  in.expect(':');
  return sign * (h + minutes(in.number(2, 0, 59)));
}

// Before a calendar sees it, whose years wrap.
void require_writable(sys_seconds time) {
  if (!is_writable(time)) throw ValidationError("a time outside the years 0 to 9999");
}

}  // namespace

std::string to_iso8601(SplitTime time) {
  require_writable(time.seconds);
  const auto day = std::chrono::floor<days>(time.seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time.seconds - day);
  std::string text = fmt::format(
      "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
      clock.minutes().count(), clock.seconds().count(), time.fraction.count());
  const std::size_t milliseconds_end = text.size() - 6;
  while (text.size() > milliseconds_end && text.back() == '0') text.pop_back();
  return text += 'Z';
}

std::string to_iso8601(TimePoint time) {
  const auto whole = std::chrono::floor<seconds>(time);
  require_writable(whole);
  return to_iso8601(SplitTime{whole, time - whole});
}

SplitTime parse_iso8601(std::string_view text) {
  Scanner in(text);
  const std::chrono::year year(in.number(4, 0, 9999));
  in.expect('-');
  const std::chrono::month month(static_cast<unsigned>(in.number(2, 1, 12)));
  in.expect('-');
  const std::chrono::day day(static_cast<unsigned>(in.number(2, 1, 31)));
  const std::chrono::year_month_day date(year, month, day);
  if (!date.ok()) Scanner::refuse();
  in.expect('T');
  const hours h(in.number(2, 0, 23));
  in.expect(':');
  const minutes m(in.number(2, 0, 59));
  in.expect(':');
  const seconds s(in.number(2, 0, 60));  // 60: a leap second is the next second
  const nanoseconds part = fraction(in);
  const minutes east = offset(in);
  if (!in.done()) Scanner::refuse();
  const sys_seconds whole = sys_days(date) + h + m + s - east;
  require_writable(whole);
  return {whole, part};
}

}  // namespace sagabus
