#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <system_error>

namespace mxpath {

ThreadPool::ThreadPool(int threads) {
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
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_ == 0; });
}

void ThreadPool::work(int thread) {
  size_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
    }
    part(thread);
    std::lock_guard lock(mutex_);
    if (--running_ == 0) done_.notify_one();
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
