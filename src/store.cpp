#include "sagabus/store.hpp"

#include <fmt/format.h>

#include "key_rules.hpp"
#include "sagabus/error.hpp"

namespace sagabus {
namespace {

void check_text(std::string_view what, std::string_view text) {
  const std::string problem = detail::problem_of_id(text);
  if (!problem.empty()) throw ValidationError(fmt::format("{}: {}", what, problem));
}

void check_name(std::string_view name) {
  const std::string problem = detail::problem_of_name(name);
  if (!problem.empty()) throw ValidationError("saga name: " + problem);
}

std::optional<Instance> copy(const InstancePtr& instance) {
  return instance ? std::optional<Instance>(*instance) : std::nullopt;
}

}  // namespace

boost::asio::awaitable<std::optional<Instance>> SagaStore::get_by_id(std::string saga_name,
                                                                     std::string saga_id) const {
  check_name(saga_name);
  check_text("saga id", saga_id);
  co_return copy(co_await backend_->get_by_id(std::move(saga_name), std::move(saga_id)));
}

boost::asio::awaitable<std::optional<Instance>> SagaStore::get_by_correlation_id(
    std::string saga_name, std::string correlation_id) const {
  check_name(saga_name);
  check_text("correlation id", correlation_id);
  co_return copy(
      co_await backend_->get_by_correlation_id(std::move(saga_name), std::move(correlation_id)));
}

boost::asio::awaitable<Instance> SagaStore::insert(Instance instance) const {
  check_name(instance.saga_name);
  check_text("correlation id", instance.correlation_id);
  if (instance.saga_id.empty()) {
    instance.saga_id = derive_saga_id(instance.saga_name, instance.correlation_id);
  }
  check_text("saga id", instance.saga_id);
  if (instance.bookkeeping.birth.empty()) {
    instance.bookkeeping.birth = new_nonce(*backend_->ambient().random);
  }
  if (instance.created_at == TimePoint{}) instance.created_at = backend_->ambient().clock->now();
  if (instance.updated_at == TimePoint{}) instance.updated_at = instance.created_at;
  instance.version = 1;
  const InstancePtr stored = co_await backend_->insert(std::move(instance));
  co_return *stored;
}

boost::asio::awaitable<Instance> SagaStore::update(Instance instance,
                                                   std::uint64_t expected_version) const {
  check_name(instance.saga_name);
  check_text("saga id", instance.saga_id);
  instance.version = expected_version + 1;
  instance.updated_at = backend_->ambient().clock->now();
  const InstancePtr stored = co_await backend_->update(std::move(instance), expected_version);
  co_return *stored;
}

boost::asio::awaitable<void> SagaStore::erase(std::string saga_name, std::string saga_id,
                                              std::optional<std::uint64_t> expected_version) const {
  check_name(saga_name);
  check_text("saga id", saga_id);
  co_await backend_->erase(std::move(saga_name), std::move(saga_id), expected_version);
}

boost::asio::awaitable<FindPage> SagaStore::find_by_name(FindRequest request) const {
  check_name(request.saga_name);
  if (request.limit < 1 || request.limit > 1000) {
    throw ValidationError(fmt::format("limit: {}, expected 1 to 1000", request.limit));
  }
  co_return co_await backend_->find_by_name(std::move(request));
}

boost::asio::awaitable<std::uint64_t> SagaStore::count_by_name(
    std::string saga_name, std::optional<bool> completed) const {
  check_name(saga_name);
  co_return co_await backend_->count_by_name(std::move(saga_name), completed);
}

boost::asio::awaitable<std::uint64_t> SagaStore::delete_completed_before(std::string saga_name,
                                                                         TimePoint time) const {
  check_name(saga_name);
  co_return co_await backend_->delete_completed_before(std::move(saga_name), time);
}

}  // namespace sagabus
