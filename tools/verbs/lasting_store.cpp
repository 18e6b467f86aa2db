#include "verbs/lasting_store.hpp"

#include <filesystem>

namespace sagabus::tools {

StoreUri parse_lasting_store(const std::string& uri) {
  StoreUri parsed = parse_store_uri(uri);
  if (std::holds_alternative<MemoryUri>(parsed)) {
    throw Failure(Exit::wrong_use, "--store: memory: ends with its program and holds nothing here");
  }
  if (const auto* file = std::get_if<SqliteUri>(&parsed)) require_file(*file);
  return parsed;
}

void require_file(const SqliteUri& uri) {
  if (std::filesystem::exists(uri.path)) return;
  throw Failure(Exit::not_found, "there is no file " + uri.path);
}

}  // namespace sagabus::tools
