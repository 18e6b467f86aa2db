// Instances in an SQLite file: for programs that keep their sagas on one machine.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "sagabus/ambient.hpp"
#include "sagabus/store.hpp"

namespace sagabus::sqlite {

class Database;

struct StoreOptions {
  std::string path{};  // of the file, made with mode 0600 where there is none; its directory must
                       // exist and be writable, as SQLite keeps more files beside it
  std::optional<double> ttl_days{};  // completed instances count as absent that many days after
                                     // completion, and are removed in passing; above 0, at most
                                     // 36,500; empty keeps them for ever. Longer than the
                                     // transport keeps a message, and than messages may come late
  std::chrono::milliseconds busy_timeout{5000};  // how long another program may hold the file
                                                 // before operations report TransientError
  Ambient ambient{};                             // clock, randomness, log
};

// Durable when an operation returns: neither kill -9 nor a power failure loses it. Operations that
// wait at the same time share one transaction and one write to the disk, so throughput grows with
// concurrency. Other processes may use the same file at the same time.
//
// The constructor throws std::invalid_argument for wrong options and does not touch the file; the
// first operation, or prepare(), opens it, and reports AccessDenied (cannot be written), NotFound
// (no such directory) or ValidationError (not a database, another program's, a newer version's).
// The last handle to go finishes what was begun and closes the file.
//
// A cancelled operation is carried out all the same. The state is kept as JSON text:
// docs/formats/sqlite.md.
class SagaStore : public sagabus::SagaStore {
 public:
  explicit SagaStore(StoreOptions options);

 private:
  friend class EmbeddedFactory;
  SagaStore(std::shared_ptr<Database> database, std::optional<double> ttl_days);
};

}  // namespace sagabus::sqlite
