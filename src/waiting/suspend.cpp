#include "waiting/suspend.hpp"

namespace sagabus::detail {
namespace {

class SuspendedService final : public boost::asio::execution_context::service {
 public:
  using key_type = SuspendedService;
  static inline boost::asio::execution_context::id id;

  explicit SuspendedService(boost::asio::execution_context& context) : service(context) {}
  const std::shared_ptr<Suspended>& list() const noexcept { return list_; }

 private:
  void shutdown() override { list_->abandon_all(); }

  std::shared_ptr<Suspended> list_ = std::make_shared<Suspended>();
};

}  // namespace

std::shared_ptr<Suspended> Suspended::of(boost::asio::execution_context& context) {
  return boost::asio::use_service<SuspendedService>(context).list();
}

void Suspended::add(Continuation& continuation, Wakeup& owner) {
  const std::lock_guard lock(mutex_);
  continuation.owner = &owner;
  continuation.next = first_;
  if (first_) first_->previous = &continuation;
  first_ = &continuation;
  owner.continuation_ = &continuation;
}

std::unique_ptr<Continuation> Suspended::remove(Wakeup& owner) {
  std::unique_ptr<Continuation> it(std::exchange(owner.continuation_, nullptr));
  if (!it) return it;
  if (it->next) it->next->previous = it->previous;
  (it->previous ? it->previous->next : first_) = it->next;
  return it;
}

// Posts with the mutex held, so that the context cannot go away meanwhile: its destructor waits in
// abandon_all().
void Suspended::resume(Wakeup& owner) {
  std::unique_ptr<Continuation> it;
  const std::lock_guard lock(mutex_);
  it = remove(owner);
  if (it) it->post();
  it.reset();
}

void Suspended::abandon_all() {
  Continuation* all = nullptr;
  {
    const std::lock_guard lock(mutex_);
    all = std::exchange(first_, nullptr);
    for (Continuation* it = all; it; it = it->next) it->owner->continuation_ = nullptr;
  }
  while (all) {
    const std::unique_ptr<Continuation> it(all);
    all = all->next;
  }
}

}  // namespace sagabus::detail
