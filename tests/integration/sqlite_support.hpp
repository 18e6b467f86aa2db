// What the tests of the sqlite box share.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "sagabus/sqlite/embedded.hpp"
#include "sagabus/sync_wait.hpp"
#include "sqlite/factory.hpp"
#include "support/temp_directory.hpp"

namespace sagabus::sqlite {

using test::TempDirectory;

// Looks at the file, or breaks it, as another program would.
class RawDatabase {
 public:
  explicit RawDatabase(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error("open");
    sqlite3_busy_timeout(handle_, 5000);
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;
  ~RawDatabase() { sqlite3_close(handle_); }

  // The rows' columns, joined by "|"; rows end with a newline.
  std::string run(const std::string& sql) {
    std::string out;
    const auto append = [](void* to, int count, char** values, char**) {
      auto& text = *static_cast<std::string*>(to);
      for (int i = 0; i < count; ++i) {
        if (i > 0) text += '|';
        text += values[i] ? values[i] : "NULL";
      }
      text += '\n';
      return 0;
    };
    char* error = nullptr;
    if (sqlite3_exec(handle_, sql.c_str(), append, &out, &error) != SQLITE_OK) {
      const std::string what = error ? error : "?";
      sqlite3_free(error);
      throw std::runtime_error(sql + ": " + what);
    }
    return out;
  }

 private:
  sqlite3* handle_ = nullptr;
};

// A time of day that a test sets. Sleeps by the machine's clock.
class SetClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(std::chrono::milliseconds(now_.load())); }
  std::chrono::nanoseconds monotonic() const override { return system_clock()->monotonic(); }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    return system_clock()->sleep_for(
        std::min<std::chrono::nanoseconds>(duration, std::chrono::milliseconds(5)));
  }
  void advance(std::chrono::milliseconds by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_{1'800'000'000'000};
};

inline InstanceKey make_key(const std::string& correlation_id) {
  InstanceKey key;
  key.saga_name = "OrderSaga";
  key.correlation_id = correlation_id;
  key.saga_id = derive_saga_id(key.saga_name, correlation_id);
  return key;
}

inline std::shared_ptr<Instance> make_instance(const std::string& correlation_id,
                                               std::uint64_t version = 1) {
  const InstanceKey key = make_key(correlation_id);
  auto it = std::make_shared<Instance>();
  it->saga_name = key.saga_name;
  it->saga_id = key.saga_id;
  it->correlation_id = key.correlation_id;
  it->version = version;
  it->state = Value(static_cast<std::int64_t>(version));
  it->created_at = it->updated_at = TimePoint(std::chrono::seconds(1'800'000'000));
  it->bookkeeping.birth = "b";
  return it;
}

inline CommitRequest make_commit(std::shared_ptr<Instance> next) {
  CommitRequest request;
  if (next->version > 1) {
    request.expected.emplace();
    request.expected->version = next->version - 1;
    request.expected->birth = "b";
  }
  request.next = std::move(next);
  return request;
}

// Returns when so many receivers have found nothing and wait; false where they never do.
inline bool wait_for_receivers(const Transport& transport, std::size_t count) {
  for (int i = 0; i < 10'000; ++i) {
    if (waiting_receivers(transport) == count) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

inline EnvelopePtr make_envelope(const std::string& id, const std::string& type = "T") {
  auto it = std::make_shared<Envelope>();
  it->id = id;
  it->type = type;
  it->payload = Value(1);
  return it;
}

inline SendRequest make_send(const std::string& endpoint, const std::string& id) {
  SendRequest request;
  request.envelope = make_envelope(id);
  request.endpoint = endpoint;
  request.deduplication_key = id;
  return request;
}

inline std::vector<SendRequest> one(SendRequest request) {
  std::vector<SendRequest> out;
  out.push_back(std::move(request));
  return out;
}

// Starts the coroutine on the context; its exception comes out of run().
inline void start(boost::asio::io_context& context, boost::asio::awaitable<void> coroutine) {
  boost::asio::co_spawn(context, std::move(coroutine), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

}  // namespace sagabus::sqlite
