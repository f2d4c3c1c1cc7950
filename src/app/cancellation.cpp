#include "app/cancellation.h"

#include <utility>

namespace mxpath {

void Cancellation::cancel() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(cancelled_, true)) return;
  for (const auto& [id, tell] : listeners_) tell();
}

bool Cancellation::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

Cancellation::Listener::Listener(Cancellation& of, std::function<void()> tell) : of_(of) {
  const std::lock_guard lock(of.mutex_);
  if (of.cancelled_) tell();
  id_ = of.next_id_++;
  of.listeners_.emplace(id_, std::move(tell));
}

Cancellation::Listener::~Listener() {
  const std::lock_guard lock(of_.mutex_);
  of_.listeners_.erase(id_);
}

}  // namespace mxpath
