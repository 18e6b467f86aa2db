#include "aws/profile_files.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <vector>

#include "aws/small_file.hpp"
#include "sagabus/error.hpp"
#include "support/temp_directory.hpp"
#include "unit/aws/another_user.hpp"
#include "unit/aws/message_of.hpp"

namespace sagabus::aws {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Sections = std::map<std::string, ProfileKeys, std::less<>>;

struct ProfileCase {
  const char* what;
  std::string config;
  std::string credentials;
  Sections profiles;
};

void check_all(const std::vector<ProfileCase>& cases) {
  for (const ProfileCase& it : cases) {
    EXPECT_EQ(parse_profile_files(it.config, it.credentials).profiles, it.profiles) << it.what;
  }
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

TEST(ProfileFiles, TellSectionsApart) {
  check_all({
      {"nothing", "", "", {}},
      {"an empty profile", "[profile a]", "", {{"a", {}}}},
      {"the default profile", "[default]\nk=1", "", {{"default", {{"k", "1"}}}}},
      {"a name without the prefix in the config file", "[a]\nk=1", "", {}},
      {"a name without the prefix in the credentials file", "", "[a]\nk=1", {{"a", {{"k", "1"}}}}},
      {"a name with the prefix in the credentials file", "", "[profile a]\nk=1", {}},
      {"an SSO session in the credentials file", "", "[sso-session a]\nk=1", {}},
      {"other sections", "[services s]\nk=1\n[plugins]\nk=2\n[profilea]\nk=3", "", {}},
      {"white space around names",
       "[ \tprofile \t a\t ]\n[  default ]",
       "[ b\t]",
       {{"a", {}}, {"b", {}}, {"default", {}}}},
      {"a tab after the prefix", "[profile\ta]", "", {{"a", {}}}},
      {"comments after headers",
       "[profile a]; x\n[profile b]# y\n[profile c] # ] z",
       "",
       {{"a", {}}, {"b", {}}, {"c", {}}}},
      {"quoted names",
       "[profile \"my prof\"]\nk=1\n[profile 'a]b']\n[profile \"plain\"]",
       "",
       {{"a]b", {}}, {"my prof", {{"k", "1"}}}, {"plain", {}}}},
      {"unquoted names with blanks in the credentials file",
       "[profile 'my prof']\nr=1",
       "[my prof]\nk=1\n[\"my prof\"]\nl=2",
       {{"my prof", {{"k", "1"}, {"l", "2"}, {"r", "1"}}}}},
      {"unquoted names with blanks in the config file", "[profile my prof]\nk=1", "", {}},
      {"names of all sorts", "[profile a-Z_0.9/@:+%\xc3\xa9]", "", {{"a-Z_0.9/@:+%\xc3\xa9", {}}}},
      {"no name", "[profile]\nk=1\n[]\nk=2\n[profile \"\"]\nk=3", "[ ]\nk=4", {}},
      {"names differ by case",
       "[profile A]\nk=1\n[profile a]\nk=2",
       "",
       {{"A", {{"k", "1"}}}, {"a", {{"k", "2"}}}}},
  });
}

TEST(ProfileFiles, MergeSections) {
  check_all({
      {"of one file",
       "[profile a]\nk=1\nl=1\n[profile b]\n[profile a]\nl=2\nm=3",
       "",
       {{"a", {{"k", "1"}, {"l", "2"}, {"m", "3"}}}, {"b", {}}}},
      {"of both files",
       "[profile a]\nk=1\nr=2",
       "[a]\nk=3\nl=4",
       {{"a", {{"k", "3"}, {"l", "4"}, {"r", "2"}}}}},
      {"and a later key wins", "[profile a]\nk=1\nK=2", "", {{"a", {{"k", "2"}}}}},
      {"and a later key wins with what continues it",
       "[profile a]\nk=1\n x\nk=2\n y",
       "",
       {{"a", {{"k", "2\ny"}}}}},
      {"[profile default] replaces a [default] that follows",
       "[profile default]\nk=1\n[default]\nk=2\nl=3",
       "",
       {{"default", {{"k", "1"}}}}},
      {"[profile default] replaces a [default] before it",
       "[default]\nk=2\nl=3\n[profile default]\nk=1\n[default]\nm=4",
       "",
       {{"default", {{"k", "1"}}}}},
      {"[profile default] merges with the credentials",
       "[profile default]\nk=1\n[default]\nl=2",
       "[default]\ns=3",
       {{"default", {{"k", "1"}, {"s", "3"}}}}},
      {"[default] merges with itself and the credentials",
       "[default]\nk=1\n[default]\nl=2",
       "[default]\nl=3",
       {{"default", {{"k", "1"}, {"l", "3"}}}}},
  });
}

TEST(ProfileFiles, ReadKeysAndValues) {
  const auto is = [](const char* what, std::string lines, ProfileKeys keys) {
    return ProfileCase{what, "[profile a]\n" + lines, "", {{"a", std::move(keys)}}};
  };
  check_all({
      is("white space around both", " \nk \t= \t v w\t ", {{"k", "v w"}}),
      is("the first equals sign counts", "k=v=w==", {{"k", "v=w=="}}),
      is("an empty value", "k=\nl = ", {{"k", ""}, {"l", ""}}),
      is("keys in any case", "AWS_Access_Key_ID = AbC", {{"aws_access_key_id", "AbC"}}),
      is("blank lines", "\n\t\nk=1\n \t\n\nl=2\n", {{"k", "1"}, {"l", "2"}}),
      is("CRLF", "k = 1\r\n\r\nl = 2\r\n m\r\n", {{"k", "1"}, {"l", "2\nm"}}),
      is("bytes beyond ASCII", "k = \xf0\x9f\x98\x82", {{"k", "\xf0\x9f\x98\x82"}}),
      is("no key", "= 1\n  = 2", {}),
      is("no equals sign", "k : 1\nl=2", {{"l", "2"}}),
      is("a key with a blank in it", "k l = 1\nm=2", {{"m", "2"}}),
      is("comment lines", "# k=1\n;k=2\n  # k=3\nl=4", {{"l", "4"}}),
      is("comments after values", "k=1 # x\nl=2\t; y # z\nm= # x\nn=3 ;",
         {{"k", "1"}, {"l", "2"}, {"m", ""}, {"n", "3"}}),
      is("no white space, no comment", "k=1# x\nl=2;y\nm=#z",
         {{"k", "1# x"}, {"l", "2;y"}, {"m", "#z"}}),
      is("no comment within quotes", "k = 'a # b' \"c ; d\" # e", {{"k", "'a # b' \"c ; d\""}}),
      is("an apostrophe is no quote", "k = it's # isn't", {{"k", "it's"}}),
      is("an open quote is none", "k = \"a # b", {{"k", "\"a"}}),
  });
  check_all({{"a byte order mark",
              "\xef\xbb\xbf[profile a]\nk=1",
              "\xef\xbb\xbf[b]\nk=2",
              {{"a", {{"k", "1"}}}, {"b", {{"k", "2"}}}}}});
}

TEST(ProfileFiles, ContinueValues) {
  const auto is = [](const char* what, std::string lines, ProfileKeys keys) {
    return ProfileCase{what, "[profile a]\n" + lines, "", {{"a", std::move(keys)}}};
  };
  check_all({
      is("on lines that are indented", "k=1\n -x\n\t y \nl=2", {{"k", "1\n-x\ny"}, {"l", "2"}}),
      is("with what would be a comment", "k=1\n x # y\n z ;", {{"k", "1\nx # y\nz ;"}}),
      is("nested", "s3 =\n  max = 20\n  region = x\nregion = y",
         {{"region", "y"}, {"s3", "\nmax = 20\nregion = x"}}),
      is("nested, with blank lines and comments", "s3 =\n  max = 20\n\n \t\n# x\n  # y\n  b = 1",
         {{"s3", "\nmax = 20\nb = 1"}}),
      is("with what would be a header", "k=1\n [profile b]\n l=2", {{"k", "1\n[profile b]\nl=2"}}),
      is("not those that are ignored", "bad key =\n  region = x\nbroken\n  role = y\nk=1",
         {{"k", "1"}}),
      is("not across sections", "k=1\n[profile a]\n -x", {{"k", "1"}}),
      is("where keys are indented themselves", "  k=1\n  l=2\n    x\n m=3",
         {{"k", "1"}, {"l", "2\nx"}, {"m", "3"}}),
  });
}

TEST(ProfileFiles, IgnoreWhatTheyCannotAttribute) {
  check_all({
      {"keys before any section", "k=1\n x=2\n[profile a]", "k=3\n[b]", {{"a", {}}, {"b", {}}}},
      {"keys under a broken header",
       "[profile a]\nk=1\n[profile b\nk=2\n[profile c] x\nk=3",
       "[d\nk=4",
       {{"a", {{"k", "1"}}}}},
      {"keys under an ignored section",
       "[profile a]\nk=1\n[services x]\nk=2\ns3 =\n  k=3",
       "",
       {{"a", {{"k", "1"}}}}},
  });
}

TEST(ProfileFiles, HoldSsoSessions) {
  const ProfileFiles files = parse_profile_files(
      "[sso-session s]\nsso_region=1\n[profile s]\nsso_session=s\n[sso-session \"t u\"]\n"
      "[sso-session s]\nSSO_start_url = https://x/#/",
      "[s]\nk=2");
  const Sections sessions = {{"s", {{"sso_region", "1"}, {"sso_start_url", "https://x/#/"}}},
                             {"t u", {}}};
  EXPECT_EQ(files.sso_sessions, sessions);
  const Sections profiles = {{"s", {{"k", "2"}, {"sso_session", "s"}}}};
  EXPECT_EQ(files.profiles, profiles);
}

// Keys and values are parts of the input, and no part is taken twice.
std::size_t size_of(const Sections& sections) {
  std::size_t size = 0;
  for (const auto& [name, keys] : sections) {
    size += name.size();
    for (const auto& [key, value] : keys) size += key.size() + value.size();
  }
  return size;
}

TEST(ProfileFiles, TakeAnyBytes) {
  const std::vector<std::string> pieces = {"[",
                                           "]",
                                           "[profile ",
                                           "[sso-session ",
                                           "default",
                                           "\n",
                                           "\r\n",
                                           "\n ",
                                           "\n\t",
                                           "=",
                                           " = ",
                                           "#",
                                           " #",
                                           ";",
                                           " ;",
                                           "\"",
                                           "'",
                                           "\\",
                                           "k",
                                           "role_arn",
                                           "\xef\xbb\xbf",
                                           std::string(1, '\0')};
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t left = below(60); left > 0; --left) {
      if (below(8) == 0) text += static_cast<char>(below(256));
      text += pieces[below(pieces.size())];
    }
    const std::size_t half = below(text.size() + 1);
    const ProfileFiles files = parse_profile_files(text.substr(0, half), text.substr(half));
    EXPECT_LE(size_of(files.profiles) + size_of(files.sso_sessions), text.size()) << text;
  }
}

