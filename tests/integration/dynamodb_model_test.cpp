// The simulation's table answers as DynamoDB does: the same operations on both, drawn from a seed.
//
//   SAGABUS_SEED    the first seed (a new one each time, printed)
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <random>

#include "integration/dynamodb_support.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "support/number_from.hpp"
#include "testing/simulation/store.hpp"

namespace sagabus::dynamodb {
namespace {

using namespace std::chrono_literals;

constexpr int kSeeds = 10;
constexpr int kOperations = 60;

std::string text_of(const InstancePtr& it) {
  if (!it) return "nothing";
  return fmt::format("{} v{} birth {} {}{}", it->correlation_id, it->version, it->bookkeeping.birth,
                     to_json(it->state), it->completed ? " completed" : "");
}

// The answer, or what was thrown instead.
template <class Operation>
std::string answer_of(Operation operation) {
  try {
    return operation();
  } catch (const AlreadyExists&) {
    return "AlreadyExists";
  } catch (const ConcurrencyError&) {
    return "ConcurrencyError";
  } catch (const NotFound&) {
    return "NotFound";
  } catch (const ValidationError&) {
    return "ValidationError";
  }
}

// A store, with all its timers, whatever shards they are in.
struct Side {
  sagabus::SagaStore store;
  std::function<std::string(TimePoint through)> due;
  std::function<void(std::vector<TimerRow>)> put;
  std::function<std::size_t(std::vector<TimerKey>)> erase;
  std::function<std::string(unsigned shard)> lease;
  std::function<bool(unsigned shard, Lease seen, std::string holder)> take;
};

std::string text_of(std::vector<TimerRow> rows) {
  std::ranges::sort(rows, {}, &TimerRow::key);
  std::string text;
  for (const TimerRow& row : rows) {
    text += fmt::format("{} to {}: {}\n", to_text(row.key), row.endpoint, row.envelope->id);
  }
  return text;
}

Side side_of(const sagabus::SagaStore& store) {
  TimerBackend* const timers = store.backend()->timers();
  Side side;
  side.store = store;
  side.due = [timers](TimePoint through) {
    std::vector<TimerRow> all;
    for (unsigned shard = 0; shard < timers->shards(); ++shard) {
      for (TimerRow& row : sync_wait(timers->due(shard, through, 1000))) {
        all.push_back(std::move(row));
      }
    }
    return text_of(std::move(all));
  };
  side.put = [timers](std::vector<TimerRow> rows) {
    sync_wait(timers->put(std::move(rows), nullptr));
  };
  side.erase = [timers](std::vector<TimerKey> keys) {
    return sync_wait(timers->erase(std::move(keys), nullptr));
  };
  side.lease = [timers](unsigned shard) {
    const Lease lease = sync_wait(timers->leases()).at(shard);
    return fmt::format("{} {}", lease.holder, lease.counter);
  };
  side.take = [timers](unsigned shard, Lease seen, std::string holder) {
    return sync_wait(timers->take_lease(shard, std::move(seen), std::move(holder)));
  };
  return side;
}

class DynamoDbModel : public DynamoDbTest {
 protected:
  // One operation, the same on both sides. `known` is what was read or written last, by id.
  std::string one_of_instances(const sagabus::SagaStore& store, std::uint64_t dice, int number,
                               std::map<std::string, Instance>& known) {
    const std::string id = fmt::format("c{}", dice % 3);
    const auto seen = known.find(id);
    Instance next = seen == known.end() ? first(id) : after(seen->second);
    next.state = Value(Object{{"number", Value(number)}});
    next.completed = dice / 3 % 7 == 0;
    std::optional<ExpectedInstance> expected;
    if (seen != known.end()) expected = expect(seen->second);
    switch (dice / 32 % 6) {
      case 0:
        return text_of(remember(load(store, key(id)), id, known));
      case 1:  // as a start, whatever is there
        expected.reset();
        next.version = 1;
        break;
      case 2:
        if (expected) --expected->version, --next.version;
        break;
      case 3:
        if (expected) expected->birth = "another";
        break;
      default:
        break;
    }
    if (next.bookkeeping.birth.empty() || seen == known.end()) {
      next.bookkeeping.birth = fmt::format("birth{}", number);
    }
    if (next.version == 0) next.version = 1;
    const CommitResult result = commit(store, next, expected);
    if (result.committed) known[id] = next;
    return (result.committed ? "committed, " : "refused, ") + text_of(result.current);
  }

  static InstancePtr remember(InstancePtr it, const std::string& id,
                              std::map<std::string, Instance>& known) {
    if (it) known[id] = *it;
    return it;
  }

  std::string one_of_timers(const Side& side, std::uint64_t dice, unsigned shards) {
    const TimerKey key{clock_->now() + std::chrono::seconds(dice % 5),
                       fmt::format("t{}", dice / 5 % 6)};
    const auto shard = static_cast<unsigned>(dice / 30 % shards);
    switch (dice / 256 % 5) {
      case 0: {
        auto envelope = std::make_shared<Envelope>();
        envelope->id = fmt::format("m{}", dice % 100);
        envelope->type = "T";
        side.put({TimerRow{key, dice % 2 == 0 ? "Order" : "", std::move(envelope)}});
        return "put";
      }
      case 1:
        return fmt::format("{} erased", side.erase({key}));
      case 2:
        return side.due(clock_->now() + std::chrono::seconds(dice % 7));
      case 3:
        return side.lease(shard);
      default:
        return side.take(shard, Lease{dice % 2 == 0 ? "" : "w1", dice / 2 % 3},
                         fmt::format("w{}", dice % 3))
                   ? "taken"
                   : "not taken";
    }
  }
};

TEST_F(DynamoDbModel, AnswersAsTheServiceDoes) {
  const std::uint64_t first_seed = test::number_from("SAGABUS_SEED", std::random_device()());
  for (std::uint64_t seed = first_seed; seed < first_seed + kSeeds; ++seed) {
    SCOPED_TRACE(fmt::format("SAGABUS_SEED={}", seed));
    table_ = "test-" + new_nonce(*system_random());
    const Side real = side_of(make());
    const Ambient ambient{.clock = clock_};
    const auto random = seeded_random(seed);
    const auto table = std::make_shared<testing::simulation::Table>(
        ambient, real.store.backend()->timers()->shards());
    boost::asio::io_context unused;
    const auto network =
        std::make_shared<testing::simulation::Network>(clock_, random, unused.get_executor());
    network->set_weather({.typical = 0ns});
    const Side model = side_of(
        testing::simulation::over_network(table, network, clock_, std::make_shared<Cost>()));
    std::map<std::string, Instance> known_really;
    std::map<std::string, Instance> known_to_model;
    for (int number = 0; number < kOperations && !HasFailure(); ++number) {
      const std::uint64_t dice = random->next();
      const auto on = [&](const Side& side, std::map<std::string, Instance>& known) {
        return answer_of([&] {
          return dice % 2 == 0
                     ? one_of_instances(side.store, dice / 2, number, known)
                     : one_of_timers(side, dice / 2, real.store.backend()->timers()->shards());
        });
      };
      EXPECT_EQ(on(real, known_really), on(model, known_to_model)) << "operation " << number;
    }
    call("DeleteTable", fmt::format(R"({{"TableName":"{}"}})", table_));
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
