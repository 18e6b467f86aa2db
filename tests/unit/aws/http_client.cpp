#include "aws/http_client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <numeric>
#include <thread>

#include "support/http_server.hpp"
#include "unit/aws/run.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Kind = HttpError::Kind;

class IdleTime final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(); }
  std::chrono::nanoseconds monotonic() const override { return monotonic_.load(); }
  asio::awaitable<void> sleep_for(std::chrono::nanoseconds) override { co_return; }
  void pass(std::chrono::nanoseconds time) { monotonic_ = monotonic_.load() + time; }

 private:
  std::atomic<std::chrono::nanoseconds> monotonic_ = std::chrono::nanoseconds(1h);
};

// Long enough never to matter where no timeout is meant.
HttpClientOptions patient(Endpoint endpoint) {
  HttpClientOptions options;
  options.endpoint = std::move(endpoint);
  options.connect_timeout = 60s;
  return options;
}

asio::awaitable<HttpResponse> post(HttpClient& client, std::string body,
                                   std::chrono::nanoseconds timeout = 60s) {
  HttpRequest request;
  const std::array<Header, 1> headers{{{"Host", "test"}}};
  request.headers = headers;
  request.body = body;
  request.timeout = timeout;
  co_return co_await client.send(request);
}

asio::awaitable<std::string> body_of(HttpClient& client, std::string body) {
  const HttpResponse response = co_await post(client, std::move(body));
  co_return response.body;
}

// The kind of the failure of one request.
std::optional<HttpError> failure(HttpClient& client, std::chrono::nanoseconds timeout = 60s) {
  try {
    run(post(client, "x", timeout));
  } catch (const HttpError& error) {
    return error;
  }
  ADD_FAILURE() << "the request did not fail";
  return std::nullopt;
}

Kind kind_of_failure(HttpClient& client) {
  const auto error = failure(client);
  return error ? error->kind() : Kind::queue;
}

// A script that gives each request on a connection the same answer.
TestServer::Script always(std::string answer) {
  return [answer](Peer& peer, int) -> asio::awaitable<void> {
    for (;;) {
      const std::string request = co_await peer.read_request();
      if (request.empty()) co_return;
      co_await peer.write(answer);
    }
  };
}

TestServer::Script once(std::string answer) {
  return [answer](Peer& peer, int) -> asio::awaitable<void> {
    const std::string request = co_await peer.read_request();
    co_await peer.write(answer);
  };
}

TEST(HttpClient, SendsWhatItIsGiven) {
  std::promise<std::string> seen;
  TestServer server([&](Peer& peer, int) -> asio::awaitable<void> {
    std::string request = co_await peer.read_request();
    seen.set_value(std::move(request));
    co_await peer.write(
        "HTTP/1.1 201 Created\r\nX-One: 1\r\nx-two:2\r\nContent-Length: 2\r\n\r\nok");
  });
  const auto client = make_http_client(patient(server.endpoint()));
  const HttpResponse response = run(post(*client, "hello"));
  EXPECT_EQ(seen.get_future().get(),
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "ok");
  EXPECT_EQ(response.headers.find("x-one"), "1");
  EXPECT_EQ(response.headers.find("X-TWO"), "2");
  EXPECT_EQ(response.headers.find("x-three"), "");
}

TEST(HttpClient, KeepsItsConnection) {
  TestServer server(echo);
  const auto client = make_http_client(patient(server.endpoint()));
  asio::io_context context;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(context, body_of(*client, "abc")), "abc");
  EXPECT_EQ(client->stats().connections_opened, 1u);
  EXPECT_EQ(client->stats().idle, 1);
  EXPECT_EQ(client->stats().in_use, 0);
}

TEST(HttpClient, OutlivesTheIoContextOfItsConnections) {
  TestServer server(echo);
  const auto client = make_http_client(patient(server.endpoint()));
  for (int i = 0; i < 2; ++i) {
    asio::io_context context;
    run(context, body_of(*client, "abc"));
    EXPECT_EQ(client->stats().idle, 1);
  }
  EXPECT_EQ(client->stats().idle, 0);
  EXPECT_EQ(client->stats().connections_opened, 2u);
}

