#include "sqlite/queue.hpp"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sagabus::sqlite {
namespace {

constexpr Sql kForgetTypes{"DELETE FROM subscriptions WHERE endpoint = ?1"};
constexpr Sql kAddType{
    "INSERT INTO subscriptions (endpoint, type) VALUES (?1, ?2) "
    "ON CONFLICT DO NOTHING"};
constexpr Sql kSubscribers{"SELECT endpoint FROM subscriptions WHERE type = ?1 ORDER BY endpoint"};

constexpr Sql kRemember{
    "INSERT INTO deduplication (hash, expires) VALUES (?1, ?2) "
    "ON CONFLICT (hash) DO UPDATE SET expires = excluded.expires, "
    "seq = (SELECT max(seq) + 1 FROM deduplication) WHERE expires <= ?3"};
constexpr Sql kOldestKey{"SELECT expires FROM deduplication ORDER BY seq LIMIT 1"};
constexpr Sql kForgetKeys{
    "DELETE FROM deduplication WHERE seq IN "
    "(SELECT seq FROM deduplication ORDER BY seq LIMIT ?2) AND expires <= ?1"};

constexpr Sql kAppend{"INSERT INTO messages (endpoint, body, visible_at) VALUES (?1, ?2, ?3)"};
constexpr Sql kPromote{
    "UPDATE messages SET visible_at = 0, uncertain = uncertain OR owner IS NOT NULL, owner = NULL "
    "WHERE endpoint = ?1 AND visible_at > 0 AND visible_at <= ?2"};
constexpr Sql kReady{
    "SELECT seq, receipt, failures, uncertain, body FROM messages INDEXED BY messages_ready "
    "WHERE endpoint = ?1 AND visible_at = 0 ORDER BY seq LIMIT ?2"};
constexpr Sql kHide{
    "UPDATE messages SET visible_at = ?2, owner = ?3, receipt = receipt + 1 WHERE seq = ?1"};
constexpr Sql kNextDue{
    "SELECT min(visible_at) FROM messages INDEXED BY messages_hidden "
    "WHERE endpoint = ?1 AND visible_at > 0"};
constexpr Sql kRemove{"DELETE FROM messages WHERE seq = ?1 AND receipt = ?2"};
constexpr Sql kHas{"SELECT 1 FROM messages WHERE seq = ?1"};
constexpr Sql kTake{"DELETE FROM messages WHERE seq = ?1"};
constexpr Sql kGiveBack{
    "UPDATE messages SET visible_at = ?3, owner = NULL, receipt = receipt + 1, "
    "failures = failures + ?4, uncertain = uncertain OR ?5 WHERE seq = ?1 AND receipt = ?2"};

constexpr Sql kCountReady{
    "SELECT count(*) FROM messages INDEXED BY messages_ready "
    "WHERE endpoint = ?1 AND visible_at = 0"};
constexpr Sql kCountHidden{
    "SELECT count(*), count(owner) FROM messages INDEXED BY messages_hidden "
    "WHERE endpoint = ?1 AND visible_at > 0 AND visible_at > ?2"};
constexpr Sql kCountDue{
    "SELECT count(*) FROM messages INDEXED BY messages_hidden "
    "WHERE endpoint = ?1 AND visible_at > 0 AND visible_at <= ?2"};
constexpr Sql kListMessages{
    "SELECT seq, receipt, failures, uncertain, body FROM messages WHERE endpoint = ?1 "
    "ORDER BY seq LIMIT ?2"};
constexpr Sql kTakeable{
    "SELECT seq, receipt, failures, uncertain, body FROM messages WHERE endpoint = ?1 "
    "AND (owner IS NULL OR visible_at <= ?2) ORDER BY seq LIMIT ?3"};

constexpr Sql kDataVersion{"PRAGMA data_version"};
constexpr Sql kAddOwner{"INSERT INTO owners (process, opened_at) VALUES (?1, ?2) RETURNING number"};
constexpr Sql kOwners{"SELECT number FROM owners"};
constexpr Sql kRelease{
    "UPDATE messages SET visible_at = 0, uncertain = 1, owner = NULL "
    "WHERE seq IN (SELECT seq FROM messages INDEXED BY messages_hidden "
    "WHERE visible_at > 0 AND owner = ?1)"};
constexpr Sql kRemoveOwner{"DELETE FROM owners WHERE number = ?1"};

ClaimedRow read_claimed(const Query& row) {
  ClaimedRow out;
  out.seq = row.number(0);
  out.receipt = row.number(1);
  out.failures = row.number(2);
  out.redelivered = row.number(3) != 0;
  out.body = row.text(4);
  return out;
}

std::vector<ClaimedRow> read_all_claimed(Query& query) {
  std::vector<ClaimedRow> out;
  while (query.next()) out.push_back(read_claimed(query));
  return out;
}

// True where it is no repeat.
bool remember(Connection& connection, const std::string& endpoint, const std::string& key,
              std::int64_t now, std::int64_t until) {
  if (key.empty()) return true;
  const std::array<char, 16> hash = deduplication_hash(endpoint, key);
  connection.query(kRemember)
      .bind_blob(1, std::string_view(hash.data(), hash.size()))
      .bind(2, until)
      .bind(3, now)
      .run();
  return connection.changes() == 1;
}

// The oldest come first, so that this looks at one row where nothing is to be done. It removes more
// than the `added` ones, so that old keys do not pile up.
void forget_old_keys(Connection& connection, std::int64_t now, std::size_t added) {
  {
    Query oldest = connection.query(kOldestKey);
    if (!oldest.next() || oldest.number(0) > now) return;
  }
  const auto most = std::max<std::int64_t>(64, 2 * static_cast<std::int64_t>(added));
  connection.query(kForgetKeys).bind(1, now).bind(2, most).run();
}

void append(Connection& connection, const std::string& endpoint, const OutgoingRow& row,
            std::int64_t now, std::int64_t until, std::vector<std::string>& reached) {
  if (!remember(connection, endpoint, row.deduplication_key, now, until)) return;
  connection.query(kAppend).bind(1, endpoint).bind(2, row.body).bind(3, row.visible_at).run();
  reached.push_back(endpoint);
}

}  // namespace

