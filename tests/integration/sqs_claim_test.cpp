// Messages that are larger than a queue takes: their payloads as files, and as objects in S3.
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "integration/s3_support.hpp"
#include "integration/sqs_support.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/letter_tools.hpp"
#include "support/file_claim_store.hpp"
#include "support/temp_directory.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kMebibyte = 1024 * 1024;

asio::awaitable<void> wait_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> be_away(std::string_view) {
  throw TransientError("the store is away");
  co_return;
}

class ClaimTest : public SqsTest {
 protected:
  explicit ClaimTest(std::shared_ptr<ClaimStore> store)
      : claims_(std::make_shared<test::WatchedClaimStore>(std::move(store))) {}

  TransportOptions with_claims() {
    TransportOptions out = options();
    out.claims = claims_;
    return out;
  }
  static Envelope large(std::string id, std::size_t bytes = 5 * kMebibyte, std::string key = {}) {
    Envelope out = envelope(std::move(id), std::move(key));
    out.payload = Value(Object{{"text", Value(std::string(bytes, 'x') + out.id)}});
    return out;
  }
  static std::vector<std::string> ids(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> out;
    for (const Delivery& delivery : deliveries) out.push_back(delivery.envelope->id);
    return out;
  }
  void subscribe(const Transport& transport, const std::string& endpoint) {
    sync_wait(transport.backend()->subscribe({.endpoint = endpoint, .types = {"Taken"}}));
  }

  const std::shared_ptr<test::WatchedClaimStore> claims_;
};

// With either of two stores.
enum class Kind { files, s3 };

class SqsClaims : public ClaimTest, public ::testing::WithParamInterface<Kind> {
 protected:
  SqsClaims() : SqsClaims(GetParam()) {}

  void spoil(const std::string& key, std::string bytes) {
    if (GetParam() == Kind::s3) return buckets_.put_object(bucket_, "claims/" + key, bytes);
    std::ofstream(directory_.path() / key, std::ios::trunc) << bytes;
  }
  void remove(const std::string& key) {
    if (GetParam() == Kind::s3) return buckets_.erase_object(bucket_, "claims/" + key);
    std::filesystem::remove(directory_.path() / key);
  }

 private:
  // Bases come before members.
  struct Places {
    test::TempDirectory directory;
    s3::Buckets buckets;
    std::string bucket;
  };
  explicit SqsClaims(Kind kind) : SqsClaims(kind, std::make_shared<Places>()) {}
  SqsClaims(Kind kind, std::shared_ptr<Places> places)
      : ClaimTest(make_store(kind, *places)), places_(std::move(places)) {}
  static std::shared_ptr<ClaimStore> make_store(Kind kind, Places& places) {
    if (kind == Kind::files) {
      return std::make_shared<test::FileClaimStore>(places.directory.path());
    }
    places.bucket = places.buckets.add();
    return std::make_shared<s3::ClaimStore>(s3::Buckets::options(places.bucket));
  }

  const std::shared_ptr<Places> places_;
  test::TempDirectory& directory_ = places_->directory;
  s3::Buckets& buckets_ = places_->buckets;
  std::string& bucket_ = places_->bucket;
};

INSTANTIATE_TEST_SUITE_P(Stores, SqsClaims, ::testing::Values(Kind::files, Kind::s3),
                         [](const auto& suite) {
                           return suite.param == Kind::files ? "Files" : "S3";
                         });

TEST_P(SqsClaims, ALargeMessageTravelsForOneMoreRequestAtEachEnd) {
  const Transport transport(with_claims());
  Envelope sent = large("m1");
  sent.headers = {{"traceparent", "00-1"}};
  send(transport, sent);
  send(transport, envelope("m2"));
  std::vector<Delivery> got = receive(transport);
  while (got.size() < 2) {
    for (Delivery& delivery : receive(transport)) got.push_back(std::move(delivery));
  }
  const std::size_t first = got[0].envelope->id == "m1" ? 0 : 1;
  EXPECT_EQ(*got[first].envelope, sent);
  EXPECT_EQ(got[first].failures, 0U);
  EXPECT_FALSE(got[first].redelivered);
  EXPECT_EQ(*got[1 - first].envelope, envelope("m2"));
  EXPECT_EQ(claims_->puts, 1);
  EXPECT_EQ(claims_->gets, 1);
}

