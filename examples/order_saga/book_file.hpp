// The books as a file, for services that run in several processes: each of them appends its lines,
// and whoever wants to know reads along.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

#include "books.hpp"

namespace orders {

// A line is one write to a file that is open for appending. So lines of several processes do not
// mix, and SIGKILL neither cuts one nor loses one that was written.
class BookFile : public Books {
 public:
  // Throws std::system_error where the file cannot be opened; the other functions, where it cannot
  // be written.
  explicit BookFile(const std::string& path);
  BookFile(const BookFile&) = delete;
  BookFile& operator=(const BookFile&) = delete;
  ~BookFile() override;

  void enter(const Entry& entry) override;
  void count(Outcome outcome) override;
  void spend(const Bill& bill) override;

 private:
  void append(const std::string& line) const;

  const int file_;
};

class BookReader {
 public:
  // The file need not be there yet.
  explicit BookReader(std::string path) : path_(std::move(path)) {}

  // Copies the lines that have come since the last time. Throws std::runtime_error for a line that
  // nobody could have written.
  void copy_into(Books& books);

 private:
  const std::string path_;
  std::ifstream in_;
  std::string line_;  // what there is of one that is being written
};

}  // namespace orders