void set_subscription(Connection& connection, const std::string& endpoint,
                      const std::vector<std::string>& types) {
  connection.query(kForgetTypes).bind(1, endpoint).run();
  for (const std::string& type : types) {
    connection.query(kAddType).bind(1, endpoint).bind(2, type).run();
  }
}

void find_subscribers(Connection& connection, const std::string& type,
                      std::vector<std::string>& out) {
  out.clear();
  Query query = connection.query(kSubscribers);
  query.bind(1, type);
  while (query.next()) out.push_back(query.text(0));
}

void enqueue(Connection& connection, const std::vector<OutgoingRow>& rows, std::int64_t now,
             std::int64_t remember_until, std::vector<std::string>& reached) {
  reached.clear();
  std::vector<std::string> subscribers;
  for (const OutgoingRow& row : rows) {
    if (!row.endpoint.empty()) {
      append(connection, row.endpoint, row, now, remember_until, reached);
      continue;
    }
    find_subscribers(connection, row.type, subscribers);
    for (const std::string& endpoint : subscribers) {
      append(connection, endpoint, row, now, remember_until, reached);
    }
  }
  forget_old_keys(connection, now, reached.size());
}

// What is due joins the ready ones first, so that all are taken in the order in which they were
// sent.
Claimed claim(Connection& connection, const Claim& request) {
  connection.query(kPromote).bind(1, request.endpoint).bind(2, request.now).run();
  Claimed out;
  {
    Query ready = connection.query(kReady);
    ready.bind(1, request.endpoint).bind(2, static_cast<std::int64_t>(request.most));
    out.rows = read_all_claimed(ready);
  }
  for (ClaimedRow& row : out.rows) {
    ++row.receipt;
    connection.query(kHide)
        .bind(1, row.seq)
        .bind(2, request.hidden_until)
        .bind(3, request.owner)
        .run();
  }
  if (!out.rows.empty()) return out;
  Query due = connection.query(kNextDue);
  if (due.bind(1, request.endpoint).next() && !due.is_null(0)) out.next_due = due.number(0);
  return out;
}

