// Signature Version 4 in headers, as pure functions of the request, the credentials and the time.
// Each stage can be had by itself, since Amazon's test suite checks each.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "aws/digest.hpp"
#include "aws/header.hpp"
#include "sagabus/aws/credentials.hpp"
#include "sagabus/clock.hpp"

namespace sagabus::aws {

// What is signed. All of `headers` are, so x-amz-date, host and the session token belong in it.
struct SigningRequest {
  std::string_view method;
  std::string_view path;   // as on the request line, without the query
  std::string_view query;  // as on the request line, without the question mark
  std::span<const Header> headers;
  std::string_view payload;
  std::string_view payload_hash{};  // its SHA-256 in hex where that is known already
  // All services but S3 want both: "." and ".." resolved and slashes merged; and the path, which is
  // percent-encoded as it is, encoded once more.
  bool normalise_path = true;
  bool encode_path_twice = true;
};

struct SigningScope {
  std::string_view region;
  std::string_view service;
};

std::string amz_date(TimePoint time);  // "20150830T123600Z"

// `signed_names` receives the list for the Authorization header: "host;x-amz-date".
std::string canonical_request(const SigningRequest& request, std::string& signed_names);

// `date` is an amz_date.
std::string string_to_sign(std::string_view date, const SigningScope& scope,
                           std::string_view canonical);

Sha256 derive_signing_key(std::string_view secret_access_key, std::string_view day,
                          const SigningScope& scope);

// Makes Authorization headers for one region and service, and keeps the derived key of the last
// day and credentials: deriving it costs four times what a signature does. Safe to call from any
// thread.
class Signer {
 public:
  Signer(std::string region, std::string service);
  ~Signer();
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  // The value of the Authorization header. `date` is what x-amz-date says.
  std::string authorization(const SigningRequest& request, const Credentials& credentials,
                            std::string_view date);

  std::uint64_t derivations() const;  // how often a key had to be derived

 private:
  Sha256 signing_key(const Credentials& credentials, std::string_view day);

  const std::string region_;
  const std::string service_;
  mutable std::mutex mutex_;
  std::string day_;
  std::string access_key_id_;
  std::string secret_access_key_;
  Sha256 key_{};
  std::uint64_t derivations_ = 0;
};

}  // namespace sagabus::aws