TEST_P(SqsClaims, AllWhoTakeAMessageShareItsPayload) {
  const Transport transport(with_claims());
  subscribe(transport, "a");
  subscribe(transport, "b");
  std::vector<SendRequest> one(1, request(large("m1"), ""));
  send(transport, std::move(one));
  EXPECT_EQ(receive(transport, 10, "a").at(0).envelope->payload, large("m1").payload);
  EXPECT_EQ(receive(transport, 10, "b").at(0).envelope->payload, large("m1").payload);
  EXPECT_EQ(claims_->puts, 1);
  EXPECT_EQ(claims_->gets, 2);
}

TEST_P(SqsClaims, WhatIsPackedAlreadyIsSentAsItIs) {
  const Transport transport(with_claims());
  const auto whole = std::make_shared<const Envelope>(large("m1"));
  const EnvelopePtr packed = sync_wait(transport.backend()->pack(whole));
  EXPECT_LT(to_json(*packed).size(), 1000U);
  EXPECT_EQ(sync_wait(transport.backend()->pack(packed)), packed);
  send(transport, *packed);
  EXPECT_EQ(*receive(transport).at(0).envelope, *whole);
  EXPECT_EQ(claims_->puts, 1);
}

TEST_P(SqsClaims, WhosePayloadIsGoneIsNoMessageAnyMore) {
  const Transport transport(with_claims());
  send(transport, large("m1"));
  remove(claims_->last_key());
  const auto got = receive(transport);
  ASSERT_THAT(got, SizeIs(1));
  ASSERT_EQ(got[0].envelope, nullptr);
  EXPECT_THAT(got[0].malformed->problem, HasSubstr("its payload is not there"));
  EXPECT_EQ(parse_envelope(got[0].malformed->body).id, "m1");
}

TEST_P(SqsClaims, WhosePayloadIsAnotherIsNoMessage) {
  const Transport transport(with_claims());
  send(transport, large("m1", kMebibyte));
  const std::string key = claims_->last_key();
  std::string same_size = to_json(large("m1", kMebibyte).payload);
  same_size[100] = 'y';
  spoil(key, same_size);
  auto got = receive(transport);
  ASSERT_THAT(got, SizeIs(1));
  ASSERT_EQ(got[0].envelope, nullptr);
  EXPECT_THAT(got[0].malformed->problem, HasSubstr("not the one that was sent"));
  give_back(transport, std::move(got[0]));
  spoil(key, same_size + "more");
  got = receive(transport);
  ASSERT_THAT(got, SizeIs(1));
  ASSERT_EQ(got[0].envelope, nullptr);
}

TEST_P(SqsClaims, WhoHasNoClaimsSaysSo) {
  const Transport transport(with_claims());
  send(transport, large("m1"));
  const auto got = receive(Transport(options()));
  ASSERT_THAT(got, SizeIs(1));
  ASSERT_EQ(got[0].envelope, nullptr);
  EXPECT_THAT(got[0].malformed->problem, HasSubstr("this transport has no claims"));
}

TEST_P(SqsClaims, WhatIsLargerThanAClaimMayBeIsRefusedAtBothEnds) {
  TransportOptions small = with_claims();
  small.max_claim_bytes = kMebibyte;
  const Transport strict(small);
  EXPECT_THROW(send(strict, large("m1", kMebibyte)), ValidationError);
  EXPECT_EQ(claims_->puts, 0);
  send(Transport(with_claims()), large("m1", kMebibyte));
  const auto got = receive(strict);
  ASSERT_THAT(got, SizeIs(1));
  ASSERT_EQ(got[0].envelope, nullptr);
  EXPECT_THAT(got[0].malformed->problem, HasSubstr("max_claim_bytes"));
  EXPECT_EQ(claims_->gets, 0);
}