TEST(HttpClient, ServesTwoIoContextsWithConnectionsOfTheirOwn) {
  TestServer server(echo);
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 2;
  const auto client = make_http_client(std::move(options));
  asio::io_context one;
  asio::io_context two;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run(one, body_of(*client, "1")), "1");
    EXPECT_EQ(run(two, body_of(*client, "2")), "2");
  }
  EXPECT_EQ(client->stats().connections_opened, 2u);
  EXPECT_EQ(client->stats().idle, 2);
}

TEST(HttpClient, MovesLargeBodiesBothWays) {
  TestServer server(echo);
  const auto client = make_http_client(patient(server.endpoint()));
  std::string large(5'000'000, '\0');
  std::iota(large.begin(), large.end(), 'a');
  EXPECT_TRUE(run(body_of(*client, large)) == large);
  EXPECT_EQ(run(body_of(*client, "")), "");
}

TEST(HttpClient, ReadsChunks) {
  TestServer server(
      always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n"));
  const auto client = make_http_client(patient(server.endpoint()));
  asio::io_context context;
  EXPECT_EQ(run(context, body_of(*client, "x")), "abcdefg");
  EXPECT_EQ(run(context, body_of(*client, "x")), "abcdefg");
  EXPECT_EQ(client->stats().connections_opened, 1u);
}

TEST(HttpClient, ReadsToTheEndWithoutALengthAndDoesNotReuse) {
  TestServer server(once("HTTP/1.0 200 OK\r\n\r\nall of it"));
  const auto client = make_http_client(patient(server.endpoint()));
  EXPECT_EQ(run(body_of(*client, "x")), "all of it");
  EXPECT_EQ(client->stats().idle, 0);
}

TEST(HttpClient, ObeysConnectionClose) {
  TestServer server(always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1"));
  const auto client = make_http_client(patient(server.endpoint()));
  asio::io_context context;
  run(context, body_of(*client, "x"));
  EXPECT_EQ(client->stats().idle, 0);
}

TEST(HttpClient, DropsAConnectionThatSaidTooMuch) {
  TestServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\n"));
  const auto client = make_http_client(patient(server.endpoint()));
  asio::io_context context;
  EXPECT_EQ(run(context, body_of(*client, "x")), "1");
  EXPECT_EQ(client->stats().idle, 0);
}

TEST(HttpClient, ReportsAnswersThatAreNone) {
  for (const char* answer :
       {"\x16\x03\x01 nonsense\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "HTTP/1.1 200 OK\r\nConte",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    TestServer server(once(answer));
    const auto client = make_http_client(patient(server.endpoint()));
    const auto error = failure(*client);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), Kind::broken) << answer;
    EXPECT_TRUE(error->maybe_sent());
    EXPECT_EQ(client->stats().idle, 0);
    EXPECT_EQ(client->stats().in_use, 0);
  }
}

TEST(HttpClient, BoundsHeadersAndBodies) {
  HttpClientOptions options;
  {
    TestServer server(once("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"));
    options = patient(server.endpoint());
    options.max_body_bytes = 1000;
    const auto client = make_http_client(options);
    EXPECT_EQ(kind_of_failure(*client), Kind::answer_size);
  }
  {
    const std::string chunk = "1f4\r\n" + std::string(500, 'x') + "\r\n";
    TestServer server(
        once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk + chunk));
    options.endpoint = server.endpoint();
    const auto client = make_http_client(options);
    EXPECT_EQ(kind_of_failure(*client), Kind::answer_size);
  }
  {
    TestServer server(once("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')));
    const auto client = make_http_client(patient(server.endpoint()));
    EXPECT_EQ(kind_of_failure(*client), Kind::answer_size);
  }
}

TEST(HttpClient, ReportsThatNobodyListens) {
  Endpoint endpoint;
  {
    TestServer server(echo);
    endpoint = server.endpoint();
  }
  const auto client = make_http_client(patient(endpoint));
  const auto error = failure(*client);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), Kind::connect);
  EXPECT_FALSE(error->maybe_sent());
}

