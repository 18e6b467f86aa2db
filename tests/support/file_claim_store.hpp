// Payloads as files in a directory, and a watch on any ClaimStore, which it can also keep from
// answering.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "sagabus/claim_store.hpp"
#include "sagabus/error.hpp"

namespace sagabus::test {

// Only its owner may read them. The directory must be there.
class FileClaimStore final : public ClaimStore {
 public:
  explicit FileClaimStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::string describe() const override { return "file://" + directory_.string(); }
  boost::asio::awaitable<void> put(std::string key, std::string bytes) override {
    const std::filesystem::path whole = directory_ / key;
    const std::string part = whole.string() + "." + std::to_string(++parts_);
    write(part, bytes);
    std::filesystem::rename(part, whole);
    co_return;
  }
  boost::asio::awaitable<std::string> get(std::string key, std::size_t most) override {
    std::ifstream file(directory_ / key, std::ios::binary);
    if (!file) throw NotFound(describe() + " has no " + key);
    std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (bytes.size() > most) throw ValidationError(key + " is larger");
    co_return bytes;
  }

  std::filesystem::path path_of(const std::string& key) const { return directory_ / key; }

 private:
  static void write(const std::string& path, std::string_view bytes) {
    const int file =
        ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) throw TransientError(std::generic_category().message(errno));
    while (!bytes.empty()) {
      const ssize_t written = ::write(file, bytes.data(), bytes.size());
      if (written < 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    const bool fine = bytes.empty() && ::fsync(file) == 0;
    ::close(file);
    if (!fine) throw TransientError(std::generic_category().message(errno));
  }

  const std::filesystem::path directory_;
  std::atomic<unsigned> parts_{0};
};

// Counts what is asked of another store, and asks `before`, which may throw in its place, or wait.
class WatchedClaimStore final : public ClaimStore {
 public:
  using Before = std::function<boost::asio::awaitable<void>(std::string_view operation)>;

  explicit WatchedClaimStore(std::shared_ptr<ClaimStore> inner) : inner_(std::move(inner)) {}

  std::string describe() const override { return inner_->describe(); }
  boost::asio::awaitable<void> put(std::string key, std::string bytes) override {
    ++puts;
    note(key);
    if (const Before before = current()) {
      auto waiting = before("put");
      co_await std::move(waiting);
    }
    auto putting = inner_->put(std::move(key), std::move(bytes));
    co_await std::move(putting);
  }
  boost::asio::awaitable<std::string> get(std::string key, std::size_t most) override {
    ++gets;
    if (const Before before = current()) {
      auto waiting = before("get");
      co_await std::move(waiting);
    }
    auto getting = inner_->get(std::move(key), most);
    co_return co_await std::move(getting);
  }

  void set_before(Before before) {
    const std::lock_guard lock(mutex_);
    before_ = std::move(before);
  }
  // Of what was put last.
  std::string last_key() {
    const std::lock_guard lock(mutex_);
    return last_key_;
  }

  std::atomic<int> puts{0};
  std::atomic<int> gets{0};

 private:
  Before current() {
    const std::lock_guard lock(mutex_);
    return before_;
  }
  void note(const std::string& key) {
    const std::lock_guard lock(mutex_);
    last_key_ = key;
  }

  const std::shared_ptr<ClaimStore> inner_;
  std::mutex mutex_;
  Before before_;
  std::string last_key_;
};

}  // namespace sagabus::test
