// The shared config and credentials files, split at the first zero byte; and the command line of a
// credential_process.
#include "aws/profile_files.hpp"

#include <algorithm>

#include "aws/split_command.hpp"
#include "sagabus/error.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

bool same(const aws::ProfileFiles& a, const aws::ProfileFiles& b) {
  return a.profiles == b.profiles && a.sso_sessions == b.sso_sessions;
}

void check_keys(const aws::ProfileKeys& keys) {
  for (const auto& [key, value] : keys) {
    const bool plain = std::none_of(key.begin(), key.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || c == ' ' || c == '\t' || c == '\n' || c == '=';
    });
    require(!key.empty() && plain, "a key is a word in lower case");
    require(value.empty() || (value.front() != ' ' && value.back() != ' '), "a value is trimmed");
  }
}

void check_files(std::string_view config, std::string_view credentials) {
  const auto both = aws::parse_profile_files(config, credentials);
  const auto of_config = aws::parse_profile_files(config, {});
  const auto of_credentials = aws::parse_profile_files({}, credentials);
  require(same(both, aws::parse_profile_files(with_crlf(config), with_crlf(credentials))),
          "how lines end makes no difference");
  require(both.sso_sessions == of_config.sso_sessions, "SSO is of the config file");
  for (const auto& [name, keys] : both.profiles) {
    require(!name.empty(), "a profile has a name");
    check_keys(keys);
  }
  for (const auto& [name, keys] : of_config.profiles) {
    for (const auto& [key, value] : keys) {
      require(both.profiles.at(name).contains(key), "nothing of the config file is lost");
    }
  }
  for (const auto& [name, keys] : of_credentials.profiles) {
    for (const auto& [key, value] : keys) {
      require(both.profiles.at(name).at(key) == value, "the credentials file wins");
    }
  }
}

std::string in_quotes(std::string_view word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? R"('\'')" : std::string(1, c);
  return out + "'";
}

void check_command(std::string_view input) {
  std::vector<std::string> words;
  try {
    words = aws::split_command(input);
  } catch (const AccessDenied& error) {
    return require_no_secret(error);
  }
  require(!words.empty(), "a command has a word");
  std::string command;
  for (const std::string& word : words) {
    require(word.find('\0') == std::string::npos, "a word has no zero byte");
    command += ' ' + in_quotes(word);
  }
  require(aws::split_command(command) == words, "words come back from their quotes");
}

}  // namespace

void profile_files(std::string_view input) {
  check_command(input);
  const std::size_t config = std::min(input.find('\0'), input.size());
  check_files(input.substr(0, config), input.substr(std::min(config + 1, input.size())));
}

}  // namespace sagabus::fuzz