TEST(HttpClient, ResolvesNames) {
  TestServer server(echo);
  const auto client = make_http_client(patient(server.endpoint("localhost")));
  EXPECT_EQ(run(body_of(*client, "abc")), "abc");
}

TEST(HttpClient, GivesUpOnASlowAnswer) {
  TestServer server([](Peer& peer, int) -> asio::awaitable<void> { co_await peer.until_closed(); });
  const auto client = make_http_client(patient(server.endpoint()));
  const auto error = failure(*client, 20ms);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), Kind::timeout);
  EXPECT_TRUE(error->maybe_sent());
  EXPECT_EQ(client->stats().idle, 0);
  EXPECT_EQ(client->stats().in_use, 0);
}

TEST(HttpClient, GivesUpOnAPeerThatDoesNotRead) {
  TestServer server([](Peer&, int) -> asio::awaitable<void> {
    asio::steady_timer forever(co_await asio::this_coro::executor, 1h);
    co_await forever.async_wait(asio::use_awaitable);
  });
  const auto client = make_http_client(patient(server.endpoint()));
  const std::string large(50'000'000, 'x');  // NOLINT(bugprone-string-constructor)
  try {
    run(post(*client, large, 1s));
    ADD_FAILURE() << "the request did not fail";
  } catch (const HttpError& error) {
    EXPECT_EQ(error.kind(), Kind::timeout);
  }
}

TEST(HttpClient, GivesUpOnASlowHandshake) {
  // Accepts and says nothing, which no TLS client likes.
  TestServer server([](Peer& peer, int) -> asio::awaitable<void> { co_await peer.until_closed(); });
  HttpClientOptions options = patient(server.endpoint());
  options.endpoint.tls = true;
  options.connect_timeout = 20ms;
  const auto client = make_http_client(options);
  const auto error = failure(*client);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), Kind::connect);
  EXPECT_FALSE(error->maybe_sent());
}

// Closes its first connection after one answer, when it is told to; echoes on the others.
class Closing {
 public:
  TestServer::Script script() {
    return [this](Peer& peer, int connection) -> asio::awaitable<void> {
      if (connection > 0) {
        co_await echo(peer, connection);
        co_return;
      }
      const std::string request = co_await peer.read_request();
      co_await peer.answer("first");
      told_.get_future().wait_for(10s);
      peer.close();
      closed_.set_value();
    };
  }
  void close_now() {
    told_.set_value();
    closed_.get_future().wait();
  }

 private:
  std::promise<void> told_;
  std::promise<void> closed_;
};

TEST(HttpClient, FindsOutThatTheServerClosedAnIdleConnection) {
  Closing closing;
  TestServer server(closing.script());
  const auto client = make_http_client(patient(server.endpoint()));
  asio::io_context context;
  EXPECT_EQ(run(context, body_of(*client, "x")), "first");
  closing.close_now();
  EXPECT_EQ(run(context, body_of(*client, "second")), "second");
  EXPECT_EQ(client->stats().connections_opened, 2u);
}

TEST(HttpClient, DropsWhatWasIdleForTooLong) {
  const auto clock = std::make_shared<IdleTime>();
  TestServer server(echo);
  HttpClientOptions options = patient(server.endpoint());
  options.clock = clock;
  const auto client = make_http_client(std::move(options));
  asio::io_context context;
  run(context, body_of(*client, "x"));
  clock->pass(19s);
  run(context, body_of(*client, "x"));
  EXPECT_EQ(client->stats().connections_opened, 1u);
  clock->pass(20s);
  run(context, body_of(*client, "x"));
  EXPECT_EQ(client->stats().connections_opened, 2u);
  EXPECT_EQ(client->stats().idle, 1);
}

// Runs the context until something happened in the server's thread, which then calls `done`.
class Event {
 public:
  explicit Event(asio::io_context& context) : context_(context) {}
  void done() {
    happened_ = true;
    asio::post(context_, [] {});  // wakes run_one
  }
  void await() {
    while (!happened_) context_.run_one();
  }

