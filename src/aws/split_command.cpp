#include "aws/split_command.hpp"

#include <utility>

#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

class CommandSplitter {
 public:
  explicit CommandSplitter(std::string_view rest) : rest_(rest) {}

  std::vector<std::string> split() {
    while (!rest_.empty()) {
      const char c = take();
      if (std::string_view(" \t\r\n").find(c) != std::string_view::npos) {
        end_word();
      } else if (c == '\'' || c == '"') {
        take_quoted(c);
      } else {
        add(c == '\\' && !rest_.empty() ? take() : c);
      }
    }
    end_word();
    return std::move(words_);
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void add(char c) {
    in_word_ = true;
    word_ += c;
  }

  void take_quoted(char quote) {
    in_word_ = true;  // '' is a word, if an empty one
    while (!rest_.empty()) {
      const char c = take();
      if (c == quote) return;
      const bool escapes = c == '\\' && quote == '"' && !rest_.empty() &&
                           (rest_.front() == '"' || rest_.front() == '\\');
      word_ += escapes ? take() : c;
    }
    throw AccessDenied("credential_process: a quote is not closed");
  }

  void end_word() {
    if (in_word_) words_.push_back(std::exchange(word_, std::string()));
    in_word_ = false;
  }

  std::string_view rest_;
  std::vector<std::string> words_;
  std::string word_;
  bool in_word_ = false;
};

}  // namespace

std::vector<std::string> split_command(std::string_view command) {
  if (command.find('\0') != command.npos) {
    throw AccessDenied("credential_process: a byte is zero");
  }
  auto words = CommandSplitter(command).split();
  if (words.empty()) throw AccessDenied("credential_process: names no program");
  return words;
}

}  // namespace sagabus::aws
