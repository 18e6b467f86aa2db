#include "faults/queues.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "faults/books.hpp"
#include "faults/cast.hpp"
#include "faults/sqs_transport.hpp"
#include "integration/sqlite_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::faults {
namespace {

using namespace std::chrono_literals;

class FileQueues final : public Queues {
 public:
  FileQueues(std::string path, sqlite::Transport transport)
      : path_(std::move(path)), transport_(std::move(transport)), file_(path_) {}

  Transport transport() const override { return transport_; }

  bool are_empty() override {
    return file_.run("SELECT count(*) FROM messages WHERE endpoint NOT LIKE '%.dlq'") == "0\n";
  }

  std::string left_over() override {
    return file_.run(
        "SELECT 'left over in ' || endpoint, count(*), max(body) FROM messages GROUP BY endpoint");
  }

  // Whoever is stopped now may hold the lock of the file.
  bool can_write() override {
    try {
      sqlite::RawDatabase(path_).run("PRAGMA busy_timeout = 200; BEGIN IMMEDIATE; ROLLBACK");
    } catch (const std::runtime_error&) {
      return false;
    }
    return true;
  }

 private:
  const std::string path_;
  const sqlite::Transport transport_;
  sqlite::RawDatabase file_;
};

class SqsQueues final : public Queues {
 public:
  // Our plain handlers must not be the ones who take a message twice.
  explicit SqsQueues(const Plan& plan) : transport_(sqs_transport(plan, 1h)) {
    for (const SagaDefinition& saga : cast()) endpoints_.push_back(saga.name());
    endpoints_.emplace_back(kBooks);
  }

  Transport transport() const override { return transport_; }

  bool are_empty() override {
    for (const std::string& endpoint : endpoints_) {
      if (count(endpoint) > 0) return false;
    }
    return true;
  }

  std::string left_over() override {
    std::string text;
    for (const std::string& endpoint : endpoints_) {
      for (const std::string& name : {endpoint, endpoint + ".dlq"}) {
        if (const auto left = count(name)) text += fmt::format("left over in {}: {}\n", name, left);
      }
    }
    return text;
  }

  bool can_write() override { return true; }

 private:
  std::uint64_t count(const std::string& endpoint) const {
    const sqs::QueueDepth depth = sync_wait(transport_.depth(endpoint));
    return depth.ready + depth.delayed + depth.hidden;
  }

  const sqs::Transport transport_;
  std::vector<std::string> endpoints_;
};

}  // namespace

std::unique_ptr<Queues> make_queues(const Plan& plan, sqlite::Transport file) {
  if (!plan.queue_prefix.empty()) return std::make_unique<SqsQueues>(plan);
  return std::make_unique<FileQueues>(plan.database, std::move(file));
}

}  // namespace sagabus::faults
