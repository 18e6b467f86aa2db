#include "aws/profile_files.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "aws/small_file.hpp"

namespace sagabus::aws {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

bool is_blank(char c) {
  return kBlanks.find(c) != kBlanks.npos;
}
bool is_comment(char c) {
  return c == '#' || c == ';';
}
bool is_quote(char c) {
  return c == '"' || c == '\'';
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  const std::size_t end = text.find_last_not_of(kBlanks) + 1;
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

bool holds_blank(std::string_view text) {
  return text.find_first_of(kBlanks) != text.npos;
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Where `ends(i)` first holds outside quotes; the end where it never does. A quote is one only
// where it begins a word and is closed: "it's" holds none.
template <class Ends>
std::size_t find_unquoted(std::string_view text, Ends ends) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (ends(i)) return i;
    if (!is_quote(text[i]) || (i > 0 && !is_blank(text[i - 1]))) continue;
    const std::size_t closing = text.find(text[i], i + 1);
    if (closing != text.npos) i = closing;
  }
  return text.size();
}

std::string_view without_comment(std::string_view value) {
  const auto begins_comment = [&](std::size_t i) {
    return is_comment(value[i]) && i > 0 && is_blank(value[i - 1]);
  };
  return value.substr(0, find_unquoted(value, begins_comment));
}

// A name of a section, without its quotes; nothing where it holds blanks and no quotes around them,
// unless those are allowed.
std::optional<std::string> read_name(std::string_view text, bool allow_blanks) {
  const bool quoted = text.size() >= 2 && is_quote(text.front()) && text.back() == text.front();
  if (quoted) text = text.substr(1, text.size() - 2);
  if (text.empty() || (!quoted && !allow_blanks && holds_blank(text))) return std::nullopt;
  return std::string(text);
}

struct Section {
  std::string_view kind;  // the word before the name; empty where there is but one
  std::string_view name;  // with its quotes
  std::string_view text;  // both
};

// Of a line that begins with "["; nothing where it is no header.
std::optional<Section> read_section(std::string_view line) {
  line.remove_prefix(1);
  const std::size_t end = find_unquoted(line, [&](std::size_t i) { return line[i] == ']'; });
  if (end == line.size()) return std::nullopt;
  const std::string_view rest = trimmed(line.substr(end + 1));
  if (!rest.empty() && !is_comment(rest.front())) return std::nullopt;
  Section section;
  section.text = trimmed(line.substr(0, end));
  section.name = section.text;
  const std::size_t blank = section.text.find_first_of(kBlanks);
  if (blank != section.text.npos && !is_quote(section.text.front())) {
    section.kind = section.text.substr(0, blank);
    section.name = trimmed(section.text.substr(blank));
  }
  return section;
}

// Reads the lines of one file into what `open` gives for each section: null where it is ignored.
class ProfileFileReader {
 public:
  using Open = std::function<ProfileKeys*(const Section&)>;

  explicit ProfileFileReader(Open open) : open_(std::move(open)) {}

  void read(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      read_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

 private:
  void read_line(std::string_view line) {
    const std::string_view content = trimmed(line);
    if (content.empty() || is_comment(content.front())) return;
    const auto indent = static_cast<std::size_t>(content.data() - line.data());
    if (in_property_ && indent > indent_) return continue_value(content);
    value_ = nullptr;
    in_property_ = content.front() != '[';
    indent_ = indent;
    if (in_property_) return begin_property(content);
    const auto section = read_section(content);
    keys_ = section ? open_(*section) : nullptr;
  }

  void begin_property(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (!keys_ || equals == line.npos) return;
    const std::string_view key = trimmed(line.substr(0, equals));
    if (key.empty() || holds_blank(key)) return;
    value_ = &(*keys_)[in_lower_case(key)];
    *value_ = trimmed(without_comment(line.substr(equals + 1)));
  }

  void continue_value(std::string_view line) {
    if (!value_) return;
    *value_ += '\n';
    *value_ += line;
  }

  const Open open_;
  ProfileKeys* keys_ = nullptr;
  std::string* value_ = nullptr;  // null where the property is ignored
  bool in_property_ = false;
  std::size_t indent_ = 0;
};

void read_config(std::string_view text, ProfileFiles& files) {
  std::optional<ProfileKeys> plain_default;
  const auto open = [&](const Section& section) -> ProfileKeys* {
    const auto name = read_name(section.name, false);
    if (!name) return nullptr;
    if (section.kind == "profile") return &files.profiles[*name];
    if (section.kind == "sso-session") return &files.sso_sessions[*name];
    if (!section.kind.empty() || *name != "default") return nullptr;
    if (!plain_default) plain_default.emplace();
    return &*plain_default;
  };
  ProfileFileReader(open).read(text);
  if (plain_default) files.profiles.try_emplace("default", *std::move(plain_default));
}

void read_credentials(std::string_view text, ProfileFiles& files) {
  const auto open = [&](const Section& section) -> ProfileKeys* {
    constexpr std::array<std::string_view, 3> kOfConfig = {"profile", "sso-session", "services"};
    const bool misplaced =
        std::find(kOfConfig.begin(), kOfConfig.end(), section.kind) != kOfConfig.end();
    const auto name = read_name(section.text, true);
    return misplaced || !name ? nullptr : &files.profiles[*name];
  };
  ProfileFileReader(open).read(text);
}

}  // namespace

ProfilePaths resolve_profile_paths(const Environment& environment) {
  const auto home = environment("HOME");
  const auto path = [&](const char* variable, const char* otherwise, bool& is_named) {
    const auto named = environment(variable);
    is_named = named.has_value();
    std::string value = named.value_or(otherwise);
    if (!value.starts_with("~/")) return value;
    return home ? *home + value.substr(1) : std::string();
  };
  ProfilePaths paths;
  paths.credentials =
      path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", paths.names_credentials);
  paths.config = path("AWS_CONFIG_FILE", "~/.aws/config", paths.names_config);
  return paths;
}

ProfileFiles parse_profile_files(std::string_view config, std::string_view credentials) {
  ProfileFiles files;
  read_config(config, files);
  read_credentials(credentials, files);
  return files;
}

ProfileFiles read_profile_files(const ProfilePaths& paths) {
  std::string left_out;
  const auto read = [&](const std::string& path, bool is_named) {
    if (path.empty()) return std::string();
    try {
      return read_small_file_if_any(path).value_or(std::string());
    } catch (const NotPermitted& error) {
      if (is_named) throw;
      left_out.append(left_out.empty() ? "" : "; ").append(error.what());
      return std::string();
    }
  };
  const std::string config = read(paths.config, paths.names_config);
  const std::string credentials = read(paths.credentials, paths.names_credentials);
  ProfileFiles files = parse_profile_files(config, credentials);
  files.left_out = std::move(left_out);
  return files;
}

}  // namespace sagabus::aws
