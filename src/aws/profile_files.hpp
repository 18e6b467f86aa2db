// The shared config and credentials files of the AWS tools, ~/.aws/config and ~/.aws/credentials:
// for the providers that find their settings there.
//
// The rules are those of AWS's SDKs; where those disagree, or give up on a broken line, the AWS
// CLI's:
//   - `[default]`, `[profile x]` and `[sso-session x]` count in the config file, `[x]` in the
//     credentials file; whatever stands under another section, or under a broken header, is
//     ignored.
//   - `[profile default]` replaces `[default]`. Sections of one name merge, a later key wins, and
//     the credentials file wins over the config file.
//   - A name with blanks is quoted, '…' or "…". In the credentials file it need not be.
//   - `key = value`, split at the first `=`. Keys are read in lower case; one with a blank in it is
//     ignored. A value may be empty.
//   - A line that is indented more than its key's continues the value, after a line feed and with
//     all that is on it: so nested settings (`s3 =` and the lines under it) are one value.
//   - `#` and `;` begin a comment where they begin a line, or follow white space in a value outside
//     '…' and "…". The quotes stay in the value.
//   - A line that makes no sense is ignored, with those that continue it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sagabus/aws/environment.hpp"

namespace sagabus::aws {

using ProfileKeys = std::map<std::string, std::string, std::less<>>;  // names in lower case

// Holds secrets: do not print it.
struct ProfileFiles {
  std::map<std::string, ProfileKeys, std::less<>> profiles;
  std::map<std::string, ProfileKeys, std::less<>> sso_sessions;
  std::string left_out;  // which files were not permitted to be read; empty: none
};

// A path is empty where there is no such file.
struct ProfilePaths {
  std::string credentials;
  std::string config;
  bool names_credentials = true;  // false: where they lie unless somebody says otherwise
  bool names_config = true;
};

// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, else ~/.aws/credentials and ~/.aws/config. A
// leading "~/" is $HOME, in the variables' values too; a path that needs HOME is empty where that
// is unset.
ProfilePaths resolve_profile_paths(const Environment& environment);

// Takes any bytes, in time and memory that are linear in their number.
ProfileFiles parse_profile_files(std::string_view config, std::string_view credentials);

// A file that is not there is an empty one, and so is one that nobody named and that may not be
// read: HOME may be another user's, as in containers. Throws AccessDenied, with the path and the
// reason but nothing of the content, where a file cannot be read, is a directory or is larger than
// 1 MiB.
ProfileFiles read_profile_files(const ProfilePaths& paths);

}  // namespace sagabus::aws
