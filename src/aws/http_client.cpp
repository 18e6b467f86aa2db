#include "aws/http_client.hpp"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "aws/connection.hpp"
#include "aws/connection_pool.hpp"
#include "aws/tls.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

// What the coroutines of a client share; they keep it alive.
struct Shared {
  explicit Shared(HttpClientOptions given)
      : options(std::move(given)),
        tls(options.endpoint.tls
                ? std::make_shared<TlsContext>(options.endpoint.host, options.ca_file)
                : nullptr),
        pool(std::make_shared<ConnectionPool>(options.max_connections, options.idle_timeout,
                                              options.clock)) {}

  const HttpClientOptions options;
  const std::shared_ptr<TlsContext> tls;  // null for plain HTTP
  const std::shared_ptr<ConnectionPool> pool;
};

asio::awaitable<HttpResponse> send(std::shared_ptr<Shared> shared, const HttpRequest& request) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto lease = shared->pool->try_acquire(asio::query(executor, asio::execution::context));
  if (!lease) lease.emplace(co_await shared->pool->acquire(request.queue_timeout));
  const auto start = std::chrono::steady_clock::now();
  if (!lease->has_connection()) {
    const auto limit = std::min(shared->options.connect_timeout, request.timeout);
    auto connection = co_await dial(shared->options.endpoint, shared->tls, start + limit);
    if (connection->resumed_session()) shared->pool->count_resumed_session();
    lease->adopt(std::move(connection));
  }
  co_return co_await lease->connection().exchange(request, start + request.timeout,
                                                  shared->options);
}

class BeastHttpClient final : public PooledHttpClient {
 public:
  explicit BeastHttpClient(HttpClientOptions options)
      : shared_(std::make_shared<Shared>(std::move(options))) {}

  asio::awaitable<HttpResponse> send(const HttpRequest& request) override {
    return aws::send(shared_, request);
  }
  HttpClientStats stats() const override { return shared_->pool->stats(); }

 private:
  const std::shared_ptr<Shared> shared_;
};

}  // namespace

std::shared_ptr<PooledHttpClient> make_http_client(HttpClientOptions options) {
  return std::make_shared<BeastHttpClient>(std::move(options));
}

}  // namespace sagabus::aws
