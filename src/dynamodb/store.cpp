#include "sagabus/dynamodb/store.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string_view>

#include "dynamodb/backend.hpp"
#include "dynamodb/key_shards.hpp"

namespace sagabus::dynamodb {
namespace {

constexpr double kMaxTtlDays = 36'500;

[[noreturn]] void refuse(std::string_view field, std::string_view value, std::string_view allowed) {
  throw std::invalid_argument(
      fmt::format("dynamodb: {}: \"{}\", expected {}", field, value, allowed));
}

void check_client(const StoreOptions& options) {
  if (!options.client) return;
  const auto beside = [](std::string_view field, bool given) {
    if (given) refuse(field, "given", "nothing beside a client, which has its own");
  };
  beside("region", !options.region.empty());
  beside("endpoint", !options.endpoint.empty());
  beside("credentials", options.credentials != nullptr);
  beside("max_attempts", options.max_attempts != 0);
}

void check(const StoreOptions& options) {
  if (!is_table_name(options.table_name)) {
    refuse("table_name", options.table_name,
           "3 to 255 characters of a-z, A-Z, 0-9, \"_\", \"-\" and \".\", or the ARN of a table");
  }
  check_client(options);
  if (options.ttl_days && !(*options.ttl_days > 0 && *options.ttl_days <= kMaxTtlDays)) {
    refuse("ttl_days", fmt::format("{}", *options.ttl_days),
           fmt::format("more than 0 and at most {}, or nothing", kMaxTtlDays));
  }
  if (options.foreign_items && options.index == CorrelationIndex::none) {
    refuse("foreign_items", "true", "an index, by which they are found");
  }
  if (options.key_shards < 1 || options.key_shards > kMaxKeyShards) {
    refuse("key_shards", fmt::format("{}", options.key_shards),
           fmt::format("1 to {}", kMaxKeyShards));
  }
  if (options.foreign_items && options.key_shards > 1) {
    refuse("foreign_items", "true",
           fmt::format("one key shard, found key_shards = {}: other programs know of no shards",
                       options.key_shards));
  }
}

Client make_client(const StoreOptions& options) {
  if (options.client) return *options.client;
  ClientOptions client;
  client.region = options.region;
  client.endpoint = options.endpoint;
  client.credentials = options.credentials;
  client.max_attempts = options.max_attempts;
  client.clock = options.ambient.clock;
  client.random = options.ambient.random;
  client.logger = options.ambient.log;
  return Client(std::move(client));
}

std::shared_ptr<Backend> make_backend(StoreOptions options) {
  check(options);
  BackendOptions backend;
  if (options.ttl_days) {
    constexpr double kMillisecondsADay = 86'400'000;
    const double ttl = std::ceil(*options.ttl_days * kMillisecondsADay);
    backend.ttl = std::chrono::milliseconds(static_cast<std::int64_t>(ttl));
  }
  backend.foreign_items = options.foreign_items;
  backend.index = options.index;
  Client client = make_client(options);
  return std::make_shared<Backend>(
      std::move(client), TableRef{options.table_name, options.count_units, options.key_shards},
      backend, std::move(options.ambient));
}

}  // namespace

std::uint64_t Usage::total_requests() const {
  return std::accumulate(
      requests.begin(), requests.end(), std::uint64_t{0},
      [](std::uint64_t sum, const auto& operation) { return sum + operation.second; });
}

SagaStore::SagaStore(StoreOptions options) : SagaStore(make_backend(std::move(options))) {}

SagaStore::SagaStore(std::shared_ptr<Backend> backend)
    : sagabus::SagaStore(backend), dynamodb_(std::move(backend)) {}

Usage SagaStore::usage() const {
  return dynamodb_->gateway().usage();
}

const std::string& SagaStore::table_name() const noexcept {
  return dynamodb_->gateway().table().name;
}

CorrelationIndex SagaStore::index() const noexcept {
  return dynamodb_->options().index;
}

unsigned SagaStore::key_shards() const noexcept {
  return dynamodb_->gateway().table().key_shards;
}

const Client& SagaStore::client() const noexcept {
  return dynamodb_->gateway().client();
}

const Ambient& SagaStore::ambient() const noexcept {
  return dynamodb_->ambient();
}

}  // namespace sagabus::dynamodb
