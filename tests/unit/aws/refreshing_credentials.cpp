#include "aws/refreshing_credentials.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "unit/aws/credentials_support.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

// Gives what a test says, after a moment, and counts how often it is asked.
class Scripted final : public CredentialsProvider {
 public:
  explicit Scripted(std::shared_ptr<SettableClock> clock) : clock_(std::move(clock)) {}

  asio::awaitable<Credentials> get() override {
    const int number = ++asked;
    ++inside;
    const Leaving leaving{inside};
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, pause);
    co_await timer.async_wait(asio::use_awaitable);
    if (on_a_channel) {
      Channel channel(executor, 1);
      co_await channel.async_receive(asio::use_awaitable);
    }
    if (!error.empty()) throw TransientError(error);
    Credentials credentials;
    credentials.access_key_id = "A" + std::to_string(number);
    credentials.secret_access_key = "s3cret";
    credentials.session_token = token;
    if (lasts) credentials.expiration = clock_->now() + *lasts;
    co_return credentials;
  }

  using Channel = asio::experimental::concurrent_channel<void(boost::system::error_code)>;

  bool on_a_channel = false;  // then it never ends
  int asked = 0;
  int inside = 0;
  std::chrono::milliseconds pause{0};
  std::optional<std::chrono::milliseconds> lasts = 1h;
  std::string error;
  std::string token = "s3cret-token";

 private:
  struct Leaving {
    int& inside;
    ~Leaving() { --inside; }
  };
  const std::shared_ptr<SettableClock> clock_;
};

class Refreshing : public CredentialsTest {
 protected:
  std::string get() { return run(provider_->get()).access_key_id; }

  // So many at once; what each got, or its error.
  std::vector<std::string> get_at_once(int count) {
    asio::io_context context;
    std::vector<std::string> got;
    for (int i = 0; i < count; ++i) {
      asio::co_spawn(context, provider_->get(), [&](std::exception_ptr error, Credentials found) {
        got.push_back(error ? "error" : found.access_key_id);
      });
    }
    context.run();
    return got;
  }

  const std::shared_ptr<Scripted> source_ = std::make_shared<Scripted>(clock_);
  const std::shared_ptr<CredentialsProvider> provider_ =
      refreshing_credentials(source_, "the test", options());
};

TEST_F(Refreshing, KeepsWhatDoesNotExpire) {
  source_->lasts.reset();
  EXPECT_EQ(get(), "A1");
  clock_->pass(24h * 365);
  EXPECT_EQ(get(), "A1");
}

TEST_F(Refreshing, AsksInTheBackgroundFromFifteenMinutesBefore) {
  EXPECT_EQ(get(), "A1");
  clock_->pass(45min - 1ms);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(source_->asked, 1);
  clock_->pass(1ms);
  EXPECT_EQ(get(), "A1");  // at once, with what there is
  EXPECT_EQ(source_->asked, 2);
  EXPECT_EQ(get(), "A2");
}

TEST_F(Refreshing, WaitsInTheLastTenMinutes) {
  EXPECT_EQ(get(), "A1");
  clock_->pass(50min);
  EXPECT_EQ(get(), "A2");
}

TEST_F(Refreshing, KeepsShortOnesForMostOfTheirLife) {
  source_->lasts = 8min;
  EXPECT_EQ(get(), "A1");
  clock_->pass(6min - 1ms);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(source_->asked, 1);
  clock_->pass(1ms);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(source_->asked, 2);
  clock_->pass(7min);
  EXPECT_EQ(get(), "A3");
}

TEST_F(Refreshing, GivesTheOldOnesWhileAnOutageLastsAndNoneThatExpired) {
  EXPECT_EQ(get(), "A1");
  source_->error = "the service is away";
  clock_->pass(51min);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(source_->asked, 2);
  EXPECT_THAT(log_, HasSubstr("credentials of the test were not refreshed: the service is away"));
  clock_->pass(29s);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(source_->asked, 2);  // not for each request
  clock_->pass(1s);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(source_->asked, 3);
  clock_->pass(8min + 30s);
  EXPECT_THAT(failure<TransientError>(provider_), HasSubstr("the service is away"));
  source_->error.clear();
  clock_->pass(1s);
  EXPECT_EQ(get(), "A5");
}

TEST_F(Refreshing, RefusesWhatHasExpiredWhenItComes) {
  source_->lasts = 0ms;
  EXPECT_THAT(failure<TransientError>(provider_), HasSubstr("expired already"));
}

TEST_F(Refreshing, AsksOnceForManyWhoComeTogether) {
  source_->pause = 20ms;
  EXPECT_THAT(get_at_once(100), AllOf(SizeIs(100), Each("A1")));
  clock_->pass(55min);
  EXPECT_THAT(get_at_once(100), AllOf(SizeIs(100), Each("A2")));
  EXPECT_EQ(source_->asked, 2);
}

TEST_F(Refreshing, FailsOnceForManyWhoComeTogether) {
  source_->error = "the service is away";
  EXPECT_THAT(get_at_once(100), AllOf(SizeIs(100), Each("error")));
  EXPECT_THAT(get_at_once(100), AllOf(SizeIs(100), Each("error")));
  EXPECT_EQ(source_->asked, 1);
  clock_->pass(1s);
  EXPECT_THAT(get_at_once(1), Each("error"));
  EXPECT_EQ(source_->asked, 2);
}

