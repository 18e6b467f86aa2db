// One mishap at a time: what a single attempt reports, and that a call gets over it.
#include <gmock/gmock.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <future>
#include <stdexcept>
#include <vector>

#include "chaos/chaos_test.hpp"

namespace sagabus::chaos {
namespace {

namespace asio = boost::asio;
using aws::ErrorKind;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto kHang = 70s;  // longer than anything here would wait

template <class T>
T run(asio::io_context& context, asio::awaitable<T> work) {
  auto result = asio::co_spawn(asio::make_strand(context), std::move(work), asio::use_future);
  context.restart();
  context.run_for(kHang);
  if (result.wait_for(0s) != std::future_status::ready) throw std::runtime_error("it hangs");
  return result.get();
}

class Mishaps : public ChaosTest {
 protected:
  Mishaps() {
    call(
        "PutItem",
        fmt::format(R"({{"TableName":"{}","Item":{{"id":{{"S":"x"}},"n":{{"N":"0"}}}}}})", table_));
  }

  dynamodb::ClientOptions attempts(int max, std::chrono::milliseconds patience = 60s) const {
    dynamodb::ClientOptions options = client_options();
    options.max_attempts = max;
    options.attempt_timeout = patience;
    options.connect_timeout = patience;
    return options;
  }

  aws::Outcome update(const Disturbed& through) { return run(context_, updating(through)); }
  asio::awaitable<aws::Outcome> updating(const Disturbed& through) const {
    std::string body =
        fmt::format(R"({{"TableName":"{}","Key":{{"id":{{"S":"x"}}}},"ReturnValues":"UPDATED_NEW",)"
                    R"("UpdateExpression":"SET n = :one","ConditionExpression":"n = :none",)"
                    R"("ExpressionAttributeValues":{{":one":{{"N":"1"}},":none":{{"N":"0"}}}}}})",
                    table_);
    return through.client.aws().call("UpdateItem", std::move(body));
  }

  bool is_applied() {
    const auto answer =
        call("GetItem",
             fmt::format(R"({{"TableName":"{}","ConsistentRead":true,"Key":{{"id":{{"S":"x"}}}}}})",
                         table_));
    return answer.at("Item").at("n").at("N").as_string() == "1";
  }
  // What was given up on may still be under way.
  bool becomes_applied() {
    const auto limit = std::chrono::steady_clock::now() + 30s;
    while (!is_applied()) {
      if (std::chrono::steady_clock::now() > limit) return false;
    }
    return true;
  }

  asio::io_context context_;
  ChaosProxy proxy_{test::dynamodb_endpoint()};
};

struct Report {
  Mishap mishap;
  int status;
  ErrorKind kind;
  bool maybe_applied;
  bool applied;  // in truth, perhaps later
  const char* text;
};

std::ostream& operator<<(std::ostream& out, const Report& report) {
  return out << report.mishap;
}

std::string name_of_test(const ::testing::TestParamInfo<Report>& info) {
  return std::string(name_of(info.param.mishap));
}

constexpr const char* kBroke = "the connection failed";
constexpr const char* kTimeout = "no answer in time";
constexpr auto kTransient = ErrorKind::transient;

class Attempt : public Mishaps, public ::testing::WithParamInterface<Report> {};

TEST_P(Attempt, Reports) {
  const Report& expected = GetParam();
  const bool waits = std::string_view(expected.text) == kTimeout;
  const Disturbed once = disturbed(proxy_, attempts(1, waits ? 300ms : 60s));
  proxy_.plan().inflict(expected.mishap);
  const aws::Outcome outcome = update(once);
  ASSERT_FALSE(outcome) << outcome->body;
  EXPECT_EQ(outcome.error().kind, expected.kind);
  EXPECT_EQ(outcome.error().http_status, expected.status);
  EXPECT_EQ(outcome.error().maybe_applied, expected.maybe_applied);
  EXPECT_THAT(outcome.error().message + outcome.error().code, HasSubstr(expected.text));
  EXPECT_EQ(expected.applied ? becomes_applied() : is_applied(), expected.applied);
  EXPECT_EQ(proxy_.count(expected.mishap), 1U);
  EXPECT_EQ(once.http->stats().in_use, 0);
  EXPECT_EQ(once.http->stats().idle, expected.status == 0 ? 0 : 1);  // reused after answers alone
}

INSTANTIATE_TEST_SUITE_P(
    Of, Attempt,
    ::testing::Values(Report{Mishap::reset_before_request, 0, kTransient, true, false, kBroke},
                      Report{Mishap::reset_in_request, 0, kTransient, true, false, kBroke},
                      Report{Mishap::reset_after_request, 0, kTransient, true, true, kBroke},
                      Report{Mishap::reset_in_answer, 0, kTransient, true, true, kBroke},
                      Report{Mishap::stall_before_server, 0, kTransient, true, false, kTimeout},
                      Report{Mishap::stall_after_server, 0, kTransient, true, true, kTimeout},
                      Report{Mishap::late, 0, kTransient, true, true, kTimeout},
                      Report{Mishap::trickle_slowly, 0, kTransient, true, true, kTimeout},
                      Report{Mishap::truncate, 0, kTransient, true, true, kBroke},
                      Report{Mishap::corrupt_body, 200, kTransient, true, true, "CRC32"},
                      Report{Mishap::corrupt_head, 0, kTransient, true, true, kBroke},
                      Report{Mishap::error_500, 500, kTransient, true, true, "InternalServerError"},
                      Report{Mishap::error_503, 503, kTransient, true, false, "ServiceUnavailable"},
                      Report{Mishap::throttle, 400, ErrorKind::throttled, false, false,
                             "Throughput"},
                      Report{Mishap::html_error, 502, kTransient, true, true, ""},
                      Report{Mishap::html_success, 200, kTransient, true, false, "not JSON"},
                      Report{Mishap::empty_success, 200, kTransient, true, true, "is empty"}),
    name_of_test);

TEST_F(Mishaps, ARefusedRequestWasNotCarriedOut) {
  const Disturbed once = disturbed(proxy_, attempts(1));
  proxy_.close_door();
  const aws::Outcome refused = update(once);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, kTransient);
  EXPECT_FALSE(refused.error().maybe_applied);
  EXPECT_THAT(refused.error().message, HasSubstr("cannot connect"));
  proxy_.open_door();
  EXPECT_TRUE(update(once));
  EXPECT_EQ(once.http->stats().in_use, 0);
}

TEST_F(Mishaps, ATrickleIsAnAnswer) {
  const Disturbed once = disturbed(proxy_, attempts(1));
  proxy_.plan().inflict(Mishap::trickle);
  EXPECT_TRUE(update(once));
  EXPECT_EQ(proxy_.count(Mishap::trickle), 1U);
}

TEST_F(Mishaps, AnIdleConnectionThatWasDroppedIsNotUsed) {
  const Disturbed once = disturbed(proxy_, attempts(1));
  proxy_.plan().inflict(Mishap::drop_idle);
  EXPECT_TRUE(update(once));
  // The client asks the kernel, so it is the kernel that must know by now.
  run(context_, [](asio::io_context& context) -> asio::awaitable<int> {
    asio::steady_timer timer(context, 50ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return 0;
  }(context_));
  const aws::Outcome again = update(once);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conditional_check_failed);
  EXPECT_FALSE(again.error().maybe_applied);
  EXPECT_EQ(once.http->stats().connections_opened, 2U);
}

TEST_F(Mishaps, AFailedConditionOfARetryIsAmbiguous) {
  const Disturbed retrying = disturbed(proxy_, attempts(4));
  proxy_.plan().inflict(Mishap::reset_after_request);
  const aws::Outcome outcome = update(retrying);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::conditional_check_failed);
  EXPECT_TRUE(outcome.error().maybe_applied);
  EXPECT_EQ(outcome.error().attempts, 2);
}

