// Remembers the ids that were derived lately: deriving one costs a cryptographic hash, and an
// instance's messages mostly follow one another.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sagabus/instance.hpp"

namespace sagabus::detail {

// For one saga. Each correlation id has one place, where the last one to come displaces the one
// before. Safe from any thread.
class SagaIds {
 public:
  explicit SagaIds(std::string saga_name) : saga_name_(std::move(saga_name)), places_(kPlaces) {}

  static std::uint64_t hash(std::string_view correlation_id) {
    return XXH3_64bits(correlation_id.data(), correlation_id.size());
  }

  // `hash` is the correlation id's, which its owner has at hand.
  std::string of(const std::string& correlation_id, std::uint64_t hash) {
    Place& place = places_[hash % kPlaces];
    const std::lock_guard lock(mutex_);
    if (place.saga_id.empty() || place.correlation_id != correlation_id) {
      place.correlation_id = correlation_id;
      place.saga_id = derive_saga_id(saga_name_, correlation_id);
    }
    return place.saga_id;
  }

 private:
  static constexpr std::size_t kPlaces = 1024;  // some 100 KB
  struct Place {
    std::string correlation_id;
    std::string saga_id;
  };
  const std::string saga_name_;
  std::mutex mutex_;
  std::vector<Place> places_;
};

}  // namespace sagabus::detail
