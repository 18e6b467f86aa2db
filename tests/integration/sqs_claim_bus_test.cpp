// Sagas whose messages are larger than a queue takes, and than an item of DynamoDB holds: state in
// a table, payloads in a bucket.
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include "integration/s3_support.hpp"
#include "integration/sqs_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "sagabus/error.hpp"
#include "sagabus/letter_tools.hpp"
#include "sagabus/saga.hpp"
#include "support/file_claim_store.hpp"
#include "testing/decorators.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::size_t kMiB = 1024 * 1024;

struct Ordered {
  std::string book;
  int number = 0;
};
SAGABUS_MESSAGE(Ordered, book, number)
struct Printed {
  std::string book;
  int number = 0;
  std::string text;
};
SAGABUS_MESSAGE(Printed, book, number, text)
struct Printing {
  int orders = 0;
};
SAGABUS_DESCRIBE(Printing, orders)

// What was printed, in its order.
class Shelf {
 public:
  void add(const Printed& m) {
    const std::lock_guard lock(mutex_);
    numbers_[m.book].push_back(m.number);
    fine_ = fine_ && m.text == text_of(m.number);
    ++count_;
    changed_.notify_all();
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [&] { return count_ >= count; });
  }
  std::map<std::string, std::vector<int>> numbers() {
    const std::lock_guard lock(mutex_);
    return numbers_;
  }
  bool is_fine() {
    const std::lock_guard lock(mutex_);
    return fine_;
  }
  // Every third one is large.
  static std::string text_of(int number) {
    return std::string(number % 3 == 0 ? 2 * kMiB : 10, static_cast<char>('a' + number));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<int>> numbers_;
  std::size_t count_ = 0;
  bool fine_ = true;
};

class SqsClaimBus : public SqsTest {
 protected:
  SqsClaimBus() : bucket_(buckets_.add()) {
    s3_ = std::make_shared<s3::ClaimStore>(s3::Buckets::options(bucket_));
    claims_ = std::make_shared<test::WatchedClaimStore>(s3_);
    dynamodb::StoreOptions store;
    store.table_name = "test-" + prefix_;
    store.region = "us-east-1";
    store.endpoint = test::dynamodb_endpoint();
    store.credentials = aws::static_credentials("test", "test");
    const dynamodb::SagaStore table(store);
    sync_wait(dynamodb::create_table(table, {}));
    store_ = SagaStore(std::make_shared<sagabus::testing::FaultyStore>(table, faults_));
    TransportOptions here = options();
    here.claims = claims_;
    transport_.emplace(here);
  }

  SagaDefinition saga() {
    return sagabus::saga<Printing>("Printer")
        .correlate<Ordered>(&Ordered::book, can_start)
        .initial([](const Ordered&) { return Printing{}; })
        .on<Ordered>()
        .handle([this](const Ordered& m, Printing& s, SagaContext& ctx) {
          ++s.orders;
          note_attempt(ctx.attempt());
          ctx.publish(Printed{m.book, m.number, Shelf::text_of(m.number)});
        })
        .build();
  }
  // Ordered by book, as its publisher asks for by a route.
  Service reader(std::function<void(const Printed&)> before = [](const Printed&) {}) {
    return Service("reader").on<Printed>([this, before](const Printed& m, MessageContext& ctx) {
      EXPECT_FALSE(ctx.envelope().headers.contains("x-saga-claim"));
      before(m);
      shelf_.add(m);
    });
  }
  BusOptions bus_options(Service service) {
    BusOptions options;
    options.transport = *transport_;
    options.store = store_;
    options.sagas = {saga()};
    options.services = {std::move(service)};
    options.retry.base_delay = 50ms;
    options.retry.max_delay = 1000ms;
    options.threads = 2;
    return options;
  }
  void note_attempt(unsigned attempt) {
    const std::lock_guard lock(mutex_);
    attempts_.push_back(attempt);
  }
  std::vector<unsigned> attempts() {
    const std::lock_guard lock(mutex_);
    return attempts_;
  }

  s3::Buckets buckets_;
  const std::string bucket_;
  std::shared_ptr<s3::ClaimStore> s3_;
  std::shared_ptr<test::WatchedClaimStore> claims_;
  const std::shared_ptr<sagabus::testing::StoreFaults> faults_ =
      std::make_shared<sagabus::testing::StoreFaults>();
  SagaStore store_;
  std::optional<Transport> transport_;
  Shelf shelf_;

 private:
  std::mutex mutex_;
  std::vector<unsigned> attempts_;
};

