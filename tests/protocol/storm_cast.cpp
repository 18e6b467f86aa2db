#include "protocol/storm_cast.hpp"

#include <fmt/format.h>

#include "sagabus/saga.hpp"

namespace sagabus::protocol {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kPauses[] = {0s, 0s, 2s, 60s, 3600s};
constexpr std::chrono::seconds kBeatPauses[] = {1s, 5s, 90s, 1800s};

void beat_later(int draw, SagaContext& ctx) {
  ctx.set_timeout("beat", kBeatPauses[static_cast<std::size_t>(draw) % std::size(kBeatPauses)]);
}

SagaDefinition ledger() {
  return saga<LedgerState>(kLedger)
      .correlate_all([](const auto& message) { return message.account; })
      .initial([] { return LedgerState{}; })
      .on<Deposit>(can_start)
      .handle([](const Deposit& m, LedgerState& s, SagaContext& ctx) {
        ++s.deposits;
        if (ctx.timeout_remaining("beat")) beat_later(m.number, ctx);  // moves it
        ctx.publish(Mirror{m.account, m.number});
        ctx.publish(Receipt{m.account, "deposit", s.deposits});
      })
      .on<Stage>(can_start)
      .when([](const Stage& m, const LedgerState& s) { return m.number == s.stages; })
      .handle([](const Stage& m, LedgerState& s, SagaContext& ctx) {
        ++s.stages;
        if (s.stages == 1) beat_later(static_cast<int>(m.account.size()), ctx);
        if (s.stages == 2) ctx.set_timeout("dead", 12h);
        if (s.stages == 3) ctx.clear_timeout("dead");
        ctx.publish(Receipt{m.account, "stage", s.stages});
        const auto pause = kPauses[(m.account.size() + m.number) % std::size(kPauses)];
        if (s.stages < kStages) ctx.schedule(Stage{m.account, s.stages}, pause);
      })
      .on_timeout("beat")
      .handle([](const SagaTimeoutExpired& m, LedgerState& s, SagaContext& ctx) {
        ++s.beats;
        ctx.publish(Receipt{m.correlationId, "beat", s.beats});
        if (s.beats < kBeats) beat_later(s.beats + static_cast<int>(m.sagaId.front()), ctx);
      })
      .on_timeout("dead")
      .handle([](const SagaTimeoutExpired& m, LedgerState& s, SagaContext& ctx) {
        ctx.publish(Receipt{m.correlationId, "beat", -s.beats});
      })
      .build();
}

SagaDefinition mirror() {
  return saga<MirrorState>(kMirror)
      .correlate<Mirror>(&Mirror::account, can_start)
      .initial([] { return MirrorState{}; })
      .on<Mirror>()
      .handle([](const Mirror& m, MirrorState& s, SagaContext& ctx) {
        ++s.mirrored;
        ctx.publish(Receipt{m.account, "mirror", s.mirrored});
      })
      .build();
}

}  // namespace

std::vector<SagaDefinition> storm_cast() {
  return {ledger(), mirror()};
}

Service Ears::service() {
  return sagabus::service("ears").on<Receipt>(
      [this](const Receipt& m) { ++heard_[m.account + ' ' + m.by][m.count]; });
}

std::vector<std::string> Ears::problems(const std::string& account, const std::string& by,
                                        int counts) const {
  const std::string name = account + ' ' + by;
  const auto found = heard_.find(name);
  const std::map<int, int> none;
  std::map<int, int> heard = found == heard_.end() ? none : found->second;
  for (int i = 1; i <= counts; ++i) heard.try_emplace(i, 0);
  std::vector<std::string> problems;
  for (const auto& [count, times] : heard) {
    const int expected = count >= 1 && count <= counts ? 1 : 0;
    if (times != expected) {
      problems.push_back(fmt::format("{} {} was heard {} times", name, count, times));
    }
  }
  return problems;
}

}  // namespace sagabus::protocol
