#include "book_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace orders {
namespace {

// In the order of the enumerators. A line begins with one of these words.
constexpr std::array<std::string_view, kEffects> kEffectNames{
    "payment",  "refund", "reservation", "release",
    "shipment", "recall", "completion",  "cancellation"};
constexpr std::array<std::string_view, 3> kOutcomeNames{"handled", "failed", "repeated"};
constexpr std::string_view kSpent = "spent";

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

void copy_line(const std::string& line, Books& books) {
  std::istringstream in(line);
  std::string word;
  in >> word;
  if (const auto outcome = find<Outcome>(kOutcomeNames, word)) {
    books.count(*outcome);
  } else if (const auto effect = find<Effect>(kEffectNames, word)) {
    Entry entry{.effect = *effect};
    in >> entry.order >> entry.key >> std::ws;
    if (in.fail()) throw std::runtime_error("the books have half an entry: " + line);
    std::getline(in, entry.reason);
    books.enter(entry);
  } else if (word == kSpent) {
    Bill bill;
    in >> bill.store.requests >> bill.store.failed_conditions >> bill.store.read_units >>
        bill.store.write_units >> bill.transport_requests;
    if (in.fail()) throw std::runtime_error("the books have half a bill: " + line);
    books.spend(bill);
  } else {
    throw std::runtime_error("the books have a line that nobody wrote: " + line);
  }
}

int open_for_appending(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::system_error(errno, std::generic_category(), path);
  return file;
}

}  // namespace

BookFile::BookFile(const std::string& path) : file_(open_for_appending(path)) {}

BookFile::~BookFile() {
  ::close(file_);
}

void BookFile::enter(const Entry& entry) {
  append(fmt::format("{} {} {} {}\n", kEffectNames.at(static_cast<std::size_t>(entry.effect)),
                     entry.order, entry.key, entry.reason));
}

void BookFile::count(Outcome outcome) {
  append(fmt::format("{}\n", kOutcomeNames.at(static_cast<std::size_t>(outcome))));
}

void BookFile::spend(const Bill& bill) {
  append(fmt::format("{} {} {} {} {} {}\n", kSpent, bill.store.requests,
                     bill.store.failed_conditions, bill.store.read_units, bill.store.write_units,
                     bill.transport_requests));
}

void BookFile::append(const std::string& line) const {
  const ssize_t written = ::write(file_, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) return;
  throw std::system_error(written < 0 ? errno : ENOSPC, std::generic_category(), "the books");
}

void BookReader::copy_into(Books& books) {
  if (!in_.is_open()) in_.open(path_);
  if (!in_.is_open()) return;
  in_.clear();  // the end of the file has moved
  for (std::string part; std::getline(in_, part);) {
    line_ += part;
    if (in_.eof()) return;
    copy_line(std::exchange(line_, {}), books);
  }
}

}  // namespace orders
