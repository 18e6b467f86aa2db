#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <set>
#include <thread>

#include "sagabus/error.hpp"
#include "sqlite/queue.hpp"
#include "sqlite_support.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class SqliteTransport : public ::testing::Test {
 protected:
  SqliteTransport() { ambient_.clock = clock_; }

  TransportBackend& backend() { return *transport_->backend(); }
  void send(const std::string& endpoint, const std::string& id) {
    sync_wait(backend().send(one(make_send(endpoint, id))));
  }
  std::vector<Delivery> receive(std::size_t most = 100) {
    return sync_wait(backend().receive("e", most));
  }
  std::vector<std::string> ids(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> out;
    for (const Delivery& it : deliveries) out.push_back(it.envelope ? it.envelope->id : "?");
    return out;
  }
  std::uint64_t ready() { return sync_wait(transport_->depth("e")).ready; }

  using Ids = std::vector<std::string>;
  TempDirectory directory_;
  std::string path_ = directory_.file();
  std::shared_ptr<SetClock> clock_ = std::make_shared<SetClock>();
  Ambient ambient_;
  std::optional<Transport> transport_{
      Transport{{.path = path_, .poll_interval = 5ms, .ambient = [this] {
                   Ambient ambient;
                   ambient.clock = clock_;
                   return ambient;
                 }()}}};
};

TEST_F(SqliteTransport, ReceivesInTheOrderOfSending) {
  for (const char* id : {"1", "2", "3"}) send("e", id);
  EXPECT_EQ(ids(receive(2)), (Ids{"1", "2"}));
  EXPECT_EQ(ids(receive(2)), (Ids{"3"}));
}

TEST_F(SqliteTransport, WhatComesBackKeepsItsPlace) {
  for (const char* id : {"1", "2", "3"}) send("e", id);
  auto all = receive();
  sync_wait(backend().give_back(all[2], {}));
  sync_wait(backend().give_back(all[0], {.delay = 1s, .failed = true}));
  clock_->advance(2s);
  auto again = receive();
  EXPECT_EQ(ids(again), (Ids{"1", "3"}));
  EXPECT_EQ(again[0].failures, 1U);
  EXPECT_EQ(again[1].failures, 0U);
  EXPECT_FALSE(again[0].redelivered);  // nothing was in doubt
}

TEST_F(SqliteTransport, StaleReceiptsDoNothing) {
  send("e", "1");
  auto first = receive();
  clock_->advance(31s);
  auto second = receive();
  ASSERT_EQ(ids(second), (Ids{"1"}));
  sync_wait(backend().acknowledge(first[0]));
  sync_wait(backend().give_back(first[0], {}));
  EXPECT_EQ(sync_wait(transport_->depth("e")).claimed, 1U);
  sync_wait(backend().give_back(second[0], {}));
  sync_wait(backend().acknowledge(second[0]));
  EXPECT_EQ(ready(), 1U);
}

TEST_F(SqliteTransport, PublishReachesEverySubscriberOnce) {
  sync_wait(backend().subscribe({"e", {"T", "U"}}));
  sync_wait(backend().subscribe({"f", {"T"}}));
  for (int i = 0; i < 2; ++i) send("", "1");
  EXPECT_EQ(sync_wait(transport_->pending("e")), 1U);
  EXPECT_EQ(sync_wait(transport_->pending("f")), 1U);
  sync_wait(backend().subscribe({"e", {"U"}}));
  send("", "2");
  EXPECT_EQ(sync_wait(transport_->pending("e")), 1U);
}

TEST_F(SqliteTransport, ForgetsKeysAfterTheWindow) {
  for (int i = 0; i < 200; ++i) send("e", fmt::format("{}", i));
  clock_->advance(5min - 1ms);
  send("e", "0");
  EXPECT_EQ(sync_wait(transport_->pending("e")), 200U);
  clock_->advance(2ms);
  send("e", "0");
  EXPECT_EQ(sync_wait(transport_->pending("e")), 201U);
  for (int i = 0; i < 4; ++i) send("e", fmt::format("x{}", i));
  EXPECT_EQ(RawDatabase(path_).run("SELECT count(*) FROM deduplication"), "5\n");
}

