// A bus on SQS: its order, its retries, its dead letters, its end, and what it asks of the service.
#include <atomic>
#include <future>
#include <map>
#include <numeric>
#include <thread>

#include "integration/sqs_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/saga.hpp"
#include "testing/decorators.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Noted {
  std::string book;
  int page = 0;
};
SAGABUS_MESSAGE(Noted, book, page)
struct Closed {
  std::string book;
};
SAGABUS_MESSAGE(Closed, book)
struct Copied {
  std::string book;
  int page = 0;
};
SAGABUS_MESSAGE(Copied, book, page)
struct BookState {
  int pages = 0;
};
SAGABUS_DESCRIBE(BookState, pages)

// What handlers did, by book, and a wait for it.
class Journal {
 public:
  void note(const std::string& book, int page) {
    const std::lock_guard lock(mutex_);
    pages_[book].push_back(page);
    ++count_;
    changed_.notify_all();
  }
  bool wait_for(std::size_t count, std::chrono::seconds time = 60s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return count_ >= count; });
  }
  std::vector<int> pages(const std::string& book) {
    const std::lock_guard lock(mutex_);
    return pages_[book];
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<int>> pages_;
  std::size_t count_ = 0;
};

class SqsBus : public SqsTest {
 protected:
  // Takes the pages of each book in; `before` may throw.
  SagaDefinition book_saga(std::function<void(const Noted&)> before) {
    return saga<BookState>("Book")
        .correlate<Noted>(&Noted::book, can_start)
        .correlate<Closed>(&Closed::book)
        .initial([](const Noted&) { return BookState{}; })
        .on<Noted>()
        .handle([this, before](const Noted& m, BookState& s, SagaContext& ctx) {
          before(m);
          journal_.note(m.book, m.page);
          ++s.pages;
          ctx.publish(Copied{m.book, m.page});
        })
        .on<Closed>()
        .handle([this](const Closed& m, BookState&, SagaContext& ctx) {
          journal_.note(m.book, 0);
          ctx.complete();
        })
        .build();
  }
  Service copier() {
    return Service("copier").on<Copied>(
        [this](const Copied& m, MessageContext&) { copies_.note(m.book, m.page); });
  }
  BusOptions bus_options(const Transport& transport, std::function<void(const Noted&)> before) {
    BusOptions options;
    options.transport = transport;
    options.store = store_;
    options.sagas = {book_saga(std::move(before))};
    options.services = {copier()};
    options.retry.base_delay = 1000ms;
    options.retry.jitter = false;
    options.threads = 2;
    return options;
  }
  static void nothing(const Noted&) {}

  memory::SagaStore store_;
  Journal journal_;
  Journal copies_;
};

// Sends pages of several books; those of one book in order.
void publish_pages(Bus& bus, int books, int pages) {
  for (int page = 1; page <= pages; ++page) {
    for (int book = 0; book < books; ++book) {
      sync_wait(bus.publish(Noted{fmt::format("book-{}", book), page}));
    }
  }
}

TEST_F(SqsBus, AnInstancesMessagesKeepTheirOrderAlsoWhereOneFails) {
  const Transport transport(options());
  std::atomic<int> failures{0};
  Bus bus(bus_options(transport, [&](const Noted& m) {
    if (m.book == "book-1" && m.page == 2 && ++failures <= 2) throw std::runtime_error("not yet");
  }));
  sync_wait(bus.start());
  publish_pages(bus, 3, 5);
  ASSERT_TRUE(journal_.wait_for(15));
  ASSERT_TRUE(copies_.wait_for(15));
  for (int book = 0; book < 3; ++book) {
    EXPECT_THAT(journal_.pages(fmt::format("book-{}", book)), ElementsAre(1, 2, 3, 4, 5));
  }
  EXPECT_EQ(failures, 3);
  sync_wait(bus.stop());
}