 private:
  asio::io_context& context_;
  std::atomic<bool> happened_ = false;
};

// Answers "<connection>" when it is told to, in the order of the requests' arrival.
class Gate {
 public:
  TestServer::Script script() {
    return [this](Peer& peer, int connection) -> asio::awaitable<void> {
      for (;;) {
        const std::string request = co_await peer.read_request();
        if (request.empty()) co_return;
        asio::steady_timer gate(co_await asio::this_coro::executor, 1h);
        arrive(&gate);
        boost::system::error_code opened;
        co_await gate.async_wait(asio::redirect_error(asio::use_awaitable, opened));
        const std::string number = std::to_string(connection);
        co_await peer.answer(number);
      }
    };
  }

  // Call from the server's thread.
  void open(std::size_t index) { waiting_.at(index)->cancel(); }
  std::function<void(std::size_t)> on_arrival = [](std::size_t) {};

 private:
  void arrive(asio::steady_timer* gate) {
    waiting_.push_back(gate);
    on_arrival(waiting_.size());
  }
  std::vector<asio::steady_timer*> waiting_;
};

asio::awaitable<void> collect(HttpClient& client, std::vector<std::string>& bodies) {
  std::string body = co_await body_of(client, "x");
  bodies.push_back(std::move(body));
}

TEST(HttpClient, ReusesTheConnectionUsedLast) {
  Gate gate;
  asio::io_context context;
  Event both(context);
  gate.on_arrival = [&](std::size_t arrived) {
    if (arrived == 2) both.done();
  };
  TestServer server(gate.script());
  const auto client = make_http_client(patient(server.endpoint()));
  std::vector<std::string> bodies;
  asio::co_spawn(context, collect(*client, bodies), asio::detached);
  asio::co_spawn(context, collect(*client, bodies), asio::detached);
  both.await();  // each is under way on a connection of its own
  asio::post(server.context(), [&] { gate.open(0); });
  while (bodies.size() < 1) context.run_one();
  asio::post(server.context(), [&] { gate.open(1); });
  while (bodies.size() < 2) context.run_one();

  gate.on_arrival = [&](std::size_t arrived) {
    asio::post(server.context(), [&gate, arrived] { gate.open(arrived - 1); });
  };
  EXPECT_EQ(run(context, body_of(*client, "x")), bodies.back());
  EXPECT_EQ(run(context, body_of(*client, "x")), bodies.back());
  EXPECT_EQ(client->stats().connections_opened, 2u);
}

TEST(HttpClient, LetsNoMoreThanItsLimitThroughAtOnce) {
  std::atomic<int> connections = 0;
  TestServer server([&](Peer& peer, int connection) -> asio::awaitable<void> {
    ++connections;
    co_await echo(peer, connection);
  });
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 3;
  const auto client = make_http_client(std::move(options));
  asio::io_context context;
  std::vector<std::string> bodies;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(context, collect(*client, bodies), asio::detached);
  }
  context.run();
  EXPECT_EQ(bodies.size(), 50u);
  EXPECT_LE(connections, 3);
  EXPECT_EQ(client->stats().waiting, 0);
  EXPECT_EQ(client->stats().in_use, 0);
}

asio::awaitable<void> catch_abort(asio::awaitable<HttpResponse> work, bool& aborted) {
  try {
    co_await std::move(work);
  } catch (const boost::system::system_error& error) {
    aborted = error.code() == asio::error::operation_aborted;
  }
}

TEST(HttpClient, CanBeCancelledWhileWaitingForTheAnswer) {
  asio::io_context context;
  Event arrived(context);
  std::promise<void> closed;
  TestServer server([&](Peer& peer, int) -> asio::awaitable<void> {
    const std::string request = co_await peer.read_request();
    arrived.done();
    co_await peer.until_closed();
    closed.set_value();
  });
  const auto client = make_http_client(patient(server.endpoint()));
  asio::cancellation_signal signal;
  bool aborted = false;
  asio::co_spawn(context, catch_abort(post(*client, "x"), aborted),
                 asio::bind_cancellation_slot(signal.slot(), asio::detached));
  arrived.await();
  asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
  context.run();
  EXPECT_TRUE(aborted);
  EXPECT_EQ(client->stats().in_use, 0);
  EXPECT_EQ(client->stats().idle, 0);
  closed.get_future().wait();  // the server sees that its client has gone
}

