// A fixed set of threads that run one loop at a time.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace mxpath {

/// Splits index ranges over threads. The split never changes a result: kernels compute every output element on one thread,
/// in one order, so greedy output is the same for any thread count.
class ThreadPool {
 public:
  /// threads ≥ 1; the calling thread is one of them. Fewer where the system starts no more; size() says how many.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(begin, end, thread) on contiguous parts that cover [0, count), at most one part a thread, each part a
  /// multiple of `grain` long but for the last. Returns when all parts are done. Not to be called from inside a body.
  template <class Body>
  void for_range(size_t count, size_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        count, grain, [](void* b, size_t begin, size_t end, int thread) { (*static_cast<Plain*>(b))(begin, end, thread); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Call = void (*)(void* body, size_t begin, size_t end, int thread);
  void run(size_t count, size_t grain, Call call, void* body);
  void work(int thread);
  void part(int thread) const;

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  std::atomic<size_t> generation_ = 0;  // of the loop that was given out last
  std::atomic<int> running_ = 0;        // workers that are still at it
  std::atomic<bool> stop_ = false;
  bool stays_awake_ = false;  // for a moment after each loop, while there is a processor for every thread
  Call call_ = nullptr;
  void* body_ = nullptr;
  size_t count_ = 0, chunk_ = 0;
};

/// Processors this process may run on (affinity and cgroup quota included), at least 1.
int usable_processors();

}  // namespace mxpath
