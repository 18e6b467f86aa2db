// Where an example keeps its sagas and its messages, from URIs on its command line.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <sagabus/cost.hpp>
#include <sagabus/store.hpp>
#include <string>

#include "transport.hpp"

namespace examples {

// Made empty, removed with all that is in it unless it is to be kept.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void keep() { keep_ = true; }

 private:
  std::filesystem::path path_;
  bool keep_ = false;
};

struct Storage {
  std::shared_ptr<TemporaryDirectory> directory;  // null where nothing temporary is needed
  sagabus::SagaStore store;
  Messages messages;
  // What this process has asked of the store so far. Zero for stores that bill nobody.
  std::function<sagabus::Cost()> cost = [] { return sagabus::Cost(); };
  // With these another process opens the same, as long as this one keeps the directory.
  std::string store_uri;
  std::string transport_uri;
  bool is_shared() const;  // false for what is in this process's memory
};

// An empty URI of the store means SQLite in a temporary directory. An empty URI of the transport
// means the store's own file, or its memory; with DynamoDB, SQLite in a temporary directory. The
// table is made where there is none. Throws std::invalid_argument for a wrong URI, and what the
// store reports.
Storage open_storage(const std::string& store_uri, const std::string& transport_uri = "");

}  // namespace examples
