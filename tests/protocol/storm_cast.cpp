#include "protocol/storm_cast.hpp"

#include <fmt/format.h>

#include <array>
#include <set>

#include "sagabus/saga.hpp"

namespace sagabus::protocol {
namespace {

using namespace std::chrono_literals;

constexpr std::array kPauses{0s, 0s, 2s, 60s};
constexpr std::array kBeatPauses{1s, 5s, 90s};

// The `number`-th of them, or, in its turn, a long one.
template <std::size_t count>
std::chrono::seconds pause_of(const std::array<std::chrono::seconds, count>& pauses,
                              std::chrono::seconds long_one, std::size_t number) {
  const std::size_t place = number % (count + 1);
  return place == count ? long_one : pauses.at(place);
}

SagaDefinition ledger(Pace pace) {
  const std::chrono::seconds long_pause = pace == Pace::hours ? 3600s : 120s;
  const auto beat_later = [long_beat = long_pause / 2](int draw, SagaContext& ctx) {
    ctx.set_timeout("beat", pause_of(kBeatPauses, long_beat, static_cast<std::size_t>(draw)));
  };
  return saga<LedgerState>(kLedger)
      .correlate_all([](const auto& message) { return message.account; })
      .initial([] { return LedgerState{}; })
      .on<Deposit>(can_start)
      .handle([beat_later](const Deposit& m, LedgerState& s, SagaContext& ctx) {
        ++s.deposits;
        if (ctx.timeout_remaining("beat")) beat_later(m.number, ctx);  // moves it
        ctx.publish(Mirror{m.account, m.number});
        ctx.publish(Receipt{m.account, "deposit", s.deposits});
      })
      .on<Stage>(can_start)
      .when([](const Stage& m, const LedgerState& s) { return m.number == s.stages; })
      .handle([beat_later, long_pause](const Stage& m, LedgerState& s, SagaContext& ctx) {
        ++s.stages;
        if (s.stages == 1) beat_later(static_cast<int>(m.account.size()), ctx);
        if (s.stages == 2) ctx.set_timeout("dead", 12h);
        if (s.stages == 3) ctx.clear_timeout("dead");
        ctx.publish(Receipt{m.account, "stage", s.stages});
        const auto pause =
            pause_of(kPauses, long_pause, m.account.size() + static_cast<std::size_t>(m.number));
        if (s.stages < kStages) ctx.schedule(Stage{m.account, s.stages}, pause);
      })
      .on_timeout("beat")
      .handle([beat_later](const SagaTimeoutExpired& m, LedgerState& s, SagaContext& ctx) {
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

std::vector<SagaDefinition> storm_cast(Pace pace) {
  return {ledger(pace), mirror()};
}

Service Ears::service() {
  return sagabus::service("ears").on<Receipt>([this](const Receipt& m, MessageContext& context) {
    heard_[m.account + ' ' + m.by][m.count].push_back(context.envelope().id);
  });
}

std::size_t Ears::times(const std::string& account, const std::string& by, int count) const {
  const auto found = heard_.find(account + ' ' + by);
  if (found == heard_.end()) return 0;
  const auto ids = found->second.find(count);
  if (ids == found->second.end()) return 0;
  return std::set<std::string>(ids->second.begin(), ids->second.end()).size();
}

std::vector<std::string> Ears::problems(const std::string& account, const std::string& by,
                                        int counts, SameId same_id) const {
  const std::string name = account + ' ' + by;
  const auto found = heard_.find(name);
  std::map<int, std::vector<std::string>> heard;
  if (found != heard_.end()) heard = found->second;
  for (int i = 1; i <= counts; ++i) heard.try_emplace(i);
  std::vector<std::string> problems;
  for (const auto& [count, ids] : heard) {
    const std::set<std::string> distinct(ids.begin(), ids.end());
    const std::size_t times = same_id == SameId::is_a_repeat ? distinct.size() : ids.size();
    const std::size_t expected = count >= 1 && count <= counts ? 1 : 0;
    if (times != expected) {
      problems.push_back(fmt::format("{} {} was heard {} times", name, count, times));
    }
  }
  return problems;
}

}  // namespace sagabus::protocol