TEST_F(SqliteTransport, ForgetsAsFastAsOneSendRemembers) {
  ready();  // makes the file
  RawDatabase raw(path_);
  raw.run(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
      "INSERT INTO subscriptions (endpoint, type) SELECT 'e' || i, 'T' FROM n");
  for (int i = 0; i < 8; ++i) {
    send("", fmt::format("{}", i));
    clock_->advance(6min);  // past the window
  }
  EXPECT_EQ(raw.run("SELECT count(*) FROM deduplication"), "200\n");
}

// Nobody looks at the file for a minute, so that only a wake-up brings a message this soon.
constexpr auto kSoon = 15s;

TEST_F(SqliteTransport, AWaitingReceiverWakesForASendAtOnce) {
  Transport slow{{.path = path_, .poll_interval = 1min}};
  std::vector<Delivery> got;
  std::thread receiver([&] { got = sync_wait(slow.backend()->receive("e", 1)); });
  EXPECT_TRUE(wait_for_receivers(slow, 1));
  const auto begin = std::chrono::steady_clock::now();
  sync_wait(slow.backend()->send(one(make_send("e", "1"))));
  receiver.join();
  EXPECT_EQ(ids(got), (Ids{"1"}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
}

TEST_F(SqliteTransport, AWaitingReceiverWakesForAnotherDatabaseOnTheFile) {
  std::vector<Delivery> got;
  std::thread receiver([&] { got = receive(); });
  EXPECT_TRUE(wait_for_receivers(*transport_, 1));
  Transport other{{.path = path_}};
  sync_wait(other.backend()->send(one(make_send("e", "1"))));
  receiver.join();
  EXPECT_EQ(ids(got), (Ids{"1"}));
}

TEST_F(SqliteTransport, AWaitingReceiverWakesWhenAMessageIsDue) {
  Transport slow{{.path = path_, .poll_interval = 1min}};
  auto& it = *slow.backend();
  std::vector<Delivery> got;
  std::thread receiver([&] { got = sync_wait(it.receive("e", 1)); });
  EXPECT_TRUE(wait_for_receivers(slow, 1));
  SendRequest request = make_send("e", "1");
  request.not_before = system_clock()->now() + 100ms;
  const TimePoint due = request.not_before;
  sync_wait(it.send(one(std::move(request))));
  receiver.join();
  EXPECT_EQ(ids(got), (Ids{"1"}));
  EXPECT_GE(system_clock()->now(), due);
  EXPECT_LT(system_clock()->now(), due + kSoon);
}

TEST_F(SqliteTransport, ABodyThatIsNoEnvelopeIsDeliveredAsItCame) {
  send("e", "1");
  send("e", "2");
  RawDatabase(path_).run("UPDATE messages SET body = '{\"id\":7}' WHERE seq = 1");
  const auto all = receive();
  ASSERT_EQ(ids(all), (Ids{"?", "2"}));
  EXPECT_EQ(all[0].malformed->body, "{\"id\":7}");
  EXPECT_NE(all[0].malformed->problem, "");
  sync_wait(backend().acknowledge(all[0]));
  EXPECT_EQ(sync_wait(transport_->pending("e")), 1U);
}

TEST_F(SqliteTransport, ClosingGivesBackWhatWasClaimed) {
  Transport other{{.path = path_, .ambient = ambient_}};
  send("e", "1");
  EXPECT_EQ(sync_wait(other.backend()->receive("e", 1)).size(), 1U);
  EXPECT_EQ(ready(), 0U);
  other = Transport{{.path = directory_.file("another.db")}};
  EXPECT_EQ(ready(), 1U);
}

TEST_F(SqliteTransport, ListsAndDrains) {
  for (const char* id : {"1", "2", "3"}) send("e", id);
  const auto held = receive(1);
  EXPECT_EQ(ids(sync_wait(transport_->list("e"))), (Ids{"1", "2", "3"}));
  EXPECT_EQ(ids(sync_wait(transport_->drain("e", 1))), (Ids{"2"}));
  EXPECT_EQ(ids(sync_wait(transport_->drain("e"))), (Ids{"3"}));
  EXPECT_EQ(sync_wait(transport_->pending("e")), 1U);
}

TEST_F(SqliteTransport, RefusesWhatItCannotKeep) {
  SendRequest request = make_send("e", "1");
  request.not_before = clock_->now() + backend().max_delay() + 1s;
  EXPECT_THROW(sync_wait(backend().send(one(request))), ValidationError);
  request.envelope = nullptr;
  EXPECT_THROW(sync_wait(backend().send(one(request))), ValidationError);
}

asio::awaitable<void> consume(TransportBackend& transport, std::multiset<std::string>& got,
                              std::size_t until) {
  while (got.size() < until) {
    std::vector<Delivery> them = co_await transport.receive("e", 4);
    for (Delivery& it : them) {
      got.insert(it.envelope->id);
      co_await transport.acknowledge(std::move(it));
    }
  }
  // Lets one more consumer go.
  std::vector<SendRequest> last = one(make_send("e", "end" + std::to_string(got.size())));
  if (got.size() < until + 8) co_await transport.send(std::move(last));
}

asio::awaitable<void> produce(TransportBackend& transport, int lane, int count) {
  for (int i = 0; i < count; ++i) {
    std::vector<SendRequest> requests = one(make_send("e", fmt::format("{}-{}", lane, i)));
    co_await transport.send(std::move(requests));
  }
}

TEST_F(SqliteTransport, ManyConsumersTakeEachMessageOnce) {
  asio::io_context context(1);
  std::multiset<std::string> got;
  for (int i = 0; i < 8; ++i) start(context, consume(backend(), got, 640));
  for (int i = 0; i < 32; ++i) start(context, produce(backend(), i, 20));
  context.run();
  EXPECT_GE(got.size(), 640U);
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), got.size());
}

