// What `sagabus doctor` looks at in the bucket of large messages.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "doctor/finding.hpp"
#include "sagabus/error.hpp"
#include "sagabus/s3/claim_store.hpp"

namespace sagabus::tools {

// Whether objects can be fetched and put: fetches one that nobody has put, and has a part refused
// of an upload that was never begun. Changes nothing.
boost::asio::awaitable<void> examine_claims(std::shared_ptr<s3::ClaimStore> claims, Report& report);

// Why `action` failed: "s3:GetObject".
Finding claims_failure(const std::string& action, const Error& error);

}  // namespace sagabus::tools
