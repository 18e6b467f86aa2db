#include "storage.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <sagabus/dynamodb/store.hpp>
#include <sagabus/dynamodb/table.hpp>
#include <sagabus/sqlite/embedded.hpp>
#include <sagabus/sync_wait.hpp>
#include <string_view>
#include <system_error>

#include "open_store.hpp"
#include "store_uri.hpp"

namespace examples {
namespace {

namespace tools = sagabus::tools;

// A path may hold what means something in a URI.
std::string sqlite_uri(const std::string& path) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string uri = "sqlite://";
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

// Says where what was left out is to be.
void complete_uris(Storage& storage) {
  const bool own_store = storage.store_uri.empty();
  const bool own_queues =
      !own_store && storage.transport_uri.empty() &&
      std::holds_alternative<tools::DynamoDbUri>(tools::parse_store_uri(storage.store_uri));
  if (own_store || own_queues) {
    storage.directory = std::make_shared<TemporaryDirectory>();
    (own_store ? storage.store_uri : storage.transport_uri) =
        sqlite_uri(storage.directory->path() / "sagas.db");
  }
  if (storage.transport_uri.empty()) storage.transport_uri = storage.store_uri;
}

void open_dynamodb(const tools::DynamoDbUri& uri, Storage& storage) {
  const sagabus::dynamodb::SagaStore store = tools::open_dynamodb(uri, {});
  sagabus::sync_wait(sagabus::dynamodb::create_table(store));
  storage.store = store;
  storage.cost = [store] {
    const sagabus::dynamodb::Usage usage = store.usage();
    return sagabus::Cost{.requests = usage.total_requests(),
                         .failed_conditions = usage.failed_conditions,
                         .read_units = usage.read_units,
                         .write_units = usage.write_units};
  };
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

bool Storage::is_shared() const {
  return !store_uri.starts_with("memory:") && !transport_uri.starts_with("memory:");
}

Storage open_storage(const std::string& store_uri, const std::string& transport_uri) {
  Storage storage;
  storage.store_uri = store_uri;
  storage.transport_uri = transport_uri;
  complete_uris(storage);
  const tools::StoreUri parsed = tools::parse_store_uri(storage.store_uri);
  const auto* const sqlite = std::get_if<tools::SqliteUri>(&parsed);
  if (sqlite && storage.transport_uri == storage.store_uri) {
    // Store and queues in one file: a step is durable with one write to the disk.
    const auto here = sagabus::sqlite::embedded(sqlite->path);
    storage.store = here.store;
    storage.messages = messages_of(here.transport);
    return storage;
  }
  storage.messages = open_transport(storage.transport_uri);
  if (const auto* const dynamodb = std::get_if<tools::DynamoDbUri>(&parsed)) {
    open_dynamodb(*dynamodb, storage);
  } else {
    storage.store = tools::open_store(parsed, {});
  }
  return storage;
}

}  // namespace examples