TEST(ProfileFiles, TakeLongLines) {
  const std::string quotes(300'000, '"');
  std::string blanks_and_quotes = "[default]\nk = ";
  for (int i = 0; i < 100'000; ++i) blanks_and_quotes += i % 2 ? " '" : " \"";
  EXPECT_EQ(parse_profile_files("[profile " + quotes, quotes).profiles.size(), 0u);
  EXPECT_EQ(parse_profile_files(blanks_and_quotes, "").profiles.size(), 1u);
}

TEST(ProfilePaths, AreTheVariablesOrLieInTheHome) {
  const auto paths = [](std::map<std::string, std::string> variables) {
    const ProfilePaths found = resolve_profile_paths(fixed_environment(std::move(variables)));
    return found.credentials + "|" + found.config;
  };
  EXPECT_EQ(paths({{"HOME", "/h"}}), "/h/.aws/credentials|/h/.aws/config");
  EXPECT_EQ(paths({{"HOME", "/h"}, {"AWS_CONFIG_FILE", "/c"}}), "/h/.aws/credentials|/c");
  EXPECT_EQ(paths({{"HOME", "/h"}, {"AWS_SHARED_CREDENTIALS_FILE", "s"}}), "s|/h/.aws/config");
  EXPECT_EQ(
      paths({{"HOME", "/h"}, {"AWS_CONFIG_FILE", "~/c"}, {"AWS_SHARED_CREDENTIALS_FILE", "~x/~"}}),
      "~x/~|/h/c");
  EXPECT_EQ(paths({}), "|");
  EXPECT_EQ(paths({{"AWS_CONFIG_FILE", "~/c"}, {"AWS_SHARED_CREDENTIALS_FILE", "/s"}}), "/s|");
}

TEST(ProfileFiles, AreRead) {
  const test::TempDirectory directory;
  ProfilePaths paths;
  paths.config = directory.file("config");
  paths.credentials = directory.file("credentials");
  EXPECT_TRUE(read_profile_files(paths).profiles.empty());
  write_file(paths.config, "[profile a]\nregion = x\n");
  write_file(paths.credentials, "[a]\naws_access_key_id = A\n");
  const Sections both = {{"a", {{"aws_access_key_id", "A"}, {"region", "x"}}}};
  EXPECT_EQ(read_profile_files(paths).profiles, both);
  paths.credentials = paths.config + "/under-a-file";
  EXPECT_EQ(read_profile_files(paths).profiles.at("a").size(), 1u);
  EXPECT_TRUE(read_profile_files(ProfilePaths()).profiles.empty());
}

TEST(ProfileFiles, SayWhatCannotBeRead) {
  const test::TempDirectory directory;
  ProfilePaths paths;
  paths.config = directory.path().string();
  EXPECT_THAT(message_of<AccessDenied>([&] { read_profile_files(paths); }),
              AllOf(HasSubstr(paths.config), HasSubstr("directory")));
  paths.config = directory.file("loop");
  ASSERT_EQ(::symlink("loop", paths.config.c_str()), 0);
  EXPECT_THAT(message_of<AccessDenied>([&] { read_profile_files(paths); }),
              HasSubstr(paths.config));
  paths.config = directory.file("pipe");  // nobody writes to it
  ASSERT_EQ(::mkfifo(paths.config.c_str(), 0600), 0);
  EXPECT_THAT(message_of<AccessDenied>([&] { read_profile_files(paths); }), HasSubstr("a pipe"));
  paths.config = directory.file("closed");
  write_file(paths.config, "[default]\nk = s3cret\n");
  ASSERT_EQ(::chmod(paths.config.c_str(), 0), 0);
  const AnotherUser root_could_read_it;
  EXPECT_THAT(message_of<NotPermitted>([&] { read_profile_files(paths); }),
              HasSubstr("Permission denied"));
}

// A home may be somebody else's, as in a container.
TEST(ProfileFiles, AreLeftOutWhereNobodyNamedThemAndTheyMayNotBeRead) {
  const test::TempDirectory home;
  const std::string credentials = home.file(".aws/credentials");
  ASSERT_EQ(::mkdir(home.file(".aws").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(home.path().c_str(), 0755), 0);
  write_file(home.file(".aws/config"), "[profile a]\n");
  write_file(credentials, "[b]\nk = s3cret\n");
  const auto read = [&](std::map<std::string, std::string> variables) {
    variables["HOME"] = home.path().string();
    return read_profile_files(resolve_profile_paths(fixed_environment(std::move(variables))));
  };
  EXPECT_EQ(read({}).profiles.size(), 2u);
  EXPECT_EQ(read({}).left_out, "");
  ASSERT_EQ(::chmod(credentials.c_str(), 0), 0);
  const AnotherUser root_could_read_it;
  EXPECT_EQ(read({}).profiles.size(), 1u);
  EXPECT_EQ(read({}).left_out, "cannot read " + credentials + ": Permission denied");
  EXPECT_THAT(message_of<NotPermitted>([&] {
                read({{"AWS_SHARED_CREDENTIALS_FILE", credentials}});
              }),
              HasSubstr(credentials));
}

TEST(ProfileFiles, AreReadUpToOneMebibyte) {
  const test::TempDirectory directory;
  ProfilePaths paths;
  paths.credentials = directory.file("credentials");
  std::string content = "[a]\nk = s3cret\n";
  content.resize(1024 * 1024, '\n');
  write_file(paths.credentials, content);
  EXPECT_EQ(read_profile_files(paths).profiles.size(), 1u);
  write_file(paths.credentials, content + "\n");
  EXPECT_THAT(message_of<AccessDenied>([&] { read_profile_files(paths); }),
              AllOf(HasSubstr(paths.credentials), HasSubstr("1 MiB"), Not(HasSubstr("s3cret"))));
}

}  // namespace
}  // namespace sagabus::aws