TEST(HttpClient, CanBeCancelledInLineWithoutLosingThePlaceOfOthers) {
  Gate gate;
  asio::io_context context;
  Event arrived(context);
  gate.on_arrival = [&](std::size_t count) {
    if (count == 1) arrived.done();
  };
  TestServer server(gate.script());
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 1;
  const auto client = make_http_client(std::move(options));
  asio::cancellation_signal signal;
  std::vector<std::string> bodies;
  bool aborted = false;
  asio::co_spawn(context, collect(*client, bodies), asio::detached);
  asio::co_spawn(context, catch_abort(post(*client, "x"), aborted),
                 asio::bind_cancellation_slot(signal.slot(), asio::detached));
  asio::co_spawn(context, collect(*client, bodies), asio::detached);
  arrived.await();
  EXPECT_EQ(client->stats().waiting, 2);
  asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
  while (!aborted) context.run_one();  // NOLINT(bugprone-infinite-loop): run_one sets it
  EXPECT_EQ(client->stats().waiting, 1);
  asio::post(server.context(), [&] {
    gate.on_arrival = [&](std::size_t count) {
      asio::post(server.context(), [&gate, count] { gate.open(count - 1); });
    };
    gate.open(0);
  });
  context.run();
  EXPECT_EQ(bodies.size(), 2u);
  EXPECT_EQ(client->stats().connections_opened, 1u);
  EXPECT_EQ(client->stats().in_use, 0);
}

asio::awaitable<HttpResponse> impatient(HttpClient& client) {
  HttpRequest request;
  request.queue_timeout = 1ms;
  co_return co_await client.send(request);
}

TEST(HttpClient, LeavesTheLineWhenItsPatienceEnds) {
  Gate gate;
  TestServer server(gate.script());
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 1;
  const auto client = make_http_client(std::move(options));
  asio::io_context context;
  std::vector<std::string> bodies;
  asio::co_spawn(context, collect(*client, bodies), asio::detached);
  Kind kind = Kind::connect;
  auto late = [&]() -> asio::awaitable<void> {
    try {
      co_await impatient(*client);
    } catch (const HttpError& error) {
      kind = error.kind();
    }
    asio::post(server.context(), [&] { gate.open(0); });
  };
  gate.on_arrival = [&](std::size_t) { asio::co_spawn(context, late(), asio::detached); };
  context.run();
  EXPECT_EQ(kind, Kind::queue);
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(client->stats().waiting, 0);
}

asio::awaitable<void> stop_after(HttpClient& client, asio::io_context& context) {
  co_await body_of(client, "x");
  context.stop();
}

// The connection of the first went to the second, which never got to run.
TEST(HttpClient, KeepsNothingThatWasGrantedInAnIoContextThatIsGone) {
  TestServer server(echo);
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 1;
  const auto client = make_http_client(std::move(options));
  std::vector<std::string> bodies;
  {
    asio::io_context context;
    asio::co_spawn(context, stop_after(*client, context), asio::detached);
    asio::co_spawn(context, collect(*client, bodies), asio::detached);
    context.run();
    EXPECT_EQ(client->stats().waiting, 0);
    EXPECT_EQ(client->stats().in_use, 1);
  }
  EXPECT_TRUE(bodies.empty());
  EXPECT_EQ(client->stats().idle, 0);
  EXPECT_EQ(client->stats().in_use, 0);
  EXPECT_EQ(run(body_of(*client, "abc")), "abc");
}