TEST_F(SqsBus, AfterItsLastAttemptAMessageIsADeadLetterAndTheNextGoesOn) {
  const Transport transport(options());
  std::atomic<int> attempts{0};
  BusOptions here = bus_options(transport, [&](const Noted& m) {
    if (m.page != 2) return;
    ++attempts;
    throw std::runtime_error("page two is torn");
  });
  here.retry.max_attempts = 3;
  here.retry.base_delay = 0ms;
  Bus bus(std::move(here));
  sync_wait(bus.start());
  publish_pages(bus, 1, 4);
  ASSERT_TRUE(journal_.wait_for(3));
  EXPECT_THAT(journal_.pages("book-0"), ElementsAre(1, 3, 4));
  EXPECT_EQ(attempts, 3);
  const auto letters = receive(transport, 10, "Book.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  const Envelope& letter = *letters[0].envelope;
  EXPECT_EQ(letter.type, "Noted");
  EXPECT_EQ(letter.headers.at("x-saga-attempt"), "3");
  EXPECT_EQ(letter.headers.at("x-saga-original-endpoint"), "Book");
  EXPECT_THAT(letter.headers.at("x-saga-error-message"), HasSubstr("page two is torn"));
  EXPECT_EQ(letter.headers.at("x-saga-order-key"), "book-0");
  sync_wait(bus.stop());
}

TEST_F(SqsBus, NoLetterHidesBehindAnotherOfItsInstance) {
  const Transport transport(options());
  std::vector<SendRequest> letters;
  for (int i = 0; i < 12; ++i) {  // more than one request receives
    letters.push_back(request(envelope(fmt::format("m{}", i), "one key"), "Book.dlq"));
  }
  send(transport, std::move(letters));
  std::size_t seen = 0;
  while (seen < 12) {
    const auto some = receive_within(transport, 10s, "Book.dlq");
    ASSERT_FALSE(some.empty()) << seen;
    seen += some.size();  // and hold them
  }
}

// The inbox knows some 18 messages. One that this process has not seen before may be a redelivery
// for all it knows, but nobody can have taken it in before it was first received.
TEST_F(SqsBus, WhatAnotherProcessGaveBackIsNotTooLate) {
  constexpr int kPages = 60;
  const Transport transport(options());
  std::promise<void> failed;
  std::atomic<bool> fails{true};
  const auto fail_once = [&](const Noted& m) {
    if (m.page != 40 || !fails.exchange(false)) return;
    failed.set_value();
    throw std::runtime_error("not yet");
  };
  {
    Bus first(bus_options(transport, fail_once));
    sync_wait(first.start());
    publish_pages(first, 1, kPages);
    failed.get_future().wait();
    sync_wait(first.stop());
  }
  const Transport another(options());  // which remembers nothing
  Bus second(bus_options(another, fail_once));
  sync_wait(second.start());
  EXPECT_TRUE(copies_.wait_for(kPages));
  std::vector<int> all(kPages);
  std::iota(all.begin(), all.end(), 1);
  EXPECT_THAT(copies_.pages("book-0"), ::testing::UnorderedElementsAreArray(all));
  EXPECT_EQ(sync_wait(another.depth("Book.dlq")).ready, 0U);
  sync_wait(second.stop());
}

// Each delivery counts at the service, which moves a message away after the second here.
TEST_F(SqsBus, AnOutageOfTheStoreMovesNothingToTheDeadLetters) {
  TransportOptions here = options();
  here.dead_letter.max_receive_count = 2;
  here.visibility_timeout = 1s;  // renewed while the messages wait
  const Transport transport(std::move(here));
  const auto faults = std::make_shared<testing::StoreFaults>();
  std::atomic<int> asked{0};
  const auto refuse_at_first = [&] {
    if (++asked <= 12) throw TransientError("the store is away");
  };
  faults->before_load = [&](const InstanceKey&) { refuse_at_first(); };
  faults->before_commit = [&](const CommitRequest&) { refuse_at_first(); };
  BusOptions bus_here = bus_options(transport, nothing);
  bus_here.store = SagaStore(std::make_shared<testing::FaultyStore>(store_, faults));
  Bus bus(std::move(bus_here));
  sync_wait(bus.start());
  publish_pages(bus, 2, 3);
  ASSERT_TRUE(copies_.wait_for(6));
  EXPECT_GT(asked, 12);
  for (const std::string book : {"book-0", "book-1"}) {
    EXPECT_EQ(sync_wait(store_.get_by_correlation_id("Book", book))->version, 3U);
    EXPECT_THAT(copies_.pages(book), ::testing::UnorderedElementsAre(1, 2, 3));
  }
  EXPECT_EQ(sync_wait(transport.depth("Book.dlq")).ready, 0U);
  sync_wait(bus.stop());
}

TEST_F(SqsBus, WhatIsNoMessageIsADeadLetterWithItsReason) {
  const Transport transport(options());
  Bus bus(bus_options(transport, nothing));
  sync_wait(bus.start());
  call("SendMessage", {{"QueueUrl", url(transport, "Book")},
                       {"MessageBody", "hello"},
                       {"MessageGroupId", "g"},
                       {"MessageDeduplicationId", "d"}});
  const auto letters = receive(transport, 10, "Book.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0].envelope->type, "sagabus.malformed");
  EXPECT_EQ(letters[0].envelope->payload, Value("hello"));
  EXPECT_TRUE(letters[0].envelope->headers.contains("x-saga-error-message"));
  sync_wait(bus.stop());
}

TEST_F(SqsBus, AStepThatRunsLongIsDoneOnce) {
  TransportOptions here = options();
  here.visibility_timeout = 1s;
  const Transport transport(std::move(here));
  std::atomic<int> runs{0};
  Bus bus(bus_options(transport, [&](const Noted&) {
    ++runs;
    std::this_thread::sleep_for(4s);
  }));
  sync_wait(bus.start());
  sync_wait(bus.publish(Noted{"long", 1}));
  ASSERT_TRUE(copies_.wait_for(1));
  std::this_thread::sleep_for(2s);  // a redelivery would come within its visibility timeout
  EXPECT_EQ(runs, 1);
  sync_wait(bus.stop());
  EXPECT_EQ(sync_wait(store_.get_by_correlation_id("Book", "long"))->version, 1U);
}

TEST_F(SqsBus, StopsAlthoughRequestsAreOpenAndGivesUpNothing) {
  const Transport transport(options());
  {
    Bus bus(bus_options(transport, nothing));
    sync_wait(bus.start());
    sync_wait(bus.publish(Noted{"b", 1}));
    ASSERT_TRUE(copies_.wait_for(1));
    const auto begin = std::chrono::steady_clock::now();
    sync_wait(bus.stop());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);  // a request waits for 20 s
  }
  std::vector<SendRequest> one(1, request(envelope("later"), "Book"));
  send(transport, one);
  const Transport other(options());
  const auto got = receive_within(other, 10s, "Book");  // not hidden for 30 s
  ASSERT_THAT(got, SizeIs(1));
}

// Operations on several messages need the permission of the one on a single message.
TEST_F(SqsBus, NeedsNoMorePermissionsThanItsGuideLists) {
  const auto run = [&](const Transport& transport) {
    std::atomic<bool> failed{false};
    BusOptions here = bus_options(transport, [&](const Noted&) {
      if (!failed.exchange(true)) throw std::runtime_error("not yet");
    });
    here.retry.base_delay = 0ms;
    Bus bus(std::move(here));
    const std::size_t before = copies_.count();
    sync_wait(bus.start());
    sync_wait(bus.publish(Noted{new_nonce(*system_random()), 1}));
    EXPECT_TRUE(copies_.wait_for(before + 1));
    sync_wait(bus.stop());
  };
  TransportOptions here = options();
  here.wait_time = 1s;   // so that no request of the first takes what the second is to get
  run(Transport(here));  // makes the queues
  here.create_queues = false;
  const Transport transport(std::move(here));
  run(transport);
  std::vector<std::string> operations;
  for (const auto& [operation, count] : transport.usage().requests) {
    operations.push_back(operation);
  }
  EXPECT_THAT(operations, ElementsAre("ChangeMessageVisibilityBatch", "DeleteMessageBatch",
                                      "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage",
                                      "SendMessageBatch"));
}

// All but the look-ups of queues.
std::uint64_t requests_for_messages(const Usage& usage) {
  std::uint64_t sum = 0;
  for (const char* operation : {"ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch",
                                "ChangeMessageVisibilityBatch"}) {
    const auto found = usage.requests.find(operation);
    if (found != usage.requests.end()) sum += found->second;
  }
  return sum;
}

TEST_F(SqsBus, ALoneMessageCostsThreeRequests) {
  const Transport transport(options());
  send(transport, envelope("m"));
  acknowledge(transport, receive(transport).front());
  EXPECT_EQ(requests_for_messages(transport.usage()), 3U);
}

// Two messages a page, of many books: each is sent, received and deleted.
TEST_F(SqsBus, UnderLoadAMessageCostsAFractionOfThat) {
  const Transport transport(options());
  BusOptions here = bus_options(transport, nothing);
  here.concurrency = 100;
  Bus bus(std::move(here));
  sync_wait(bus.start());
  constexpr int kBooks = 500;
  const auto publish_all = [&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    for (int book = 0; book < kBooks; ++book) {
      const Noted page{fmt::format("book-{}", book), 1};
      asio::co_spawn(executor, bus.publish(page), asio::detached);
    }
  };
  sync_wait(publish_all());
  ASSERT_TRUE(copies_.wait_for(kBooks));
  sync_wait(bus.stop());
  const Usage usage = transport.usage();
  EXPECT_EQ(usage.sent, 2U * kBooks);
  EXPECT_GE(usage.deleted, 2U * kBooks - 1);
  const double each = static_cast<double>(requests_for_messages(usage)) / (2.0 * kBooks);
  RecordProperty("requests_per_message", std::to_string(each));
  EXPECT_LE(each, 0.6);
}

}  // namespace
}  // namespace sagabus::sqs
