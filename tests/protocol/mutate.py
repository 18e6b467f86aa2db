"""Copies some sources and builds faults into the copies, each asleep until SAGABUS_MUTATION names it.

    mutate.py SOURCES OUTPUT

writes the copies of all FILES below the folder SOURCES into the folder OUTPUT. The first nine are
the mutations of the model of the commit protocol; the others are faults that the model cannot have.
A patch whose place is not there exactly once is an error: then the source has changed, and whoever
changed it says here what the fault looks like now.
"""

import pathlib
import sys

COMMIT = """  const InstancePtr next = batch.request.next;
"""

# (name, file, the text, what stands there instead)
PATCHES = [
    # What a guess says counts without a read.
    ("trust_guess", "saga_processor.cpp",
     "if (step.guess && !tried.request) {",
     'if (step.guess && !tried.request && !mutated("trust_guess")) {'),
    # Entries of others that look old are sent again and dropped.
    ("resend_old", "saga_commit.cpp", COMMIT, """\
  if (mutated("resend_old")) {
    const auto slim = std::make_shared<Instance>(*batch.request.next);
    std::vector<OutgoingMessage> again;
    std::erase_if(slim->bookkeeping.outbox, [&](const OutboxEntry& entry) {
      if (!entry.timers.empty()) return false;
      const auto& inbox = slim->bookkeeping.inbox;
      const auto taken = std::find_if(inbox.begin(), inbox.end(), [&](const InboxEntry& it) {
        return it.message_id == entry.message_id;
      });
      const auto now = options_.ambient.clock->now();
      if (taken == inbox.end() || now - taken->at < std::chrono::seconds(40)) return false;
      again.insert(again.end(), entry.messages.begin(), entry.messages.end());
      return true;
    });
    batch.request.next = slim;
    Effects effects;
    add_messages(again, with_rows(), effects);
    if (!again.empty()) co_await dispatch(std::move(effects), &lead.cost);
  }
""" + COMMIT),
    # An entry of another worker is dropped, though nobody knows whether it is settled.
    ("drop_unknown", "settlements.cpp",
     "if (!settled(entry)) kept.push_back(entry);",
     'const bool drop = mutated("drop_unknown") && entry.worker != worker_;\n'
     "    if (!settled(entry) && !drop) kept.push_back(entry);"),
    ("ack_first", "saga_commit.cpp", COMMIT, """\
  if (mutated("ack_first")) {
    Delivery early = lead.work.delivery;
    co_await options_.transport.backend()->acknowledge(std::move(early));
  }
""" + COMMIT),
    ("dispatch_first", "saga_commit.cpp", COMMIT, """\
  if (mutated("dispatch_first") && lead.number.sequence != 0) {
    Effects effects;
    add_entry(batch.request.next->bookkeeping.outbox.back(), *batch.request.next, with_rows(),
              effects);
    co_await dispatch(std::move(effects), &lead.cost);
  }
""" + COMMIT),
    # Timers' rows are put before the commit: they may be gone before there is such a timer.
    ("row_first", "saga_commit.cpp",
     "  batch.each([](Step& step) { step.phase = Phase::commit; });\n", """\
  batch.each([](Step& step) { step.phase = Phase::commit; });
  if (mutated("row_first") && lead.number.sequence != 0) {
    Effects effects;
    add_entry(batch.request.next->bookkeeping.outbox.back(), *batch.request.next, with_rows(),
              effects);
    effects.sends.clear();
    co_await dispatch(std::move(effects), &lead.cost);
  }
"""),
    ("row_first", "saga_commit.cpp",
     "  Effects effects = to_dispatch(batch, *next);\n",
     "  Effects effects = to_dispatch(batch, *next);\n"
     '  if (mutated("row_first")) effects.timers.rows.clear();\n'),
    ("no_inbox", "step.cpp",
     "if (in_inbox(*current, incoming.envelope->id)) {",
     'if (in_inbox(*current, incoming.envelope->id) && !mutated("no_inbox")) {'),
    # A start overwrites what is there.
    ("blind_put", "memory/store.cpp",
     "!is_expected(*current, *expected) : current != nullptr) {",
     '!is_expected(*current, *expected)\n'
     '                 : current != nullptr && !mutated("blind_put")) {'),
    ("blind_put", "memory/store.cpp",
     "if (!expected) refuse_taken(id);",
     'if (!expected && !mutated("blind_put")) refuse_taken(id);'),
    ("blind_put", "testing/simulation/table.cpp",
     "if (!expected) return !lives;",
     'if (!expected) return !lives || mutated("blind_put");'),
    # A write goes by the version alone.
    ("no_birth", "testing/simulation/table.cpp",
     "return there->bookkeeping.birth == expected->birth;",
     'return there->bookkeeping.birth == expected->birth || mutated("no_birth");'),
    ("no_birth", "memory/store.cpp",
     "if (current.bookkeeping.birth != expected.birth) return false;",
     'if (mutated("no_birth")) return true;\n'
     "  if (current.bookkeeping.birth != expected.birth) return false;"),
    ("short_inbox", "step.cpp",
     "now - entry.at > limits.window ||",
     'now - entry.at > (mutated("short_inbox") ? std::chrono::milliseconds(3000) : limits.window) ||'),

    # An id leaves the inbox while its messages may not have been sent.
    ("early_trim", "step.cpp",
     "if (!surplus || must_stay(entry)) return false;",
     'if (!surplus || (must_stay(entry) && !mutated("early_trim"))) return false;'),
    # What is older than the inbox is taken for new.
    ("no_horizon", "step.cpp",
     "if (incoming.redelivered && horizon != TimePoint{} &&",
     'if (!mutated("no_horizon") && incoming.redelivered && horizon != TimePoint{} &&'),
    # A repeat sends what its step has sent and acknowledged.
    ("resend_settled", "saga_commit.cpp",
     "if (!entry || options_.settlements->is_settled(*entry)) co_return;",
     'const bool settled = entry && options_.settlements->is_settled(*entry);\n'
     '  if (!entry || (settled && !mutated("resend_settled"))) co_return;'),
    # A start is dropped though an earlier request for it may come once its instance has expired.
    ("no_expiry_fence", "saga_without_effect.cpp",
     "return latest.count() > 0 && *current",
     'return latest.count() > 0 && !mutated("no_expiry_fence") && *current'),
    # A timeout that was cleared, or has come, comes.
    ("stale_timer", "step.cpp",
     """\
  if (current.completed || !timer) return plan;
  plan.choice = timer->due""", """\
  if (current.completed || (!timer && !mutated("stale_timer"))) return plan;
  plan.choice = timer && timer->due"""),
    # One that was moved comes when it was to come before.
    ("early_timer", "step.cpp",
     "timer->due > incoming.firing->due ? Choice::moved",
     'timer->due > incoming.firing->due && !mutated("early_timer") ? Choice::moved'),
    # A redelivery does not put the rows that its step could not.
    ("lost_row", "saga_commit.cpp",
     "  add_entry(*entry, *current, with_rows(), effects);\n",
     "  add_entry(*entry, *current, with_rows(), effects);\n"
     '  if (mutated("lost_row")) effects.timers.rows.clear();\n'),
    # A row is erased before what it holds is sent.
    ("erase_first", "timer_service.cpp",
     "  co_await options_.transport.backend()->send(std::move(requests));\n",
     '  if (mutated("erase_first")) {\n'
     "    std::vector<TimerKey> early = keys;\n"
     "    co_await timers_.erase(std::move(early), nullptr);\n"
     "  }\n"
     "  co_await options_.transport.backend()->send(std::move(requests));\n"),
    # A write goes by the life alone.
    ("forget_version", "testing/simulation/table.cpp",
     "if (!lives || there->version != expected->version) return false;",
     "if (!lives) return false;\n"
     '  if (there->version != expected->version && !mutated("forget_version")) return false;'),
    ("forget_version", "memory/store.cpp",
     "if (current.version != expected.version) return false;",
     'if (current.version != expected.version && !mutated("forget_version")) return false;'),
    # Where not all messages could be sent, their step is acknowledged all the same.
    ("partial_dispatch", "dispatch.cpp",
     "  if (!effects.sends.empty()) co_await transport.send(std::move(effects.sends));\n",
     '  if (!effects.sends.empty() && mutated("partial_dispatch")) {\n'
     "    try {\n"
     "      co_await transport.send(std::move(effects.sends));\n"
     "    } catch (const Error&) {\n"
     "    }\n"
     "    effects.sends.clear();\n"
     "  }\n"
     "  if (!effects.sends.empty()) co_await transport.send(std::move(effects.sends));\n"),
    # A timeout that comes at its old time is gone.
    ("drop_moved", "saga_commit.cpp",
     "  co_await put_row(step, std::move(row));\n}\n\n// A message that comes before its saga.",
     '  if (!mutated("drop_moved")) co_await put_row(step, std::move(row));\n}\n\n'
     "// A message that comes before its saga."),
    # Firings of one timeout share an id, whenever it was due.
    ("reuse_firing_id", "timer_rules.cpp",
     "static_cast<std::size_t>(due));",
     'mutated("reuse_firing_id") ? 0 : static_cast<std::size_t>(due));'),
    # What is due is told by this machine's clock.
    ("machine_clock", "timer_service.cpp",
     "  Time next = shard.last_query + kLookEvery;\n  const TimePoint now = timers_.now();\n",
     "  Time next = shard.last_query + kLookEvery;\n"
     '  const TimePoint now = mutated("machine_clock") ? options_.ambient.clock->now()\n'
     "                                                 : timers_.now();\n"),
    # A message is let go without a trace while another worker may have it in hand.
    ("no_fence", "saga_without_effect.cpp",
     "if (!(step.incoming.redelivered || step.may_land) || joint_) return false;",
     "if (!(step.incoming.redelivered || step.may_land) || joint_) return false;\n"
     '  if (mutated("no_fence")) return false;'),
    # Guesses go on where they mostly fail.
    ("guess_always", "saga_processor.cpp",
     "if (!rate.worth_trying(uniform(*options_.ambient.random))) return false;",
     'const bool worth = rate.worth_trying(uniform(*options_.ambient.random));\n'
     '  if (!worth && !mutated("guess_always")) return false;'),
]

FILES = sorted({file for _, file, _, _ in PATCHES})

HEAD = '#include "protocol/mutation.hpp"\nusing sagabus::protocol::mutated;\n'


def mutate(file, text):
    for name, where, old, new in PATCHES:
        if where != file:
            continue
        if text.count(old) != 1:
            sys.exit(f"{name}: its place is {text.count(old)} times in {file}:\n{old}")
        text = text.replace(old, new)
    return HEAD + text


def main():
    sources, output = map(pathlib.Path, sys.argv[1:])
    for file in FILES:
        to = output / file
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(mutate(file, (sources / file).read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
