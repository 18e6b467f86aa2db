// Payloads of large messages as objects in a bucket of Amazon S3.
//
//   options.claims = std::make_shared<sagabus::s3::ClaimStore>(
//       sagabus::s3::ClaimStoreOptions{.bucket = "shop-messages", .region = "eu-central-1"});
//
// docs/guide/sqs.md says how long objects must live. At run time it needs s3:PutObject and
// s3:GetObject on the objects below the prefix, and s3:ListBucket on the bucket: without that one
// S3 does not tell an object that is gone from one that may not be read.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "sagabus/ambient.hpp"
#include "sagabus/aws/credentials.hpp"
#include "sagabus/aws/environment.hpp"
#include "sagabus/claim_store.hpp"

namespace sagabus::s3 {

struct ClaimStoreOptions {
  // 3 to 63 of a-z, 0-9, "-" and "."; must be there. One whose name has no dots is addressed by its
  // own host name on AWS, all others, and those behind an `endpoint`, by a path.
  std::string bucket = {};
  // Begins the keys of all objects, with a slash after it: up to 512 printable ASCII characters, in
  // parts between slashes, none of them empty, "." or "..". Empty: they lie in the bucket's root.
  std::string prefix = "claims";
  std::string region = {};    // the bucket's; empty: as in aws::ClientOptions
  std::string endpoint = {};  // a URL, such as "http://localhost:4566"; empty: AWS's own
  std::shared_ptr<aws::CredentialsProvider> credentials = nullptr;  // null: the default chain
  std::string ca_file = {};  // PEM, trusted in place of the system's authorities; empty: those

  int max_attempts = 0;  // requests for one call, the first included; 0: AWS_MAX_ATTEMPTS, else 3
  int max_connections = 25;                          // 1 or more; who comes later waits in line
  std::chrono::milliseconds attempt_timeout{20000};  // one request with its answer; 1 ms or more
  std::chrono::milliseconds deadline{60000};         // a whole call, retries included; 1 ms or more
  aws::Environment environment = aws::process_environment();
  Ambient ambient = {};
};

// What a store has asked of S3 since it was made, retries included.
struct Usage {
  std::uint64_t puts = 0;
  std::uint64_t gets = 0;
};

// Objects are private to the bucket, and encrypted as it says. Nothing is ever deleted: several
// queues may have messages with one payload, so a rule of the bucket's life cycle does that. Calls
// may be cancelled; a put may have been carried out then. Whatever S3 answers but "no such key" is
// an AccessDenied or a TransientError: a bucket that is missing or wrong holds messages up, and has
// none of them buried.
class ClaimStore final : public sagabus::ClaimStore {
 public:
  // Needs no network. Throws std::invalid_argument naming the option, its value and what is
  // allowed.
  explicit ClaimStore(ClaimStoreOptions options);
  ~ClaimStore() override;
  ClaimStore(const ClaimStore&) = delete;
  ClaimStore& operator=(const ClaimStore&) = delete;

  std::string describe() const override;
  boost::asio::awaitable<void> put(std::string key, std::string bytes) override;
  boost::asio::awaitable<std::string> get(std::string key, std::size_t most) override;

  // For tools: whether put is allowed, without putting anything: asks S3 to take a part of an
  // upload that was never begun. Throws AccessDenied or TransientError as put does.
  boost::asio::awaitable<void> try_put() const;

  Usage usage() const;

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace sagabus::s3
