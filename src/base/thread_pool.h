// A fixed set of threads that run one loop at a time.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace mxpath {

/// Splits index ranges over threads. The split never changes a result: kernels compute every output element on one
/// thread, in one order, so greedy output is the same for any thread count.
///
/// A loop never waits for a thread that has not begun: the calling thread takes over its part. It waits only for a part
/// that another thread has begun, and where such waits cost more than the threads bring, because other programs keep
/// the processors busy, loops run on the calling thread alone for a while.
class ThreadPool {
 public:
  /// threads ≥ 1; the calling thread is one of them. Fewer where the system starts no more; size() says how many.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(begin, end, thread) on contiguous parts that cover [0, count), each a multiple of `grain` long but for
  /// the last; `grain` is the least that is worth a thread of its own (see items_worth_a_thread). `thread` < size() is
  /// the one that runs the part, which may run several in turn. Returns when all parts are done. A call while another
  /// one runs, from a body or from another thread, does all of it alone, as thread 0.
  template <class Body>
  void for_range(size_t count, size_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        count, grain,
        [](void* b, size_t begin, size_t end, int thread) { (*static_cast<Plain*>(b))(begin, end, thread); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

  /// How often loops were left to the calling thread because the others did not help; for tests.
  int times_alone() const { return times_alone_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Call = void (*)(void* body, size_t begin, size_t end, int thread);
  /// The loop that was given out last, as one number: how many were given out before it, and its parts.
  struct Ticket {
    uint64_t number = 0;
    static constexpr int part_bits = 16;
    size_t parts() const { return number & ((1u << part_bits) - 1); }
    Ticket next(size_t parts) const { return {((number >> part_bits) + 1) << part_bits | parts}; }
  };
  /// The last ticket whose part was taken, one for each part; on a cache line of its own.
  struct alignas(64) Claim {
    std::atomic<uint64_t> taken = 0;
  };

  void run(size_t count, size_t grain, Call call, void* body);
  void share(size_t count, size_t chunk, Call call, void* body);
  void give_out(size_t parts);
  bool take(Ticket ticket, size_t part, int thread);
  void take_what_nobody_began(Ticket ticket);
  void wait_for_parts();
  bool alone();
  void weigh(Clock::duration waited);
  void work(int thread);

  std::vector<std::thread> workers_;
  std::unique_ptr<Claim[]> claims_;
  bool stays_awake_ = false;  // for a moment after each loop, while there is a processor for every thread

  // The loop.
  alignas(64) std::atomic<uint64_t> ticket_ = 0;
  Call call_ = nullptr;
  void* body_ = nullptr;
  size_t count_ = 0, chunk_ = 0;
  alignas(64) std::atomic<size_t> left_ = 0;  // parts that are not done
  std::atomic<bool> in_use_ = false;

  // Who sleeps.
  std::mutex mutex_;
  std::condition_variable start_, done_;
  std::atomic<int> sleepers_ = 0;
  std::atomic<bool> caller_sleeps_ = false, stop_ = false;

  // What sharing has brought since the calling thread last slept; its own.
  Clock::duration saved_ = {}, next_alone_ = {};
  Clock::time_point alone_until_ = {};
  bool is_alone_ = false;
  int times_alone_ = 0;
};

/// The grain of a loop whose items take some `nanoseconds` each: parts below some microseconds take less time than
/// handing them out.
size_t items_worth_a_thread(double nanoseconds);

/// Processors this process may run on (affinity and cgroup quota included), at least 1.
int usable_processors();

}  // namespace mxpath
