// What is fuzzed: each function looks at one input and checks what must hold whatever it is. Run by
// libFuzzer, each in a program of its own, and over the corpus by a test of every build.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace sagabus::fuzz {

void attribute_value(std::string_view input);
void bookkeeping(std::string_view input);
void credentials_document(std::string_view input);
void envelope(std::string_view input);
void http_answer(std::string_view input);
void json(std::string_view input);
void profile_files(std::string_view input);
void timer_row(std::string_view input);
void uri(std::string_view input);

// A property that does not hold. Of no tree of errors that a target may catch.
class Broken : public std::exception {
 public:
  explicit Broken(std::string what) : what_(std::move(what)) {}
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

inline void require(bool holds, const char* property) {
  if (!holds) throw Broken(property);
}

// What `attempt` gives; an empty result where it throws the one error that is documented. Others
// come through, and are findings.
template <class Error, class Attempt>
auto unless_refused(Attempt attempt) -> decltype(attempt()) {
  try {
    return attempt();
  } catch (const Error&) {
    return {};
  }
}

// Stands for a secret in the corpora.
inline constexpr std::string_view kSecret = "s3cret";

inline void require_no_secret(const std::exception& error) {
  require(std::string_view(error.what()).find(kSecret) == std::string_view::npos,
          "an error shows no secret");
}

}  // namespace sagabus::fuzz