TEST_F(Mishaps, TheDeadlineEndsAnAttemptAndAllThatWouldFollow) {
  dynamodb::ClientOptions options = attempts(4, 3s);
  options.deadline = 300ms;
  const Disturbed hurried = disturbed(proxy_, options);
  proxy_.plan().inflict(Mishap::stall_before_server, 4);
  const auto start = std::chrono::steady_clock::now();
  const aws::Outcome outcome = update(hurried);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, kTransient);
  EXPECT_TRUE(outcome.error().maybe_applied);
  EXPECT_EQ(proxy_.count(Mishap::stall_before_server), 1U);
}

// Each mishap a few times over, and the client at its usual settings: the counting goes on.
class Recovery : public Mishaps, public ::testing::WithParamInterface<Mishap> {};

TEST_P(Recovery, TakesPlace) {
  const Disturbed usual = disturbed(proxy_, attempts(0, 300ms));
  CounterSettings settings{table_, usual.client, witness()};
  settings.call.deadline = 5s;
  settings.grace = 10s;
  Tally tally;
  Counter counter(settings, tally, "y");
  run(context_, [](Counter& c, Plan& plan) -> asio::awaitable<int> {
    co_await c.create();
    for (int i = 0; i < 5; ++i) {
      if (i > 0) plan.inflict(GetParam());
      co_await c.advance(std::nullopt);
    }
    co_await c.audit();
    co_return 0;
  }(counter, proxy_.plan()));
  EXPECT_THAT(tally.problems(), ::testing::IsEmpty());
  EXPECT_EQ(tally.done + tally.learnt, 5U);
  EXPECT_EQ(proxy_.count(GetParam()), 4U);
  EXPECT_EQ(usual.http->stats().in_use, 0);
  EXPECT_EQ(tally.living, 0);
}

std::vector<Mishap> all_mishaps() {
  std::vector<Mishap> all;
  for (std::size_t i = 1; i < kMishaps; ++i) all.push_back(static_cast<Mishap>(i));
  return all;
}

INSTANTIATE_TEST_SUITE_P(After, Recovery, ::testing::ValuesIn(all_mishaps()),
                         [](const auto& of) { return std::string(name_of(of.param)); });

TEST_F(Mishaps, ACancelledCallEndsAtOnceAndFreesItsConnection) {
  const Disturbed patient = disturbed(proxy_, attempts(1));
  CounterSettings settings{table_, patient.client, witness()};
  settings.call.deadline = 60s;
  settings.grace = 10s;
  Tally tally;
  Counter counter(settings, tally, "y");
  run(context_, [](Counter& c, Plan& plan) -> asio::awaitable<int> {
    co_await c.create();
    for (const Mishap mishap : {Mishap::stall_before_server, Mishap::stall_after_server}) {
      plan.inflict(mishap);
      co_await c.advance(50ms);
    }
    co_await c.audit();
    co_return 0;
  }(counter, proxy_.plan()));
  EXPECT_THAT(tally.problems(), ::testing::IsEmpty());
  EXPECT_EQ(tally.cancelled, 2U);
  EXPECT_EQ(patient.http->stats().in_use, 0);
}

}  // namespace
}  // namespace sagabus::chaos
