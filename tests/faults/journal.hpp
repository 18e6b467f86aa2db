// What a worker does, on paper before and after it does it. One file a life; a line is one write to
// a file opened for appending, so that SIGKILL leaves whole lines, and loses none that was written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sagabus/store.hpp"

namespace sagabus::faults {

// The words of a line.
namespace words {
inline constexpr std::string_view kTry = "try";      // a commit
inline constexpr std::string_view kWon = "won";      // it is in the store
inline constexpr std::string_view kLost = "lost";    // it is not
inline constexpr std::string_view kDoubt = "doubt";  // it may be
inline constexpr std::string_view kSend = "send";
inline constexpr std::string_view kSent = "sent";
inline constexpr std::string_view kAcknowledge = "acknowledge";
inline constexpr std::string_view kAcknowledged = "acknowledged";
inline constexpr std::string_view kAnswerLost = "answer-lost";
inline constexpr std::string_view kDying = "dying";  // at the point of its plan
}  // namespace words

struct Line {
  std::string word;
  std::string saga{};  // this and what follows: of a commit
  std::string saga_id{};
  std::string birth{};
  std::uint64_t version = 0;
};

// Safe from any thread.
class Journal {
 public:
  explicit Journal(const std::string& path);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  void write(std::string_view word) const;
  void write(std::string_view word, const Instance& next) const;

 private:
  const int file_;
};

// Nothing where there is no such file.
std::vector<Line> read_journal(const std::string& path);

}  // namespace sagabus::faults
