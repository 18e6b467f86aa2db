// Lets a coroutine wait for something that another thread reports, and go on on its own executor.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <mutex>
#include <utility>

namespace sagabus::detail {

class Wakeup;

// The handler of a suspended coroutine. Keeps its executor from running out of work.
struct Continuation {
  virtual ~Continuation() = default;
  virtual void post() = 0;
  Wakeup* owner = nullptr;
  Continuation* next = nullptr;
  Continuation* previous = nullptr;
};

// The coroutines of one execution context that wait here. When the context is destroyed, they are
// destroyed with it, and what they waited for finds nobody.
class Suspended {
 public:
  static std::shared_ptr<Suspended> of(boost::asio::execution_context& context);

  void add(Continuation& continuation, Wakeup& owner);
  void resume(Wakeup& owner);
  void abandon_all();

 private:
  std::unique_ptr<Continuation> remove(Wakeup& owner);  // with the mutex held

  // What is posted to a context that is on its end is destroyed at once, and may resume another.
  std::recursive_mutex mutex_;
  Continuation* first_ = nullptr;
};

// One event that one coroutine waits for.
class Wakeup {
 public:
  Wakeup() = default;
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  virtual ~Wakeup() = default;

  template <class Handler>
  void arm(Handler handler);

  // Posts the coroutine to its executor, the first time; does nothing after that, or where none
  // waits. From any thread, and never before arm() has returned.
  void resume() {
    if (suspended_) suspended_->resume(*this);
  }

 private:
  friend class Suspended;
  std::shared_ptr<Suspended> suspended_;
  Continuation* continuation_ = nullptr;  // guarded by the mutex of suspended_
};

template <class Handler>
void Wakeup::arm(Handler handler) {
  namespace asio = boost::asio;
  using Executor = asio::associated_executor_t<Handler>;
  struct Typed final : Continuation {
    explicit Typed(Handler&& h)
        : handler(std::move(h)), work(asio::get_associated_executor(handler)) {}
    void post() override { asio::post(std::move(handler)); }
    Handler handler;
    asio::executor_work_guard<Executor> work;
  };
  auto typed = std::make_unique<Typed>(std::move(handler));
  const Executor executor = typed->work.get_executor();
  suspended_ = Suspended::of(asio::query(executor, asio::execution::context));
  suspended_->add(*typed.release(), *this);
}

// Suspends the awaiting coroutine, then calls start(event, slot), which brings about
// event->resume(), perhaps at once and from another thread. `start` must be trivially copyable (the
// coroutine may be gone before it returns), and gets the coroutine's cancellation slot, on which it
// may leave a handler that refers to nothing but what it owns.
template <class Event, class Start>
boost::asio::awaitable<void> suspend(const std::shared_ptr<Event>& event, Start start) {
  static_assert(std::is_trivially_copyable_v<Start>);
  Event* const raw = event.get();  // the caller's coroutine holds it until it is resumed
  const auto keep = &event;
  auto initiate = [raw, keep, start](auto handler) {
    const std::shared_ptr<Event> alive = *keep;
    const Start begin = start;
    const auto slot = boost::asio::get_associated_cancellation_slot(handler);
    raw->arm(std::move(handler));
    begin(alive, slot);
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
      std::move(initiate), boost::asio::use_awaitable);
}

}  // namespace sagabus::detail
