#include "protocol/storm.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <stdexcept>

#include "sagabus/error.hpp"
#include "testing/decorators.hpp"

namespace sagabus::protocol {

using namespace std::chrono_literals;

struct Storm::Worker {
  bool dead = false;
  std::unique_ptr<Bus> bus{};
};

// Makes several messages of one, and delivers all but the first as redelivered.
class RoughTransport final : public TransportBackend {
 public:
  RoughTransport(Storm& storm, Transport inner) : storm_(storm), inner_(inner.backend()) {}

  std::string describe() const override { return inner_->describe(); }
  boost::asio::awaitable<void> subscribe(Subscription subscription) override {
    return inner_->subscribe(std::move(subscription));
  }
  boost::asio::awaitable<void> send(std::vector<SendRequest> requests) override {
    return inner_->send(storm_.in_copies(requests));
  }
  boost::asio::awaitable<std::vector<Delivery>> receive(std::string endpoint,
                                                        std::size_t most) override {
    std::vector<Delivery> them = co_await inner_->receive(endpoint, most);
    for (Delivery& it : them) {
      const bool first = storm_.delivered_.insert(endpoint + ' ' + it.envelope->id).second;
      if (!first) it.redelivered = true;
    }
    co_return them;
  }
  boost::asio::awaitable<void> acknowledge(Delivery delivery) override {
    return inner_->acknowledge(std::move(delivery));
  }
  boost::asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override {
    return inner_->give_back(std::move(delivery), how);
  }
  std::chrono::nanoseconds may_hold(const Delivery&) const override { return storm_.may_hold_; }
  std::chrono::milliseconds max_delay() const override { return inner_->max_delay(); }

 private:
  Storm& storm_;
  std::shared_ptr<TransportBackend> inner_;
};

Storm::Storm(StormSettings settings)
    : settings_(settings),
      random_(seeded_random(settings.seed)),
      ambient_{.clock = clock_, .random = random_},
      transport_(memory::TransportOptions{.deduplication_window = settings.deduplication_window,
                                          .ambient = ambient_}),
      store_(memory::StoreOptions{.ambient = ambient_}) {
  BusOptions options;  // the plain handlers rely on the transport, and on nothing else
  options.transport = transport_;
  options.services = {ears_.service()};
  options.executor = io_.get_executor();
  options.ambient = ambient_;
  // Half of them hold messages in hand for longer than the transport hides them.
  if (draw(2) == 0) may_hold_ = std::chrono::hours(1);
  world_ = std::make_unique<Bus>(std::move(options));
  await(world_->start());
  for (std::uint64_t i = 0, count = 1 + draw(4); i < count; ++i) begin_worker();
}

Storm::~Storm() {
  for (auto& worker : workers_) await(worker->bus->stop());
  await(world_->stop());
}

void Storm::begin_worker() {
  Worker& worker = *workers_.emplace_back(std::make_unique<Worker>());
  BusOptions options;
  options.transport = rough(worker);
  options.store = rough(worker, store_);
  options.sagas = storm_cast();
  options.concurrency = 4;
  options.inbox_bytes = settings_.inbox_bytes;
  options.max_coalesced_steps = settings_.together;
  options.executor = io_.get_executor();
  options.ambient = ambient_;
  worker.bus = std::make_unique<Bus>(std::move(options));
  while (true) {
    try {
      await(worker.bus->start());
      return;
    } catch (const TransientError&) {
    }
  }
}

// At each request, and at each answer. Of a dead worker, none gets through.
void Storm::maybe(Worker& worker, double fault, double death) {
  if (!worker.dead && happens(death)) worker.dead = true, ++deaths_;
  if (worker.dead || happens(fault)) throw TransientError("lost");
}

void Storm::count(const CommitRequest& request, const CommitResult& result) {
  if (!result.committed) return;
  std::set<std::string>& taken = taken_[request.next->saga_id];
  const std::size_t before = taken.size();
  for (const InboxEntry& entry : request.next->bookkeeping.inbox) taken.insert(entry.message_id);
  if (taken.size() > before + 1) ++shared_writes_;
}

Transport Storm::rough(Worker& worker) {
  const auto faults = std::make_shared<testing::TransportFaults>();
  const auto lose = [this, &worker] { maybe(worker, settings_.fault, settings_.death); };
  const auto lose_when_dead = [this, &worker] { maybe(worker, 0, 0); };
  faults->before_send = [lose](const std::vector<SendRequest>&) { lose(); };
  faults->mid_send = lose;
  faults->after_send = [lose](const std::vector<SendRequest>&) { lose(); };
  faults->before_acknowledge = [lose](const Delivery&) { lose(); };
  faults->after_acknowledge = lose;
  faults->before_receive = lose_when_dead;
  faults->after_receive = lose_when_dead;
  faults->give_back_takes = [lose_when_dead]() -> boost::asio::awaitable<void> {
    lose_when_dead();
    co_return;
  };
  const Transport copies(std::make_shared<RoughTransport>(*this, transport_));
  return Transport(std::make_shared<testing::FaultyTransport>(copies, faults));
}

SagaStore Storm::rough(Worker& worker, const SagaStore& store) {
  const auto faults = std::make_shared<testing::StoreFaults>();
  const auto lose = [this, &worker] { maybe(worker, settings_.fault, settings_.death); };
  faults->before_load = [lose](const InstanceKey&) { lose(); };
  faults->before_commit = [lose](const CommitRequest&) { lose(); };
  faults->commit_takes = [this] { return clock_->sleep_for(std::chrono::milliseconds(draw(10))); };
  faults->after_commit = [this, lose](const CommitRequest& request, const CommitResult& result) {
    count(request, result);
    lose();
  };
  faults->before_put_timers = [lose](const auto&) { lose(); };
  faults->after_put_timers = [lose](const auto&) { lose(); };
  faults->before_erase_timers = lose;
  faults->before_look_at_timers = lose;
  faults->before_save_watermark = lose;
  faults->before_load_watermark = lose;
  return SagaStore(std::make_shared<testing::FaultyStore>(store, faults));
}

std::vector<SendRequest> Storm::in_copies(const std::vector<SendRequest>& requests) {
  std::vector<SendRequest> all;
  for (const SendRequest& request : requests) {
    const std::string& type = request.envelope->type;
    const bool timeout = type == message_name<SagaTimeoutExpired>();
    if ((!request.endpoint.empty() && !timeout) || type == message_name<Receipt>()) {
      all.push_back(request);
      continue;
    }
    const auto latest = static_cast<std::uint64_t>(settings_.latest / 1s);
    for (std::uint64_t i = 0, count = 1 + draw(5); i < count; ++i) {
      SendRequest& copy = all.emplace_back(request);
      copy.endpoint = type == message_name<Mirror>() ? kMirror : kLedger;
      copy.deduplication_key = fmt::format("{}/{}", request.envelope->id, i);
      const TimePoint due = std::max(request.not_before, clock_->now());
      if (draw(3) != 0) copy.not_before = due + std::chrono::seconds(draw(latest));
    }
  }
  return all;
}

void Storm::order() {
  accounts_ = static_cast<int>(1 + draw(3));
  deposits_ = static_cast<int>(1 + draw(settings_.deposits));
  const auto send = [this](const auto& message) {
    for (;;) {
      try {
        PublishOptions options;
        options.id = fmt::format("{}-{}-{}", message_name<std::decay_t<decltype(message)>>(),
                                 message.account, message.number);
        return await(workers_.front()->bus->publish(message, std::move(options)));
      } catch (const TransientError&) {
        replace_the_dead();
      }
    }
  };
  for (int account = 0; account < accounts_; ++account) {
    const std::string name(static_cast<std::size_t>(account + 1), 'a');
    send(Stage{name, 0});
    for (int i = 0; i < deposits_; ++i) send(Deposit{name, i});
  }
}

void Storm::replace_the_dead() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (!workers_[i]->dead) continue;
    await(workers_[i]->bus->stop());
    workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(i--));
    begin_worker();
  }
}

