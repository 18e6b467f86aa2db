// Where a bucket and its objects are: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "sagabus/aws/endpoint.hpp"
#include "sagabus/aws/environment.hpp"

namespace sagabus::s3 {

// 3 to 63 of a-z, 0-9, "-" and ".", with a letter or digit at both ends, no dots side by side, and
// no IPv4 address.
bool is_bucket_name(std::string_view text);

// As ClaimStoreOptions::prefix says.
bool is_prefix(std::string_view text);

// A URL, and what stands before the objects' keys in paths below it, percent-encoded.
struct Address {
  std::string url;   // "https://shop.s3.eu-central-1.amazonaws.com"
  std::string path;  // "/claims/" or "/shop/claims/"
};

// `service` is the address that the region's S3 has, or that was configured; `is_aws` tells which.
Address address_of(const aws::Endpoint& service, bool is_aws, std::string_view bucket,
                   std::string_view prefix);

// Whether that is the address that AWS itself has for S3 in that region.
bool is_aws(const aws::Endpoint& service, std::string_view region,
            const aws::Environment& environment);

}  // namespace sagabus::s3
