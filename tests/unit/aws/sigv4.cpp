#include "aws/sigv4.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace sagabus::aws {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> vector_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(SAGABUS_SIGV4_VECTORS)) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A request.txt, taken apart: "GET /path?query HTTP/1.1", headers, an empty line, the body.
struct RawRequest {
  std::string head;  // all lines before the empty one
  std::string method;
  std::string path;
  std::string query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

RawRequest read_request(const std::string& text) {
  RawRequest request;
  const auto head_end = text.find("\n\n");
  request.head = text.substr(0, head_end);
  while (request.head.ends_with('\n')) request.head.pop_back();
  if (head_end != std::string::npos) request.body = text.substr(head_end + 2);

  std::istringstream lines(request.head);
  std::string line;
  std::getline(lines, line);
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  request.method = line.substr(0, first);
  request.path = line.substr(first + 1, last - first - 1);
  if (const auto mark = request.path.find('?'); mark != std::string::npos) {
    request.query = request.path.substr(mark + 1);
    request.path.resize(mark);
  }
  while (std::getline(lines, line)) {
    if (line.starts_with(' ')) {  // goes on from the line before
      request.headers.back().second += '\n' + line;
    } else {
      const auto colon = line.find(':');
      request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
  }
  return request;
}

class Vector : public testing::TestWithParam<std::string> {};

TEST_P(Vector, Matches) {
  const fs::path folder = fs::path(SAGABUS_SIGV4_VECTORS) / GetParam();
  const auto context = boost::json::parse(contents(folder / "context.json"));
  const auto text = [&](const char* name) {
    return std::string(context.at(name).as_string().c_str());
  };
  const auto flag = [&](const char* name) {
    const auto* value = context.as_object().if_contains(name);
    return value != nullptr && value->as_bool();
  };
  ASSERT_EQ(text("timestamp"), "2015-08-30T12:36:00Z");
  const std::string date = amz_date(TimePoint(std::chrono::seconds(1440938160)));
  const auto& given = context.at("credentials").as_object();
  Credentials credentials;
  credentials.access_key_id = given.at("access_key_id").as_string().c_str();
  credentials.secret_access_key = given.at("secret_access_key").as_string().c_str();
  if (const auto* token = given.if_contains("token")) {
    credentials.session_token = token->as_string().c_str();
  }

  const RawRequest raw = read_request(contents(folder / "request.txt"));
  std::vector<std::pair<std::string, std::string>> added;
  if (!credentials.session_token.empty()) {
    added.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  added.emplace_back("X-Amz-Date", date);
  if (flag("sign_body")) {
    std::string hash;
    append_hex(hash, sha256(raw.body));
    added.emplace_back("x-amz-content-sha256", hash);
  }

  std::vector<Header> headers;
  for (const auto& [name, value] : raw.headers) headers.push_back({name, value});
  for (const auto& [name, value] : added) {
    if (name == "X-Amz-Security-Token" && flag("omit_session_token")) continue;
    headers.push_back({name, value});
  }
  SigningRequest request;
  request.method = raw.method;
  request.path = raw.path;
  request.query = raw.query;
  request.headers = headers;
  request.payload = raw.body;
  request.normalise_path = flag("normalize");

  const std::string region = text("region");
  const std::string service = text("service");
  std::string names;
  const std::string canonical = canonical_request(request, names);
  EXPECT_EQ(canonical, contents(folder / "header-canonical-request.txt"));
  const std::string to_sign = string_to_sign(date, {region, service}, canonical);
  EXPECT_EQ(to_sign, contents(folder / "header-string-to-sign.txt"));
  const Sha256 key =
      derive_signing_key(credentials.secret_access_key, date.substr(0, 8), {region, service});
  std::string signature;
  append_hex(signature, hmac_sha256(bytes(key), to_sign));
  EXPECT_EQ(signature, contents(folder / "header-signature.txt"));

  Signer signer(region, service);
  std::string signed_request = raw.head + '\n';
  for (const auto& [name, value] : added) signed_request += name + ':' + value + '\n';
  signed_request += "Authorization:" + signer.authorization(request, credentials, date);
  signed_request += "\n\n" + raw.body;
  EXPECT_EQ(signed_request, contents(folder / "header-signed-request.txt"));
}

INSTANTIATE_TEST_SUITE_P(Sigv4, Vector, testing::ValuesIn(vector_names()), [](const auto& folder) {
  std::string name = folder.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Sigv4, HasTheWholeTestSuite) {
  EXPECT_EQ(vector_names().size(), 38u);
}

TEST(Sigv4, DerivesAKeyOncePerDayAndCredentials) {
  Signer signer("us-east-1", "dynamodb");
  Credentials credentials;
  credentials.access_key_id = "AKIDEXAMPLE";
  credentials.secret_access_key = "one";
  SigningRequest request;
  request.method = "POST";
  request.path = "/";
  const auto first = signer.authorization(request, credentials, "20260101T000000Z");
  signer.authorization(request, credentials, "20260101T235959Z");
  EXPECT_EQ(signer.derivations(), 1u);
  signer.authorization(request, credentials, "20260102T000000Z");
  EXPECT_EQ(signer.derivations(), 2u);
  credentials.secret_access_key = "two";
  signer.authorization(request, credentials, "20260102T000000Z");
  EXPECT_EQ(signer.derivations(), 3u);
  credentials.secret_access_key = "one";
  EXPECT_EQ(signer.authorization(request, credentials, "20260101T000000Z"), first);
}

TEST(Sigv4, HashesKeysLongerThanABlock) {  // RFC 4231, test case 6
  std::string out;
  append_hex(out, hmac_sha256(std::string(131, '\xaa'),
                              "Test Using Larger Than Block-Size Key - Hash Key First"));
  EXPECT_EQ(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace sagabus::aws
