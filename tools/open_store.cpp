#include "open_store.hpp"

#include <utility>

#include "profile.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/sqlite/store.hpp"

namespace sagabus::tools {
namespace {

SagaStore open(const MemoryUri&, const Ambient& ambient) {
  memory::StoreOptions options;
  options.ambient = ambient;
  return memory::SagaStore(std::move(options));
}

SagaStore open(const SqliteUri& uri, const Ambient& ambient) {
  sqlite::StoreOptions options;
  options.path = uri.path;
  options.ambient = ambient;
  return sqlite::SagaStore(std::move(options));
}

SagaStore open(const DynamoDbUri& uri, const Ambient& ambient) {
  return open_dynamodb(uri, ambient);
}

}  // namespace

SagaStore open_store(const StoreUri& uri, const Ambient& ambient) {
  return std::visit([&](const auto& u) { return open(u, ambient); }, uri);
}

dynamodb::SagaStore open_dynamodb(const DynamoDbUri& uri, const Ambient& ambient) {
  return open_dynamodb(uri, ambient, nullptr);
}

dynamodb::SagaStore open_dynamodb(const DynamoDbUri& uri, const Ambient& ambient,
                                  std::shared_ptr<aws::CredentialsProvider> credentials) {
  dynamodb::StoreOptions options;
  options.table_name = uri.table;
  if (uri.profile.empty()) {
    options.region = uri.region;
    options.endpoint = uri.endpoint;
    options.credentials = std::move(credentials);
  } else {
    auto client = profile_client(uri.profile, uri.region, uri.endpoint, ambient);
    if (credentials) client.credentials = std::move(credentials);
    options.client = dynamodb::Client(std::move(client));
  }
  options.ttl_days = uri.ttl_days;
  if (uri.key_shards) options.key_shards = *uri.key_shards;
  if (uri.index) options.index = *uri.index;
  options.ambient = ambient;
  return dynamodb::SagaStore(std::move(options));
}

sqlite::Embedded open_for_resending(const SqliteUri& uri, const Ambient& ambient) {
  sqlite::EmbeddedOptions options;
  options.path = uri.path;
  options.ambient = ambient;
  options.deduplication_window = std::chrono::milliseconds(0);
  return sqlite::embedded(std::move(options));
}

}  // namespace sagabus::tools