TEST(HttpClient, HandsNoConnectionOverToAnotherIoContext) {
  std::promise<void> closed;
  Gate gate;
  auto one = std::make_unique<asio::io_context>();
  Event arrived(*one);
  gate.on_arrival = [&](std::size_t count) {
    if (count == 1) arrived.done();
  };
  const auto gated = gate.script();
  TestServer server([&](Peer& peer, int connection) -> asio::awaitable<void> {
    if (connection > 0) {
      co_await echo(peer, connection);
      co_return;
    }
    co_await gated(peer, connection);
    closed.set_value();
  });
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 1;
  const auto client = make_http_client(std::move(options));
  std::vector<std::string> bodies;
  asio::io_context two;
  asio::co_spawn(*one, collect(*client, bodies), asio::detached);
  arrived.await();
  asio::co_spawn(two, collect(*client, bodies), asio::detached);
  two.poll();
  EXPECT_EQ(client->stats().waiting, 1);
  asio::post(server.context(), [&] { gate.open(0); });
  one->run();
  EXPECT_EQ(client->stats().waiting, 0);
  EXPECT_EQ(closed.get_future().wait_for(10s), std::future_status::ready);
  one.reset();
  two.restart();
  two.run();
  EXPECT_EQ(bodies.size(), 2u);
  EXPECT_EQ(client->stats().connections_opened, 2u);
}

// The idle connections of each stand in the way of the other's.
TEST(HttpClient, ServesIoContextsThatComeAndGo) {
  TestServer server(echo);
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 1;
  const auto client = make_http_client(std::move(options));
  std::atomic<int> right = 0;
  auto come_and_go = [&] {
    for (int i = 0; i < 200; ++i) {
      if (run(body_of(*client, "abc")) == "abc") ++right;
    }
  };
  std::thread other(come_and_go);
  come_and_go();
  other.join();
  EXPECT_EQ(right, 400);
  EXPECT_EQ(client->stats().idle, 0);
  EXPECT_EQ(client->stats().in_use, 0);
}

TEST(HttpClient, MayBeLetGoOfWithRequestsUnderWay) {
  TestServer server([](Peer& peer, int) -> asio::awaitable<void> { co_await peer.until_closed(); });
  {
    asio::io_context context;
    auto client = make_http_client(patient(server.endpoint()));
    for (int i = 0; i < 30; ++i) {  // some of them in line
      asio::co_spawn(context, post(*client, "x"), [](std::exception_ptr, HttpResponse) {});
    }
    while (client->stats().in_use + client->stats().waiting < 30) context.run_one();
    client.reset();
    context.poll();
  }  // and the io_context goes with all of them
  TestServer echoing(echo);
  asio::io_context context;
  auto client = make_http_client(patient(echoing.endpoint()));
  auto work = asio::co_spawn(context, body_of(*client, "abc"), asio::use_future);
  context.run_one();
  client.reset();
  context.run();
  EXPECT_EQ(work.get(), "abc");
}

TEST(HttpClient, ServesManyThreads) {
  TestServer server(echo);
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 4;
  const auto client = make_http_client(std::move(options));
  std::atomic<int> right = 0;
  asio::thread_pool pool(4);
  for (int i = 0; i < 16; ++i) {
    auto many = [](HttpClient& http, int seed, std::atomic<int>& count) -> asio::awaitable<void> {
      for (int j = 0; j < 25; ++j) {
        const std::string expected = std::to_string(seed) + "/" + std::to_string(j);
        const std::string body = co_await body_of(http, expected);
        if (body == expected) ++count;
      }
    };
    asio::co_spawn(pool, many(*client, i, right), asio::detached);
  }
  pool.join();
  EXPECT_EQ(right, 16 * 25);
  EXPECT_LE(client->stats().connections_opened, 4u);
  EXPECT_EQ(client->stats().in_use, 0);
}

