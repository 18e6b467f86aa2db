#include "aws/sigv4.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <utility>
#include <vector>

#include "aws/number.hpp"
#include "aws/percent.hpp"

namespace sagabus::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const auto byte = read_escape(text.substr(i))) {
      out += static_cast<char>(*byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// RFC 3986, 5.2.4, and empty segments go as well.
std::string normalised(std::string_view path) {
  std::vector<std::string_view> segments;
  bool ends_in_slash = false;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    ends_in_slash = end < path.size() || segment == "." || segment == "..";
    at = end + 1;
  }
  std::string out;
  for (const std::string_view segment : segments) {
    out += '/';
    out += segment;
  }
  if (out.empty() || ends_in_slash) out += '/';
  return out;
}

void append_path(std::string& out, const SigningRequest& request) {
  if (request.path.empty() || request.path == "/") {
    out += '/';
    return;
  }
  const std::string path =
      request.normalise_path ? normalised(request.path) : std::string(request.path);
  append_percent_encoded(out, request.encode_path_twice ? path : decoded(path), true);
}

void append_query(std::string& out, std::string_view query) {
  if (query.empty()) return;
  std::vector<std::pair<std::string, std::string>> parameters;
  for (std::size_t at = 0; at <= query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view parameter = query.substr(at, end - at);
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    std::string name;
    std::string value;
    append_percent_encoded(name, decoded(parameter.substr(0, equals)));
    append_percent_encoded(value, decoded(parameter.substr(std::min(equals + 1, parameter.size()))),
                           false);
    if (!parameter.empty()) parameters.emplace_back(std::move(name), std::move(value));
    at = end + 1;
  }
  std::sort(parameters.begin(), parameters.end());
  const char* separator = "";
  for (const auto& [name, value] : parameters) {
    out.append(separator).append(name).append("=").append(value);
    separator = "&";
  }
}

char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

void append_lower_case(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  out.append(text);
  std::transform(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                 out.begin() + static_cast<std::ptrdiff_t>(begin), lower_case);
}

int compare_names(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const int difference =
        static_cast<unsigned char>(lower_case(a[i])) - static_cast<unsigned char>(lower_case(b[i]));
    if (difference != 0) return difference;
  }
  return a.size() == b.size() ? 0 : (a.size() < b.size() ? -1 : 1);
}

// Without white space at the ends, and with one space for each run of it inside.
void append_trimmed(std::string& out, std::string_view value) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  auto at = std::find_if_not(value.begin(), value.end(), is_space);
  for (bool first = true; at != value.end(); first = false) {
    const auto end = std::find_if(at, value.end(), is_space);
    if (!first) out += ' ';
    out.append(at, end);
    at = std::find_if_not(end, value.end(), is_space);
  }
}

// A request has few headers: most fit without an allocation.
using HeaderList = boost::container::small_vector<Header, 8>;

HeaderList sorted_headers(std::span<const Header> headers) {
  HeaderList sorted;
  // The values of a header that occurs several times keep their order.
  for (const Header& header : headers) {
    const auto place = std::upper_bound(
        sorted.begin(), sorted.end(), header,
        [](const Header& a, const Header& b) { return compare_names(a.name, b.name) < 0; });
    sorted.insert(place, header);
  }
  return sorted;
}

void append_headers(std::string& out, std::span<const Header> headers, std::string& signed_names) {
  const HeaderList sorted = sorted_headers(headers);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto& [name, value] = sorted[i];
    if (i > 0 && compare_names(sorted[i - 1].name, name) == 0) {
      out.back() = ',';  // in place of the newline
    } else {
      if (!signed_names.empty()) signed_names += ';';
      const std::size_t begin = signed_names.size();
      append_lower_case(signed_names, name);
      out.append(signed_names, begin).append(":");
    }
    append_trimmed(out, value);
    out += '\n';
  }
}

