// sagabus completion: what a shell needs to complete the command's words.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_completion {
namespace {

constexpr const char* kDescription = "Print what bash or zsh needs to complete verbs and options";

constexpr const char* kFooter =
    "Examples:\n"
    "  sagabus completion bash > /etc/bash_completion.d/sagabus\n"
    "  sagabus completion zsh > /usr/local/share/zsh/site-functions/_sagabus\n"
    "  source <(sagabus completion bash)\n";

// A group or a verb, by the words that lead to it.
struct Place {
  std::string words;  // "table create"; empty: the command
  std::vector<const CLI::App*> verbs;
  std::vector<std::string> options;  // "--store"
};

void add_places(const CLI::App& app, const std::string& words, std::vector<Place>& out) {
  Place place;
  place.words = words;
  place.verbs = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) place.options.push_back("--" + name);
  }
  out.push_back(place);
  for (const CLI::App* verb : place.verbs) {
    add_places(*verb, words.empty() ? verb->get_name() : words + ' ' + verb->get_name(), out);
  }
}

std::vector<Place> places_of(const CLI::App& app) {
  std::vector<Place> places;
  add_places(app, "", places);
  return places;
}

std::string candidates(const Place& place) {
  std::string out;
  for (const CLI::App* verb : place.verbs) out += verb->get_name() + ' ';
  for (const std::string& option : place.options) out += option + ' ';
  if (!out.empty()) out.pop_back();
  return out;
}

// The words so far that are verbs; values of options are none of them.
constexpr const char* kBashHead = R"(_sagabus() {
  local path= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case "${path:+$path }$word" in
)";

constexpr const char* kBashMiddle = R"() path=${path:+$path }$word ;;
    esac
  done
  local words=
  case $path in
)";

constexpr const char* kBashTail = R"(  esac
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _sagabus sagabus
)";

void print_bash(const CLI::App& app) {
  const std::vector<Place> places = places_of(app);
  std::string paths;
  std::string words;
  for (const Place& place : places) {
    if (!place.words.empty()) paths += fmt::format("{}'{}'", paths.empty() ? "" : "|", place.words);
    words += fmt::format("    '{}') words='{}' ;;\n", place.words, candidates(place));
  }
  fmt::print("{}      {}{}{}{}", kBashHead, paths, kBashMiddle, words, kBashTail);
}

// As zsh quotes it; a colon ends the name.
std::string zsh_entry(const std::string& name, const std::string& text) {
  std::string out = "'" + name + ':';
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out + "'";
}

std::string zsh_entries(const CLI::App& app) {
  std::string out;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    out += ' ' + zsh_entry(verb->get_name(), verb->get_description());
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      out += ' ' + zsh_entry("--" + name, option->get_description());
    }
  }
  return out;
}

constexpr const char* kZshMiddle = R"() path_so_far=${path_so_far:+$path_so_far }$word ;;
    esac
  done
  local -a entries
  case $path_so_far in
)";

const CLI::App* find(const CLI::App& app, const std::string& words) {
  const CLI::App* out = &app;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(' ', begin), words.size());
    out = out->get_subcommand(words.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

void print_zsh(const CLI::App& app) {
  std::string paths;
  std::string cases;
  for (const Place& place : places_of(app)) {
    if (!place.words.empty()) paths += fmt::format("{}'{}'", paths.empty() ? "" : "|", place.words);
    cases += fmt::format("    '{}') entries=({} ) ;;\n", place.words,
                         zsh_entries(*find(app, place.words)));
  }
  fmt::print(
      "#compdef sagabus\n_sagabus() {{\n  local path_so_far= word\n"
      "  for word in ${{words[2,CURRENT-1]}}; do\n"
      "    case \"${{path_so_far:+$path_so_far }}$word\" in\n"
      "      {}{}{}  esac\n  _describe sagabus entries || _files\n}}\n"
      "if [ \"$funcstack[1]\" = _sagabus ]; then _sagabus \"$@\"; else compdef _sagabus sagabus; "
      "fi\n",
      paths, kZshMiddle, cases);
}

}  // namespace
}  // namespace verb_completion

void add_completion(CLI::App& app, Action& action) {
  using namespace verb_completion;  // NOLINT(google-build-using-namespace)
  CLI::App* const group = app.add_subcommand("completion", kDescription);
  group->footer(kFooter);
  const auto add = [&](const char* shell, void (*print)(const CLI::App&)) {
    CLI::App* const verb = group->add_subcommand(shell, fmt::format("Print what {} needs", shell));
    verb->footer(kFooter);
    verb->callback([&app, &action, print] {
      action = [&app, print] {
        print(app);
        return Exit::done;
      };
    });
  };
  add("bash", print_bash);
  add("zsh", print_zsh);
}

}  // namespace sagabus::tools
