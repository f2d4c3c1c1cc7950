// A wish to stop that other threads can have.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace mxpath {

/// All calls from any thread.
class Cancellation {
 public:
  /// For good. Runs what listens, once.
  void cancel();
  bool cancelled() const;

  /// Runs `tell` when it is cancelled, at once if it has been; not after the listener is gone. `tell` must not come
  /// back here.
  class Listener {
   public:
    Listener(Cancellation& of, std::function<void()> tell);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    Cancellation& of_;
    uint64_t id_ = 0;
  };

 private:
  mutable std::mutex mutex_;  // of what follows
  bool cancelled_ = false;
  uint64_t next_id_ = 0;
  std::map<uint64_t, std::function<void()>> listeners_;
};

}  // namespace mxpath
