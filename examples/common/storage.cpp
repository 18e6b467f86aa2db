#include "storage.hpp"

#include <cerrno>
#include <cstdlib>
#include <sagabus/dynamodb/store.hpp>
#include <sagabus/dynamodb/table.hpp>
#include <sagabus/memory/store.hpp>
#include <sagabus/memory/transport.hpp>
#include <sagabus/sqlite/embedded.hpp>
#include <sagabus/sync_wait.hpp>
#include <system_error>

#include "store_uri.hpp"

namespace examples {
namespace {

std::vector<sagabus::EnvelopePtr> list(const sagabus::sqlite::Transport& transport,
                                       const std::string& endpoint) {
  std::vector<sagabus::EnvelopePtr> envelopes;
  for (const auto& delivery : sagabus::sync_wait(transport.list(endpoint))) {
    if (delivery.envelope) envelopes.push_back(delivery.envelope);
  }
  return envelopes;
}

// Store and queues in one file: a step is durable with one write to the disk.
Storage open_sqlite(const std::string& path) {
  const auto here = sagabus::sqlite::embedded(path);
  Storage storage;
  storage.store = here.store;
  storage.transport = here.transport;
  storage.waiting = [transport = here.transport](const std::string& endpoint) {
    return list(transport, endpoint);
  };
  return storage;
}

Storage open_temporary_sqlite() {
  auto directory = std::make_shared<TemporaryDirectory>();
  Storage storage = open_sqlite(directory->path() / "sagas.db");
  storage.directory = std::move(directory);
  return storage;
}

Storage open(const sagabus::tools::MemoryUri&) {
  const sagabus::memory::Transport transport;
  Storage storage;
  storage.store = sagabus::memory::SagaStore();
  storage.transport = transport;
  storage.waiting = [transport](const std::string& endpoint) { return transport.peek(endpoint); };
  return storage;
}

Storage open(const sagabus::tools::SqliteUri& uri) {
  return open_sqlite(uri.path);
}

Storage open(const sagabus::tools::DynamoDbUri& uri) {
  const sagabus::dynamodb::SagaStore store{{.table_name = uri.table,
                                            .region = uri.region,
                                            .endpoint = uri.endpoint,
                                            .ttl_days = uri.ttl_days,
                                            .key_shards = uri.key_shards}};
  sagabus::sync_wait(sagabus::dynamodb::create_table(store));
  Storage storage = open_temporary_sqlite();
  storage.store = store;
  return storage;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = std::filesystem::temp_directory_path() / "sagabus-XXXXXX";
  if (!::mkdtemp(name.data())) throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // what cannot be removed stays
  if (!keep_) std::filesystem::remove_all(path_, ignored);
}

Storage open_storage(const std::string& uri) {
  if (uri.empty()) return open_temporary_sqlite();
  return std::visit([](const auto& parsed) { return open(parsed); },
                    sagabus::tools::parse_store_uri(uri));
}

}  // namespace examples
