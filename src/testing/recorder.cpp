#include "testing/recorder.hpp"

#include <algorithm>

namespace sagabus::testing {
namespace {

// A row that was left behind when its timeout was cleared or moved.
bool is_left_over(const StepView& view) {
  if (view.outcome != StepOutcome::ignored) return false;
  const auto token = view.envelope->headers.find(headers::kTimeoutToken);
  const auto due = view.envelope->headers.find(headers::kTimeoutDue);
  if (token == view.envelope->headers.end() || due == view.envelope->headers.end()) return false;
  if (!view.loaded || view.loaded->completed) return true;
  const auto& timers = view.loaded->bookkeeping.timers;
  return std::ranges::none_of(timers, [&](const Timer& timer) {
    return timer.token == token->second &&
           std::to_string(timer.due.time_since_epoch().count()) == due->second;
  });
}

}  // namespace

boost::asio::awaitable<void> Recorder::observe(StepView& view, Next next) {
  const std::uint64_t number = begin(view);
  std::exception_ptr error;
  std::string text;
  try {
    co_await next();
  } catch (const std::exception& thrown) {
    error = std::current_exception();
    text = thrown.what();
  } catch (...) {
    error = std::current_exception();
    text = "something that is no std::exception";
  }
  end(number, view, std::move(text));
  if (error) std::rethrow_exception(error);
}

std::uint64_t Recorder::begin(const StepView& view) {
  HarnessStep& step = steps_.emplace_back();
  step.at = clock_->now();
  step.saga_name = view.saga_name;
  step.correlation_id = view.correlation_id;
  step.envelope = view.envelope;
  step.attempt = view.attempt;
  writes_.emplace_back();
  landed_[view.envelope->id] = nullptr;
  return numbers_.emplace_back(++events_);
}

std::size_t Recorder::index_of(std::uint64_t number) const {
  return static_cast<std::size_t>(std::ranges::lower_bound(numbers_, number) - numbers_.begin());
}

// Steps that share a write end in the opposite order, each with all of it: what one left is what
// the next one found.
void Recorder::end(std::uint64_t number, const StepView& view, std::string error) {
  const std::size_t index = index_of(number);
  if (is_left_over(view)) {
    const auto offset = static_cast<std::ptrdiff_t>(index);
    steps_.erase(steps_.begin() + offset);
    numbers_.erase(numbers_.begin() + offset);
    writes_.erase(writes_.begin() + offset);
    return;
  }
  HarnessStep& step = steps_[index];
  step.ended = true;
  step.outcome = view.outcome;
  step.error = std::move(error);
  step.before = view.loaded;
  const auto landed = landed_.find(view.envelope->id);
  if (landed != landed_.end()) {  // else its message is in another step as well, which has ended
    if (!view.resulting && !step.error.empty()) writes_[index] = landed->second;
    landed_.erase(landed);
  }
  if (view.resulting) writes_[index] = view.resulting;
  step.after = writes_[index];
  if (step.after) {
    const auto next = std::find(writes_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                                writes_.end(), step.after);
    if (next != writes_.end()) {
      step.after = steps_[static_cast<std::size_t>(next - writes_.begin())].before;
    }
  }
}

void Recorder::committed(const CommitRequest& request) {
  for (const InboxEntry& entry : request.next->bookkeeping.inbox) {
    const auto under_way = landed_.find(entry.message_id);
    if (under_way != landed_.end()) under_way->second = request.next;
  }
}

void Recorder::sent(const std::vector<SendRequest>& requests) {
  for (const SendRequest& request : requests) {
    ++events_;
    const Envelope& envelope = *request.envelope;
    if (!request.endpoint.empty() || !sent_.emplace(envelope.type, envelope.id).second) continue;
    messages_.push_back({clock_->now(), request.envelope, is_own(envelope.id)});
  }
}

std::vector<std::string> Recorder::take_published() {
  std::vector<std::string> types;
  for (; taken_ < messages_.size(); ++taken_) {
    if (!messages_[taken_].by_test) types.push_back(messages_[taken_].envelope->type);
  }
  return types;
}

}  // namespace sagabus::testing
