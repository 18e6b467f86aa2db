// Where an example keeps its sagas and its messages, from a URI on its command line.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <sagabus/store.hpp>
#include <sagabus/transport.hpp>
#include <string>
#include <vector>

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
  sagabus::Transport transport;
  // The messages in a queue that nobody receives from, such as dead letters.
  std::function<std::vector<sagabus::EnvelopePtr>(const std::string& endpoint)> waiting;
};

// An empty URI means SQLite in a temporary directory. With DynamoDB, messages travel through SQLite
// in a temporary directory, and the table is made where there is none. Throws std::invalid_argument
// for a wrong URI, and what the store reports.
Storage open_storage(const std::string& uri);

}  // namespace examples
