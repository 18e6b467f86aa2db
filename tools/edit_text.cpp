#include "edit_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "command.hpp"
#include "read_file.hpp"

namespace sagabus::tools {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Words between blanks; '...' and "..." are taken as they are. Empty where a quote is open.
std::vector<std::string> split_words(std::string_view command) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (const char c : command) {
    const bool quotes = quote == '\0' ? c == '\'' || c == '"' : c == quote;
    if (quote == '\0' && (c == ' ' || c == '\t')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quotes) {
      quote = quote == '\0' ? c : '\0';
    } else {
      words.back() += c;
    }
  }
  if (quote != '\0') words.clear();
  return words;
}

std::vector<std::string> editor_words() {
  for (const char* variable : {"VISUAL", "EDITOR"}) {
    const char* const command = std::getenv(variable);
    if (!command || *command == '\0') continue;
    std::vector<std::string> words = split_words(command);
    if (!words.empty()) return words;
    throw Failure(
        Exit::wrong_use,
        fmt::format("{}: expected a program and its arguments; is a quote open?", variable));
  }
  return {"vi"};
}

// While it lives, what a terminal sends to all that run on it is for the editor alone.
class EditorHasTheTerminal {
 public:
  EditorHasTheTerminal() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    for (std::size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], &ignore, &before_[i]);
    }
  }
  ~EditorHasTheTerminal() {
    for (std::size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], &before_[i], nullptr);
    }
  }
  EditorHasTheTerminal(const EditorHasTheTerminal&) = delete;
  EditorHasTheTerminal& operator=(const EditorHasTheTerminal&) = delete;

  static sigset_t signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : kSignals) sigaddset(&set, signal);
    return set;
  }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGQUIT, SIGHUP};
  struct sigaction before_[std::size(kSignals)];
};

// Returns what waitpid says of it.
int run_program(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const EditorHasTheTerminal its;
  const sigset_t as_usual = EditorHasTheTerminal::signals();
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &as_usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    throw Failure(Exit::failed, fmt::format("the editor {} cannot be run: {}; set VISUAL or EDITOR",
                                            words[0], std::strerror(error)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("waiting for the editor");
  }
  return status;
}

}  // namespace

EditedText::EditedText(const std::string& name, const std::string& text) : original_(text) {
  directory_ = (std::filesystem::temp_directory_path() / "sagabus-edit-XXXXXX").string();
  if (!mkdtemp(directory_.data())) fail(directory_);
  path_ = directory_ + '/' + name;
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) close(file);
  std::ofstream out(path_, std::ios::binary);
  out << text;
  out.close();
  if (out) return;
  const std::error_code error(errno, std::generic_category());
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
  throw std::system_error(error, path_);
}

EditedText::~EditedText() {
  if (is_kept_) return;
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);  // with what the editor left there
}

std::string EditedText::edit() {
  std::vector<std::string> words = editor_words();
  const std::string editor = words.front();
  words.push_back(path_);
  const int status = run_program(std::move(words));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Failure(Exit::failed, fmt::format("the editor {} failed: nothing was changed", editor));
  }
  const std::optional<std::string> text = read_file(path_);
  if (!text) throw Failure(Exit::failed, "the editor removed the file: nothing was changed");
  return *text;
}

bool EditedText::is_changed() const {
  const std::optional<std::string> text = read_file(path_);
  return text && *text != original_;
}

std::string EditedText::keep() {
  is_kept_ = true;
  std::error_code ignored;  // nobody else can enter the directory
  std::filesystem::permissions(
      path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
  return path_;
}

}  // namespace sagabus::tools