void append_scope(std::string& out, std::string_view day, const SigningScope& scope) {
  out.append(day).append("/").append(scope.region).append("/").append(scope.service);
  out.append("/aws4_request");
}

std::string_view day_of(std::string_view date) {
  return date.substr(0, 8);
}

}  // namespace

std::string amz_date(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::string text = "00000000T000000Z";
  const auto put = [&text](std::size_t last, std::size_t digits, unsigned value) {
    for (; digits > 0; --digits, value /= 10) text[last--] = static_cast<char>('0' + value % 10);
  };
  put(3, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(7, 2, static_cast<unsigned>(date.day()));
  put(10, 2, static_cast<unsigned>(clock.hours().count()));
  put(12, 2, static_cast<unsigned>(clock.minutes().count()));
  put(14, 2, static_cast<unsigned>(clock.seconds().count()));
  return text;
}

std::string canonical_request(const SigningRequest& request, std::string& signed_names) {
  std::string out;
  out.reserve(512);
  signed_names.clear();
  out.append(request.method).append("\n");
  append_path(out, request);
  out += '\n';
  append_query(out, request.query);
  out += '\n';
  append_headers(out, request.headers, signed_names);
  out.append("\n").append(signed_names).append("\n");
  if (request.payload_hash.empty()) {
    append_hex(out, sha256(request.payload));
  } else {
    out += request.payload_hash;
  }
  return out;
}

std::string string_to_sign(std::string_view date, const SigningScope& scope,
                           std::string_view canonical) {
  std::string out;
  out.reserve(192);
  out.append(kAlgorithm).append("\n").append(date).append("\n");
  append_scope(out, day_of(date), scope);
  out += '\n';
  append_hex(out, sha256(canonical));
  return out;
}

Sha256 derive_signing_key(std::string_view secret_access_key, std::string_view day,
                          const SigningScope& scope) {
  std::string first;
  first.reserve(4 + secret_access_key.size());
  first.append("AWS4").append(secret_access_key);
  Sha256 key = hmac_sha256(first, day);
  wipe(first);
  key = hmac_sha256(bytes(key), scope.region);
  key = hmac_sha256(bytes(key), scope.service);
  return hmac_sha256(bytes(key), "aws4_request");
}

Signer::Signer(std::string region, std::string service)
    : region_(std::move(region)), service_(std::move(service)) {}

Signer::~Signer() {
  wipe(secret_access_key_);
  wipe(key_);
}

std::string Signer::authorization(const SigningRequest& request, const Credentials& credentials,
                                  std::string_view date) {
  std::string names;
  names.reserve(96);
  const SigningScope scope{region_, service_};
  const std::string canonical = canonical_request(request, names);
  const std::string text = string_to_sign(date, scope, canonical);
  Sha256 key = signing_key(credentials, day_of(date));
  const Sha256 signature = hmac_sha256(bytes(key), text);
  wipe(key);

  std::string out;
  out.reserve(256);
  out.append(kAlgorithm).append(" Credential=").append(credentials.access_key_id).append("/");
  append_scope(out, day_of(date), scope);
  out.append(", SignedHeaders=").append(names).append(", Signature=");
  append_hex(out, signature);
  return out;
}

std::uint64_t Signer::derivations() const {
  const std::lock_guard lock(mutex_);
  return derivations_;
}

Sha256 Signer::signing_key(const Credentials& credentials, std::string_view day) {
  const std::lock_guard lock(mutex_);
  if (day != day_ || credentials.access_key_id != access_key_id_ ||
      credentials.secret_access_key != secret_access_key_) {
    key_ = derive_signing_key(credentials.secret_access_key, day, {region_, service_});
    day_ = day;
    access_key_id_ = credentials.access_key_id;
    wipe(secret_access_key_);
    secret_access_key_ = credentials.secret_access_key;
    ++derivations_;
  }
  return key_;
}

}  // namespace sagabus::aws
