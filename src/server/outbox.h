// From the thread of the steps to the thread of the loop.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "engine/request.h"

namespace mxpath::server {

class Turn;

/// A token with what was asked to be known of it.
struct ToldToken {
  int32_t token = 0;
  float logprob = 0;
  std::vector<std::pair<int32_t, float>> top;
};

/// Nothing in it: some of the prompt was read.
using Told = std::variant<std::monostate, ToldToken, Ended>;

struct TurnEvent {
  std::shared_ptr<Turn> turn;
  int prompt = 0, choice = 0;
  double at = 0;  ///< seconds of the steady clock
  Told what;
};

/// What a step tells is put here; the loop is woken once for all that came since it looked.
class Outbox {
 public:
  /// wake: called on the thread that puts, when the box was empty.
  explicit Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void put(TurnEvent event) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = events_.empty();
      events_.push_back(std::move(event));
    }
    if (first) wake_();
  }
  std::vector<TurnEvent> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<TurnEvent> events_;
};

}  // namespace mxpath::server