// Whoever began it goes; those who wait for it get what it finds.
TEST_F(Refreshing, GoesOnWhereTheOneWhoBeganItIsCancelled) {
  source_->pause = 20ms;
  asio::io_context context;
  asio::cancellation_signal cancel;
  std::vector<std::string> got;
  const auto note = [&](std::exception_ptr error, Credentials found) {
    got.push_back(error ? "error" : found.access_key_id);
  };
  asio::co_spawn(context, provider_->get(), asio::bind_cancellation_slot(cancel.slot(), note));
  asio::co_spawn(context, provider_->get(), note);
  asio::post(context, [&] { cancel.emit(asio::cancellation_type::terminal); });
  context.run();
  EXPECT_THAT(got, testing::ElementsAre("error", "A1"));
  EXPECT_EQ(source_->asked, 1);
}

TEST_F(Refreshing, BeginsAnewWhereAContextIsDestroyedInTheMidst) {
  for (const bool runs : {true, false}) {
    clock_->pass(2h);
    const int before = source_->asked;
    source_->pause = 10s;
    {
      asio::io_context context;
      asio::co_spawn(context, provider_->get(), asio::detached);
      if (runs) context.poll();
    }
    EXPECT_EQ(source_->inside, 0);
    source_->pause = 0ms;
    EXPECT_NE(get(), "");
    EXPECT_EQ(source_->asked, before + (runs ? 2 : 1));
  }
}

// A context ends its channels one after another: that of the source first, and then nobody may wake
// those who wait.
TEST_F(Refreshing, MayBeDestroyedWhileItsSourceWaitsOnAChannel) {
  source_->pause = 1ms;
  source_->on_a_channel = true;
  {
    asio::io_context context;
    for (int i = 0; i < 3; ++i) asio::co_spawn(context, provider_->get(), asio::detached);
    context.run_for(20ms);
  }
  EXPECT_EQ(source_->inside, 0);
  source_->on_a_channel = false;
  EXPECT_EQ(get(), "A2");
}

// Whoever waits for one that stands still gets what the next one finds.
TEST_F(Refreshing, BeginsAnewWhereAContextStandsStill) {
  source_->pause = 10ms;
  asio::io_context still;
  asio::co_spawn(still, provider_->get(), asio::detached);
  still.poll();
  asio::io_context context;
  std::vector<std::string> got;
  const auto note = [&](std::exception_ptr error, Credentials found) {
    got.push_back(error ? "error" : found.access_key_id);
  };
  asio::co_spawn(context, provider_->get(), note);
  context.poll();
  EXPECT_EQ(source_->asked, 1);
  clock_->pass(kLongestRefresh + 1ms);
  asio::co_spawn(context, provider_->get(), note);
  context.run();
  EXPECT_THAT(got, AllOf(SizeIs(2), Each("A2")));
  still.run();  // what comes so late does not take the place of the new ones
  EXPECT_EQ(get(), "A2");
}

TEST_F(Refreshing, AsksForOthersWhereAServiceHasRefusedThese) {
  const Credentials first = run(provider_->get());
  EXPECT_TRUE(provider_->renew(first));
  EXPECT_EQ(source_->asked, 1);
  const Credentials second = run(provider_->get());
  EXPECT_EQ(second.access_key_id, "A2");
  EXPECT_TRUE(provider_->renew(first));  // of a call that was under way for long
  EXPECT_EQ(get(), "A2");
  EXPECT_FALSE(provider_->renew(second));  // a service that refuses whatever it is given
  EXPECT_EQ(get(), "A2");
  EXPECT_EQ(source_->asked, 2);
  clock_->pass(kRenewAtMostEvery);
  EXPECT_TRUE(provider_->renew(second));
  EXPECT_EQ(get(), "A3");
}

TEST_F(Refreshing, AsksOnceForManyWhoAreRefusedTogether) {
  const Credentials first = run(provider_->get());
  source_->pause = 20ms;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(provider_->renew(first));
  EXPECT_THAT(get_at_once(100), AllOf(SizeIs(100), Each("A2")));
  EXPECT_EQ(source_->asked, 2);
}

TEST_F(Refreshing, GivesNoneThatAServiceHasRefused) {
  const Credentials first = run(provider_->get());
  EXPECT_TRUE(provider_->renew(first));
  source_->error = "the service is away";
  EXPECT_THAT(failure<TransientError>(provider_), HasSubstr("the service is away"));
  clock_->pass(1s);
  source_->error.clear();
  EXPECT_EQ(get(), "A3");
}

TEST_F(Refreshing, HasNoOthersThanLongLivedKeys) {
  source_->token.clear();
  const Credentials first = run(provider_->get());
  EXPECT_FALSE(provider_->renew(first));
  EXPECT_EQ(get(), "A1");
}

// A load of requests over several lives of them: none is given after its end.
TEST_F(Refreshing, GivesNoneThatHasExpiredInALoadOfRequests) {
  source_->lasts = 20min;
  for (int i = 0; i < 3 * 3600; ++i) {
    source_->error = i % 600 < 200 ? "the service is away" : "";
    try {
      const Credentials credentials = run(provider_->get());
      EXPECT_GT(*credentials.expiration, clock_->now());
    } catch (const TransientError&) {
      EXPECT_LT(i, 200);  // as long as there have never been any
    }
    clock_->pass(1s);
  }
  EXPECT_LT(source_->asked, 300);
}

}  // namespace

}  // namespace sagabus::aws
