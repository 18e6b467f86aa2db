#include "sqlite/database.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "ambient_rules.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"
#include "sqlite/queue.hpp"
#include "sqlite/schema.hpp"

namespace sagabus::sqlite {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

Database::Options checked(Database::Options options, std::string_view what) {
  if (options.path.empty() || options.path == ":memory:" ||
      options.path.find('\0') != std::string::npos) {
    throw std::invalid_argument(fmt::format("sqlite::{}: path: \"{}\", expected the path of a file",
                                            what, options.path.c_str()));
  }
  check_range(what, "busy_timeout", options.busy_timeout, milliseconds(1), std::chrono::minutes(5));
  check_range(what, "poll_interval", options.poll_interval, milliseconds(1),
              std::chrono::minutes(1));
  sagabus::detail::check(options.ambient, fmt::format("sqlite::{}: ", what));
  options.path = std::filesystem::absolute(options.path).string();
  return options;
}

std::vector<std::int64_t> dead_owners(const std::vector<std::int64_t>& owners, std::int64_t self,
                                      const OwnerLocks& locks) {
  std::vector<std::int64_t> out;
  for (const std::int64_t owner : owners) {
    if (owner != self && !locks.is_held(owner)) out.push_back(owner);
  }
  return out;
}

}  // namespace

void check_range(std::string_view what, std::string_view field, milliseconds value,
                 milliseconds least, milliseconds most) {
  if (value >= least && value <= most) return;
  throw std::invalid_argument(fmt::format("sqlite::{}: {}: {} ms, expected {} to {} ms", what,
                                          field, value.count(), least.count(), most.count()));
}

Database::Database(Options options, std::string_view what)
    : options_(checked(std::move(options), what)) {
  writer_ = std::make_unique<Lane>(
      Lane::Options{options_.path, [this] { return open_writer(); },
                    [this](Connection& connection) { close_writer(connection); }});
  watch_ = std::make_unique<Watch>(options_.ambient.clock, options_.poll_interval,
                                   [this] { return poll(); });
}

// The watch asks the lanes while it runs; they tell the watch of what they carry out until they
// end.
Database::~Database() {
  watch_->stop();
  reader_.reset();
  writer_.reset();
}

Lane& Database::reader() {
  std::call_once(reader_once_, [this] {
    reader_ = std::make_unique<Lane>(
        Lane::Options{options_.path,
                      [this] {
                        return open_reader({options_.path, options_.busy_timeout, true});
                      },
                      {}});
  });
  return *reader_;
}

asio::awaitable<void> Database::open() {
  const auto nothing = [](Connection&) {};
  co_await read(nothing);
}

// The number is locked before the row is committed, so that a row without a lock is a dead one's.
std::unique_ptr<Connection> Database::open_writer() {
  auto connection = open_database({options_.path, options_.busy_timeout, false});
  OwnerLocks& locks = locks_.emplace(options_.path + "-owners");
  connection->execute("BEGIN IMMEDIATE");
  for (const std::int64_t owner : dead_owners(list_owners(*connection), 0, locks)) {
    remove_owner(*connection, owner);
  }
  owner_ = add_owner(*connection, ::getpid(), to_iso8601(options_.ambient.clock->now()));
  locks.hold(owner_);
  connection->execute("COMMIT");
  opened_ = true;
  return connection;
}

void Database::close_writer(Connection& connection) {
  connection.execute("BEGIN IMMEDIATE");
  remove_owner(connection, owner_);
  connection.execute("COMMIT");
}

asio::awaitable<bool> Database::poll() {
  if (!opened_) co_return false;
  try {
    co_return co_await look_around();
  } catch (const Error& error) {
    options_.ambient.log(LogLevel::warning, error.what());
  }
  co_return true;
}

asio::awaitable<bool> Database::look_around() {
  struct Seen {
    std::int64_t version = 0;
    std::vector<std::int64_t> owners;
  };
  const auto look = [](Connection& connection) {
    return Seen{data_version(connection), list_owners(connection)};
  };
  const Seen seen = co_await read(look);
  bool changed = std::exchange(seen_version_, seen.version) != seen.version;
  const std::vector<std::int64_t> dead = dead_owners(seen.owners, owner_, *locks_);
  if (!dead.empty()) {
    auto bury = [dead](Connection& connection) {
      for (const std::int64_t owner : dead) remove_owner(connection, owner);
    };
    co_await write(std::move(bury));
    changed = true;
  }
  co_return changed;
}

}  // namespace sagabus::sqlite