TEST_P(SqsClaims, HeadersThatAreTooLargeByThemselvesAreRefused) {
  const Transport transport(with_claims());
  Envelope wide = large("m1");
  wide.headers.emplace("wide", std::string(2 * kMebibyte, 'h'));
  EXPECT_THROW(send(transport, wide), ValidationError);
  EXPECT_EQ(claims_->puts, 0);
}

// What the bus does with one that fails for good, and what its tools do with that.
TEST_P(SqsClaims, ALetterIsWholeAndCanBeSentBack) {
  const Transport transport(with_claims());
  Envelope letter = large("m1");
  letter.headers = {{"x-saga-original-endpoint", "a"}, {"x-saga-error-message", "no"}};
  std::vector<SendRequest> one(1, request(letter, "a.dlq"));
  send(transport, std::move(one));

  LetterQuery query;
  query.endpoint = "a.dlq";
  query.patience = 2s;
  std::vector<Value> seen;
  sync_wait(visit_letters(transport, query, [&](Delivery it) -> asio::awaitable<void> {
    seen.push_back(letter_value(it));
    co_return;
  }));
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(*seen[0].find("payload"), letter.payload);
  EXPECT_EQ(seen[0].find("headers")->find("x-saga-claim"), nullptr);

  auto taken = receive(transport, 10, "a.dlq");
  ASSERT_THAT(taken, SizeIs(1));
  sync_wait(redrive_letter(transport, std::move(taken[0]), {}));
  EXPECT_EQ(receive(transport).at(0).envelope->payload, letter.payload);
}

// What follows depends on no store.

class SqsClaimTrouble : public ClaimTest {
 protected:
  SqsClaimTrouble() : SqsClaimTrouble(std::make_shared<test::TempDirectory>()) {}
  explicit SqsClaimTrouble(std::shared_ptr<test::TempDirectory> directory)
      : ClaimTest(std::make_shared<test::FileClaimStore>(directory->path())),
        directory_(std::move(directory)) {}

  const std::shared_ptr<test::TempDirectory> directory_;
};

TEST_F(SqsClaimTrouble, WhileItsPayloadCannotBePutNothingIsSent) {
  const Transport transport(with_claims());
  claims_->set_before(be_away);
  EXPECT_THROW(send(transport, large("m1")), TransientError);
  claims_->set_before({});
  send(transport, envelope("m2"));
  EXPECT_THAT(ids(receive(transport)), ElementsAre("m2"));
}

TEST_F(SqsClaimTrouble, WhilePayloadsCannotBeFetchedTheirMessagesWait) {
  const Transport transport(with_claims());
  send(transport, large("m1"));
  send(transport, envelope("m2"));
  claims_->set_before(be_away);
  std::vector<Delivery> got = receive_within(transport, 5s);
  EXPECT_THAT(ids(got), ElementsAre("m2"));  // others do not
  claims_->set_before({});
  got = receive_within(transport, 20s);
  ASSERT_THAT(ids(got), ElementsAre("m1"));
  EXPECT_EQ(got[0].failures, 0U);
  EXPECT_FALSE(got[0].redelivered);
  EXPECT_THAT(log(), ::testing::Contains(HasSubstr("the store is away")));
}

TEST_F(SqsClaimTrouble, NothingOvertakesWhatWaitsForItsPayload) {
  const Transport transport(with_claims());
  send(transport, envelope("m1", "one key"));
  send(transport, large("m2", 5 * kMebibyte, "one key"));
  send(transport, envelope("m3", "one key"));
  send(transport, envelope("other", "another key"));
  claims_->set_before(be_away);
  std::vector<std::string> got;
  std::set<std::string> others;
  const auto take_all = [&](std::chrono::seconds time) {
    for (Delivery& delivery : receive_within(transport, time)) {
      const std::string id = delivery.envelope->id;
      id == "other" ? void(others.insert(id)) : got.push_back(id);
      acknowledge(transport, std::move(delivery));
    }
  };
  for (int i = 0; i < 3; ++i) take_all(2s);
  EXPECT_THAT(got, ElementsAre("m1"));
  EXPECT_THAT(others, SizeIs(1));
  claims_->set_before({});
  for (int i = 0; i < 10 && got.size() < 3; ++i) take_all(5s);
  EXPECT_THAT(got, ElementsAre("m1", "m2", "m3"));
}

