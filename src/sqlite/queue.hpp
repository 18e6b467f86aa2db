// The rows of messages, subscriptions, deduplication and owners: their SQL, and what it means.
// Functions of a Connection run inside a job. Times are milliseconds since 1970.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite/connection.hpp"

namespace sagabus::sqlite {

struct OutgoingRow {
  std::string endpoint;  // empty: every endpoint that subscribed to `type`
  std::string type;
  std::string body;
  std::int64_t visible_at = 0;  // 0: at once
  std::string deduplication_key;
};

struct ClaimedRow {
  std::int64_t seq = 0;
  std::int64_t receipt = 0;
  std::int64_t failures = 0;
  bool redelivered = false;
  std::string body;
};

struct Claim {
  std::string endpoint;
  std::size_t most = 1;
  std::int64_t now = 0;
  std::int64_t hidden_until = 0;
  std::int64_t owner = 0;
};

struct Claimed {
  std::vector<ClaimedRow> rows;          // oldest first
  std::optional<std::int64_t> next_due;  // where there are none: when a hidden one will be ready
};

struct Depth {
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;
  std::uint64_t claimed = 0;
};

void set_subscription(Connection& connection, const std::string& endpoint,
                      const std::vector<std::string>& types);

// In alphabetical order.
void find_subscribers(Connection& connection, const std::string& type,
                      std::vector<std::string>& out);

// Puts the messages in, except repeats, and adds the endpoints that got one to `reached`.
void enqueue(Connection& connection, const std::vector<OutgoingRow>& rows, std::int64_t now,
             std::int64_t remember_until, std::vector<std::string>& reached);

Claimed claim(Connection& connection, const Claim& request);

bool has_message(Connection& connection, std::int64_t seq);
// From whoever holds it.
void take_message(Connection& connection, std::int64_t seq);

// These do nothing where the receipt is not the message's latest.
void remove_message(Connection& connection, std::int64_t seq, std::int64_t receipt);
bool give_back_message(Connection& connection, std::int64_t seq, std::int64_t receipt,
                       std::int64_t visible_at, bool failed, bool uncertain);

Depth measure(Connection& connection, const std::string& endpoint, std::int64_t now);
std::vector<ClaimedRow> list_messages(Connection& connection, const std::string& endpoint,
                                      std::int64_t most);
// Removes and returns up to `most` that no receiver holds.
std::vector<ClaimedRow> take_messages(Connection& connection, const std::string& endpoint,
                                      std::int64_t now, std::int64_t most);

// Changes when another connection, of whatever process, has written.
std::int64_t data_version(Connection& connection);

std::int64_t add_owner(Connection& connection, std::int64_t process, const std::string& opened_at);
std::vector<std::int64_t> list_owners(Connection& connection);
// Gives back all that it holds.
void remove_owner(Connection& connection, std::int64_t owner);

// What tells repeats apart: the XXH3 hash (128 bits) of endpoint and key.
std::array<char, 16> deduplication_hash(std::string_view endpoint, std::string_view key);

}  // namespace sagabus::sqlite
