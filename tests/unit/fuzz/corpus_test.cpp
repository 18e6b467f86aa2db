// Each fuzz target over its corpus, and over mutations of it: the same ones in every run.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/targets.hpp"

namespace sagabus {
namespace {

constexpr int kMutations = 3000;

struct Target {
  const char* name;
  void (*look)(std::string_view input);
};
void PrintTo(const Target& target, std::ostream* out) {
  *out << target.name;
}

std::vector<std::string> corpus_of(const std::string& name) {
  const std::filesystem::path folder = std::filesystem::path(SAGABUS_FUZZ_CORPUS) / name;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string next() {
    std::string text = any_input();
    for (std::size_t i = below(4); i-- > 0;) change(text);
    return text;
  }

 private:
  // Not a distribution, whose numbers differ between libraries.
  std::size_t below(std::size_t end) { return random_() % end; }
  const std::string& any_input() { return corpus_[below(corpus_.size())]; }

  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const auto count = below(std::min<std::size_t>(text.size() - at, 8) + 1);
    const auto byte = static_cast<char>(below(256));
    switch (below(4)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        return;
      case 1:
        text.insert(at, 1, byte);
        return;
      case 2:
        text.erase(at, count);
        return;
      default: {
        const std::string& other = any_input();
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
      }
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_{20261129};
};

std::string in_hex(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

class FuzzCorpus : public testing::TestWithParam<Target> {
 protected:
  // Whether what must hold does.
  static bool look(const std::string& input) {
    try {
      GetParam().look(input);
      return true;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "not so: " << error.what() << "\ninput (xxd -r -p): " << in_hex(input);
      return false;
    }
  }
};

TEST_P(FuzzCorpus, Holds) {
  const auto corpus = corpus_of(GetParam().name);
  ASSERT_FALSE(corpus.empty());
  for (const std::string& input : corpus) look(input);
}

TEST_P(FuzzCorpus, HoldsWhenMutated) {
  const auto corpus = corpus_of(GetParam().name);
  ASSERT_FALSE(corpus.empty());
  Mutator mutator(corpus);
  for (int i = 0; i < kMutations; ++i) {
    if (!look(mutator.next())) return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Targets, FuzzCorpus,
    testing::Values(Target{"attribute_value", fuzz::attribute_value},
                    Target{"bookkeeping", fuzz::bookkeeping},
                    Target{"credentials_document", fuzz::credentials_document},
                    Target{"envelope", fuzz::envelope}, Target{"http_answer", fuzz::http_answer},
                    Target{"json", fuzz::json}, Target{"profile_files", fuzz::profile_files},
                    Target{"timer_row", fuzz::timer_row}, Target{"uri", fuzz::uri}),
    [](const auto& it) { return std::string(it.param.name); });

}  // namespace
}  // namespace sagabus