bool has_message(Connection& connection, std::int64_t seq) {
  Query query = connection.query(kHas);
  return query.bind(1, seq).next();
}

void take_message(Connection& connection, std::int64_t seq) {
  connection.query(kTake).bind(1, seq).run();
}

void remove_message(Connection& connection, std::int64_t seq, std::int64_t receipt) {
  connection.query(kRemove).bind(1, seq).bind(2, receipt).run();
}

bool give_back_message(Connection& connection, std::int64_t seq, std::int64_t receipt,
                       std::int64_t visible_at, bool failed, bool uncertain) {
  connection.query(kGiveBack)
      .bind(1, seq)
      .bind(2, receipt)
      .bind(3, visible_at)
      .bind(4, std::int64_t{failed})
      .bind(5, std::int64_t{uncertain})
      .run();
  return connection.changes() == 1;
}

Depth measure(Connection& connection, const std::string& endpoint, std::int64_t now) {
  Depth out;
  for (const Sql* sql : {&kCountReady, &kCountDue}) {
    Query query = connection.query(*sql);
    query.bind(1, endpoint);
    if (sql == &kCountDue) query.bind(2, now);
    query.next();
    out.ready += static_cast<std::uint64_t>(query.number(0));
  }
  Query hidden = connection.query(kCountHidden);
  hidden.bind(1, endpoint).bind(2, now).next();
  out.claimed = static_cast<std::uint64_t>(hidden.number(1));
  out.delayed = static_cast<std::uint64_t>(hidden.number(0)) - out.claimed;
  return out;
}

std::vector<ClaimedRow> list_messages(Connection& connection, const std::string& endpoint,
                                      std::int64_t most) {
  Query query = connection.query(kListMessages);
  return read_all_claimed(query.bind(1, endpoint).bind(2, most));
}

std::vector<ClaimedRow> take_messages(Connection& connection, const std::string& endpoint,
                                      std::int64_t now, std::int64_t most) {
  std::vector<ClaimedRow> out;
  {
    Query query = connection.query(kTakeable);
    out = read_all_claimed(query.bind(1, endpoint).bind(2, now).bind(3, most));
  }
  for (const ClaimedRow& row : out) remove_message(connection, row.seq, row.receipt);
  return out;
}

std::int64_t data_version(Connection& connection) {
  Query query = connection.query(kDataVersion);
  query.next();
  return query.number(0);
}

std::int64_t add_owner(Connection& connection, std::int64_t process, const std::string& opened_at) {
  Query query = connection.query(kAddOwner);
  query.bind(1, process).bind(2, opened_at).next();
  const std::int64_t number = query.number(0);
  query.run();
  return number;
}

std::vector<std::int64_t> list_owners(Connection& connection) {
  std::vector<std::int64_t> out;
  Query query = connection.query(kOwners);
  while (query.next()) out.push_back(query.number(0));
  return out;
}

void remove_owner(Connection& connection, std::int64_t owner) {
  connection.query(kRelease).bind(1, owner).run();
  connection.query(kRemoveOwner).bind(1, owner).run();
}

std::array<char, 16> deduplication_hash(std::string_view endpoint, std::string_view key) {
  std::string text = std::to_string(endpoint.size());
  text += ':';
  text += endpoint;
  text += key;
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  std::array<char, 16> out;
  static_assert(sizeof(canonical.digest) == out.size());
  std::memcpy(out.data(), canonical.digest, out.size());
  return out;
}

}  // namespace sagabus::sqlite