TEST_F(SqliteTransport, HotStatementsUseIndexesOnly) {
  sync_wait(transport_->pending("e"));
  RawDatabase raw(path_);
  for (const char* sql : {"UPDATE messages SET visible_at = 0, owner = NULL "
                          "WHERE endpoint = ?1 AND visible_at > 0 AND visible_at <= ?2",
                          "SELECT seq, body FROM messages INDEXED BY messages_ready "
                          "WHERE endpoint = ?1 AND visible_at = 0 ORDER BY seq LIMIT ?2",
                          "SELECT min(visible_at) FROM messages INDEXED BY messages_hidden "
                          "WHERE endpoint = ?1 AND visible_at > 0",
                          "DELETE FROM messages WHERE seq = ?1 AND receipt = ?2",
                          "SELECT endpoint FROM subscriptions WHERE type = ?1"}) {
    const std::string plan = raw.run(std::string("EXPLAIN QUERY PLAN ") + sql);
    EXPECT_NE(plan.find("SEARCH"), std::string::npos) << sql << plan;
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << sql << plan;
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << sql << plan;
  }
}

TEST_F(SqliteTransport, AHundredThousandMessagesInTheWayCostNothing) {
  send("e", "1");
  const std::string body = to_json(*make_envelope("x"));
  for (const char* visible_at : {"0", "1900000000000"}) {
    RawDatabase(path_).run(fmt::format(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
        "INSERT INTO messages (endpoint, body, visible_at) SELECT 'e', '{}', {} FROM n",
        body, visible_at));
  }
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    auto got = receive(1);
    ASSERT_EQ(got.size(), 1U);
    sync_wait(backend().acknowledge(std::move(got[0])));
  }
  // A scan of 100,000 rows takes some 20 ms; twenty of them would not end in time.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(SqliteQueue, HashesTellEndpointAndKeyApart) {
  EXPECT_EQ(deduplication_hash("a", "bc"), deduplication_hash("a", "bc"));
  EXPECT_NE(deduplication_hash("a", "bc"), deduplication_hash("ab", "c"));
}

}  // namespace
}  // namespace sagabus::sqlite