// Both wait in one group, as if the payload were there to tell.
TEST_F(SqsClaimTrouble, ItsOrderIsThatOfItsReceiver) {
  TransportOptions here = with_claims();
  here.routes = {{.type = "Taken", .endpoint = "a", .group_by = "book"}};
  const Transport transport(here);
  Envelope first = large("m1");
  first.payload =
      Value(Object{{"book", Value("b1")}, {"text", Value(std::string(kMebibyte, 'x'))}});
  Envelope second = envelope("m2");
  second.payload = Value(Object{{"book", Value("b1")}});
  // As a step leaves it in its outbox.
  const EnvelopePtr packed =
      sync_wait(transport.backend()->pack(std::make_shared<const Envelope>(first)));
  std::vector<SendRequest> both{request(*packed, ""), request(second, "")};
  send(Transport(here), std::move(both));
  const auto got = receive(transport, 10);
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got[0].envelope->id, "m1");
  for (const Delivery& delivery : got) EXPECT_EQ(delivery.order_key, "b1");
}

TEST_F(SqsClaimTrouble, WhoGivesUpWhileAPayloadIsFetchedHasTakenNothing) {
  const Transport transport(with_claims());
  send(transport, large("m1"));
  std::atomic<int> broken_off{0};
  claims_->set_before([&](std::string_view) -> asio::awaitable<void> {
    try {
      co_await wait_for(30s);
    } catch (const boost::system::system_error&) {
      ++broken_off;
      throw;
    }
  });
  EXPECT_THAT(receive_within(transport, 3s), IsEmpty());
  for (int i = 0; i < 100 && broken_off == 0; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(broken_off, 1);
  claims_->set_before({});
  const auto got = receive_within(transport, 10s);  // long before its visibility timeout ends
  ASSERT_THAT(ids(got), ElementsAre("m1"));
  EXPECT_FALSE(got[0].redelivered);
}

TEST_F(SqsClaimTrouble, AMessageStaysHiddenWhileItsPayloadIsFetched) {
  TransportOptions quick = with_claims();
  quick.visibility_timeout = 2s;
  const Transport transport(quick);
  send(transport, large("m1"));
  claims_->set_before([](std::string_view) { return wait_for(5s); });
  auto got = receive_within(transport, 20s);
  ASSERT_THAT(ids(got), ElementsAre("m1"));
  acknowledge(transport, std::move(got[0]));
  EXPECT_THAT(receive_within(transport, 3s), IsEmpty());
  EXPECT_EQ(claims_->gets, 1);
}

TEST_F(SqsClaimTrouble, SeveralPayloadsAreFetchedAtOnceAndNotTooMany) {
  const Transport transport(with_claims());
  std::vector<SendRequest> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(request(large(fmt::format("m{}", i), kMebibyte / 2)));
  }
  send(transport, std::move(all));
  std::atomic<int> at_once{0};
  std::atomic<int> most_at_once{0};
  claims_->set_before([&](std::string_view) -> asio::awaitable<void> {
    const int now = ++at_once;
    if (now > most_at_once) most_at_once = now;
    co_await wait_for(50ms);
    --at_once;
  });
  std::set<std::string> got;
  while (got.size() < 10) {
    const auto some = receive_within(transport, 10s);
    ASSERT_FALSE(some.empty());
    for (const Delivery& delivery : some) {
      EXPECT_EQ(delivery.envelope->payload, large(delivery.envelope->id, kMebibyte / 2).payload);
      got.insert(delivery.envelope->id);
      acknowledge(transport, delivery);
    }
  }
  EXPECT_GT(most_at_once, 1);
  EXPECT_LE(most_at_once, 8);
}

}  // namespace
}  // namespace sagabus::sqs
