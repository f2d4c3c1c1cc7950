#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <system_error>

namespace mxpath {
namespace {

/// A token is hundreds of short loops, microseconds apart; to wake a thread that sleeps takes tens of them, most of all in a virtual
/// machine.
constexpr auto awake = std::chrono::microseconds(50);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits awake until `done`, but not for long. False: it still is not.
template <class Done>
bool came_soon(Done done) {
  const auto end = std::chrono::steady_clock::now() + awake;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause();
    }
    std::this_thread::yield();  // to who is waited for, if it has no processor of its own
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

ThreadPool::ThreadPool(int threads) : stays_awake_(threads <= usable_processors()) {
  // Where the system starts no more threads, those that there are do the work: the split never changes a result.
  try {
    for (int t = 1; t < std::max(threads, 1); ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error&) {
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::part(int thread) const {
  const size_t begin = std::min(count_, chunk_ * static_cast<size_t>(thread));
  const size_t end = std::min(count_, begin + chunk_);
  if (begin < end) call_(body_, begin, end, thread);
}

void ThreadPool::run(size_t count, size_t grain, Call call, void* body) {
  if (count == 0) return;
  const size_t groups = (count + grain - 1) / grain, threads = static_cast<size_t>(size());
  const size_t chunk = (groups + threads - 1) / threads * grain;
  if (workers_.empty() || chunk >= count) return call(body, 0, count, 0);
  {
    std::lock_guard lock(mutex_);
    call_ = call, body_ = body, count_ = count, chunk_ = chunk;
    running_ = static_cast<int>(workers_.size());
    ++generation_;
  }
  start_.notify_all();
  part(0);
  const auto done = [this] { return running_ == 0; };
  if (stays_awake_ && came_soon(done)) return;
  std::unique_lock lock(mutex_);
  done_.wait(lock, done);
}

void ThreadPool::work(int thread) {
  size_t seen = 0;
  const auto called = [&] { return stop_ || generation_ != seen; };
  for (;;) {
    if (!stays_awake_ || !came_soon(called)) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, called);
    }
    if (stop_) return;
    seen = generation_;
    part(thread);
    if (--running_ > 0) continue;
    std::lock_guard lock(mutex_);  // whoever waits has either seen the last one go or is asleep already
    done_.notify_one();
  }
}

int usable_processors() {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency());
  // cgroup v2: "quota period" in microseconds, or "max period".
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  double limit = 0, period = 0;
  if (quota >> limit >> period && limit > 0 && period > 0) count = static_cast<int>(std::min<double>(count, std::ceil(limit / period)));
  return std::max(count, 1);
}

}  // namespace mxpath
