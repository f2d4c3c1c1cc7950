// Threads for what would hold up the loop: reading bodies, rendering prompts, compiling grammars.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"

namespace mxpath::server {

/// Jobs run in the order in which they came. What a job throws ends it and nothing else; a job that owes somebody an
/// answer must not throw.
class Workers {
 public:
  ~Workers() { stop(); }
  /// Error: the system starts no thread.
  Status start(int threads);
  void put(std::function<void()> job);
  /// Jobs that have not begun are dropped.
  void stop();
  size_t waiting() const;

 private:
  void work();

  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> jobs_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mxpath::server