TEST_F(SqsClaimBus, LargeMessagesOfASagaArriveOnceAndCostOneRequestAtEachEnd) {
  constexpr int kBooks = 3;
  constexpr int kNumbers = 6;
  // No commit names a payload that is not there yet.
  std::atomic<int> named{0};
  std::atomic<bool> all_there{true};
  faults_->before_commit = [&](const CommitRequest& request) {
    for (const OutboxEntry& entry : request.next->bookkeeping.outbox) {
      for (const OutgoingMessage& message : entry.messages) {
        const auto& headers = message.envelope->headers;
        const auto claim = headers.find("x-saga-claim");
        if (claim == headers.end()) continue;
        ++named;
        try {
          buckets_.object(bucket_, "claims/" + claim->second);
        } catch (const NotFound&) {
          all_there = false;
        }
      }
    }
  };
  Bus bus(bus_options(reader()));
  sync_wait(bus.start());
  for (int number = 1; number <= kNumbers; ++number) {
    for (int book = 0; book < kBooks; ++book) {
      sync_wait(bus.publish(Ordered{fmt::format("book-{}", book), number}));
    }
  }
  ASSERT_TRUE(shelf_.wait_for(kBooks * kNumbers));
  sync_wait(bus.stop());
  EXPECT_TRUE(shelf_.is_fine());
  for (auto [book, numbers] : shelf_.numbers()) {
    std::sort(numbers.begin(), numbers.end());
    EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5, 6)) << book;
  }
  EXPECT_GE(named, kBooks * 2);
  EXPECT_TRUE(all_there);
  EXPECT_EQ(s3_->usage().puts, static_cast<std::uint64_t>(kBooks * 2));
  EXPECT_EQ(s3_->usage().gets, static_cast<std::uint64_t>(kBooks * 2));
}

TEST_F(SqsClaimBus, WhileTheBucketIsAwayAStepWaitsAndItsHandlerIsNotToBlame) {
  std::atomic<int> refusals{5};  // more than a handler may fail
  claims_->set_before([&](std::string_view) -> asio::awaitable<void> {
    if (--refusals >= 0) throw TransientError("the bucket is away");
    co_return;
  });
  Bus bus(bus_options(reader()));
  sync_wait(bus.start());
  sync_wait(bus.publish(Ordered{"book", 3}));
  sync_wait(bus.publish(Ordered{"book", 4}));
  ASSERT_TRUE(shelf_.wait_for(2));
  sync_wait(bus.stop());
  EXPECT_THAT(shelf_.numbers()["book"], ::testing::UnorderedElementsAre(3, 4));
  EXPECT_THAT(attempts(), SizeIs(7));
  EXPECT_THAT(attempts(), Each(1U));
}

// A bucket that is not there, as one that may not be used, is somebody's mistake that can be
// mended.
TEST_F(SqsClaimBus, WithoutItsBucketNothingIsBuried) {
  buckets_.erase(bucket_);
  std::atomic<int> tries{0};
  claims_->set_before([&](std::string_view) -> asio::awaitable<void> {
    ++tries;
    co_return;
  });
  Bus bus(bus_options(reader()));
  sync_wait(bus.start());
  sync_wait(bus.publish(Ordered{"book", 3}));
  for (int i = 0; i < 3000 && tries < 5; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(tries, 5);
  sync_wait(bus.stop());
  EXPECT_THAT(attempts(), Each(1U));
  EXPECT_THAT(log(), ::testing::Not(::testing::Contains(HasSubstr("dead"))));
  EXPECT_EQ(sync_wait(transport_->depth("Printer.dlq")).ready, 0U);
}

TEST_F(SqsClaimBus, AMessageWhosePayloadIsGoneIsADeadLetterWithItsReason) {
  Envelope lost = envelope("m1");
  lost.type = "Printed";
  lost.payload = to_value(Printed{"book", 3, Shelf::text_of(3)});
  std::vector<SendRequest> one(1, request(lost, "reader"));
  send(*transport_, std::move(one));
  buckets_.erase_object(bucket_, "claims/" + claims_->last_key());
  Bus bus(bus_options(reader()));
  sync_wait(bus.start());
  const auto letters = receive_within(*transport_, 20s, "reader.dlq");
  sync_wait(bus.stop());
  ASSERT_THAT(letters, SizeIs(1));
  const Envelope& letter = *letters[0].envelope;
  EXPECT_EQ(letter.type, kMalformedType);
  EXPECT_THAT(letter.headers.at("x-saga-error-message"), HasSubstr("its payload is not there"));
  EXPECT_THAT(letter.headers.at("x-saga-error-message"), HasSubstr("s3://" + bucket_ + "/claims"));
}

TEST_F(SqsClaimBus, ALargeMessageThatFailsBecomesALetterAndComesBackWhole) {
  std::atomic<bool> fails{true};
  Bus bus(bus_options(reader([&](const Printed& m) {
    if (fails && m.number == 3) throw std::runtime_error("page three is torn");
  })));
  sync_wait(bus.start());
  sync_wait(bus.publish(Ordered{"book", 3}));
  auto letters = receive_within(*transport_, 20s, "reader.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0].envelope->payload, to_value(Printed{"book", 3, Shelf::text_of(3)}));
  EXPECT_THAT(letters[0].envelope->headers.at("x-saga-error-message"), HasSubstr("torn"));
  EXPECT_EQ(letters[0].envelope->headers.at("x-saga-attempt"), "3");
  fails = false;
  sync_wait(redrive_letter(*transport_, std::move(letters[0]), {}));
  ASSERT_TRUE(shelf_.wait_for(1));
  sync_wait(bus.stop());
  EXPECT_TRUE(shelf_.is_fine());
}

// Rows of timers hold 256 KB each.
TEST_F(SqsClaimBus, ALargeMessageMayBeScheduled) {
  Bus bus(bus_options(reader()));
  sync_wait(bus.start());
  sync_wait(bus.schedule(Printed{"book", 3, Shelf::text_of(3)}, 1500ms));
  ASSERT_TRUE(shelf_.wait_for(1));
  sync_wait(bus.stop());
  EXPECT_TRUE(shelf_.is_fine());
  EXPECT_EQ(s3_->usage().puts, 1U);
}

}  // namespace
}  // namespace sagabus::sqs