TEST(HttpClient, SurvivesTimeoutsOnManyThreads) {
  // Answers at about the moment when the client gives up.
  TestServer server([](Peer& peer, int) -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
      const std::string request = co_await peer.read_request();
      if (request.empty()) co_return;
      timer.expires_after(1ms);
      co_await timer.async_wait(asio::use_awaitable);
      co_await peer.answer("ok");
    }
  });
  HttpClientOptions options = patient(server.endpoint());
  options.max_connections = 4;
  const auto client = make_http_client(std::move(options));
  std::atomic<int> ended = 0;
  asio::thread_pool pool(4);
  for (int i = 0; i < 12; ++i) {
    auto many = [](HttpClient& http, std::atomic<int>& count) -> asio::awaitable<void> {
      for (int j = 0; j < 20; ++j) {
        try {
          const HttpResponse response = co_await post(http, "x", 1500us);
          if (response.body == "ok") ++count;
        } catch (const HttpError&) {
          ++count;
        }
      }
    };
    asio::co_spawn(pool, many(*client, ended), asio::detached);
  }
  pool.join();
  EXPECT_EQ(ended, 12 * 20);
  EXPECT_EQ(client->stats().in_use, 0);
}

TEST(HttpsClient, TrustsItsAuthorityAndResumesSessions) {
  const TestCertificates certificates("DNS:localhost");
  TestServer server(once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), &certificates);
  HttpClientOptions options = patient(server.endpoint("localhost"));
  options.ca_file = certificates.ca_file;
  const auto client = make_http_client(std::move(options));
  asio::io_context context;
  EXPECT_EQ(run(context, body_of(*client, "x")), "ok");
  EXPECT_EQ(client->stats().tls_sessions_resumed, 0u);
  asio::io_context other;  // needs a connection of its own
  EXPECT_EQ(run(other, body_of(*client, "x")), "ok");
  EXPECT_EQ(client->stats().tls_sessions_resumed, 1u);
}

TEST(HttpsClient, KeepsItsConnectionAndMovesLargeBodies) {
  const TestCertificates certificates("IP:127.0.0.1");
  TestServer server(echo, &certificates);
  HttpClientOptions options = patient(server.endpoint());
  options.ca_file = certificates.ca_file;
  const auto client = make_http_client(std::move(options));
  asio::io_context context;
  const std::string large(1'000'000, 'x');
  EXPECT_TRUE(run(context, body_of(*client, large)) == large);
  EXPECT_EQ(run(context, body_of(*client, "small")), "small");
  EXPECT_EQ(client->stats().connections_opened, 1u);
}

TEST(HttpsClient, FindsOutThatTheServerSaidFarewellOnAnIdleConnection) {
  const TestCertificates certificates("IP:127.0.0.1");
  Closing closing;
  TestServer server(closing.script(), &certificates);
  HttpClientOptions options = patient(server.endpoint());
  options.ca_file = certificates.ca_file;
  const auto client = make_http_client(std::move(options));
  asio::io_context context;
  EXPECT_EQ(run(context, body_of(*client, "x")), "first");
  closing.close_now();
  EXPECT_EQ(run(context, body_of(*client, "second")), "second");
  EXPECT_EQ(client->stats().connections_opened, 2u);
}

TEST(HttpsClient, RefusesAnotherAuthority) {
  const TestCertificates certificates("DNS:localhost");
  const TestCertificates others("DNS:localhost");
  TestServer server(echo, &certificates);
  HttpClientOptions options = patient(server.endpoint("localhost"));
  options.ca_file = others.ca_file;
  EXPECT_EQ(kind_of_failure(*make_http_client(options)), Kind::untrusted);
  options.ca_file.clear();  // the system's
  EXPECT_EQ(kind_of_failure(*make_http_client(options)), Kind::untrusted);
}

TEST(HttpsClient, RefusesAnotherHost) {
  const TestCertificates certificates("DNS:other.example");
  TestServer server(echo, &certificates);
  HttpClientOptions options = patient(server.endpoint("localhost"));
  options.ca_file = certificates.ca_file;
  EXPECT_EQ(kind_of_failure(*make_http_client(options)), Kind::untrusted);
  options.endpoint.host = "127.0.0.1";
  EXPECT_EQ(kind_of_failure(*make_http_client(options)), Kind::untrusted);
}

TEST(HttpsClient, RefusesACaFileThatIsNone) {
  HttpClientOptions options;
  options.endpoint.host = "localhost";
  options.ca_file = "/nonexistent/ca.pem";
  EXPECT_THAT([&] { make_http_client(options); },
              testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("ca_file")));
}

}  // namespace
}  // namespace sagabus::aws