void Storm::turn() {
  io_.restart();
  while (io_.poll() != 0) {
  }
}

void Storm::await(boost::asio::awaitable<void> operation) {
  auto result = boost::asio::co_spawn(io_, std::move(operation), boost::asio::use_future);
  while (result.wait_for(0s) != std::future_status::ready) {
    turn();
    if (result.wait_for(0s) != std::future_status::ready) clock_->advance_to_next();
  }
  result.get();
}

void Storm::run() {
  order();
  do {
    if (clock_->now() > begin_ + 48h) throw std::runtime_error("it goes on for ever");
    turn();
    replace_the_dead();
  } while (clock_->advance_to_next());
}

void Storm::read_letters(std::vector<std::string>& problems) {
  for (const char* saga : {kLedger, kMirror}) {
    const std::size_t left = transport_.pending(saga);
    if (left != 0) problems.push_back(fmt::format("{} messages are left for {}", left, saga));
    for (const EnvelopePtr& letter : transport_.drain(fmt::format("{}.dlq", saga))) {
      const std::string& why = letter->headers.at(std::string(headers::kErrorType));
      if (why == "sagabus::TooLate") {
        too_late_.push_back(letter->id);
      } else {
        problems.push_back(fmt::format("{} was buried: {}", letter->id, why));
      }
    }
  }
}

std::vector<std::string> Storm::problems() {
  std::vector<std::string> problems;
  const auto add = [&](const std::vector<std::string>& more) {
    problems.insert(problems.end(), more.begin(), more.end());
  };
  for (int account = 0; account < accounts_; ++account) {
    const std::string name(static_cast<std::size_t>(account + 1), 'a');
    add(ears_.problems(name, "deposit", deposits_));
    add(ears_.problems(name, "stage", kStages));
    add(ears_.problems(name, "beat", kBeats));
    add(ears_.problems(name, "mirror", deposits_));
  }
  read_letters(problems);
  return problems;
}

}  // namespace sagabus::protocol
