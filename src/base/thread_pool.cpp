#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <fstream>
#include <utility>

namespace mxpath {
namespace {

using namespace std::chrono_literals;

/// A token is hundreds of short loops, microseconds apart; to wake a thread that sleeps takes tens of them, most of all
/// in a virtual machine. Nobody yields meanwhile: on Linux 6.18 a thread that yields to a busy one gives a whole time
/// slice away, 2 ms where 2 µs were meant, and got the demo's answer 200 times later; a thread that sleeps keeps its
/// claim and preempts when it is woken.
constexpr auto awake = 50us;
/// How long loops run alone, when the others did not help, before they are shared again: 8 times what the try has cost
/// …
constexpr int alone_factor = 8;
/// … and longer each time in a row, up to this.
constexpr auto longest_alone = 200ms;
/// Less than this on one thread is not worth handing out, which takes about 1 µs while the threads are awake.
constexpr double least_part_nanoseconds = 5000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits awake until `done`, but not for long. False: it still is not.
template <class Done>
bool came_soon(Done done, std::chrono::steady_clock::duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

ThreadPool::ThreadPool(int threads) : stays_awake_(threads <= usable_processors()) {
  threads = std::clamp(threads, 1, (1 << Ticket::part_bits) - 1);
  claims_ = std::make_unique<Claim[]>(static_cast<size_t>(threads));
  // Where the system starts no more threads, those that there are do the work: the split never changes a result.
  try {
    for (int t = 1; t < threads; ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::exception&) {  // no thread, or no memory for one
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

void ThreadPool::run(size_t count, size_t grain, Call call, void* body) {
  if (count == 0) return;
  const size_t groups = (count + grain - 1) / grain, threads = static_cast<size_t>(size());
  const size_t chunk = (groups + threads - 1) / threads * grain;
  if (workers_.empty() || chunk >= count || in_use_.exchange(true)) return call(body, 0, count, 0);
  if (alone()) call(body, 0, count, 0);
  else share(count, chunk, call, body);
  in_use_ = false;
}

void ThreadPool::share(size_t count, size_t chunk, Call call, void* body) {
  const size_t parts = (count + chunk - 1) / chunk;
  call_ = call, body_ = body, count_ = count, chunk_ = chunk;
  left_.store(parts, std::memory_order_relaxed);
  give_out(parts);
  const auto start = Clock::now();
  take({ticket_.load(std::memory_order_relaxed)}, 0, 0);
  saved_ += (Clock::now() - start) *
            static_cast<int>(parts - 1);  // parts take about the same, one after another on one thread
  wait_for_parts();
}

void ThreadPool::give_out(size_t parts) {
  const Ticket ticket = Ticket{ticket_.load(std::memory_order_relaxed)}.next(parts);
  ticket_ =
      ticket.number;  // sequentially consistent with sleepers_: whoever goes to sleep counts first and looks again then
  if (sleepers_ == 0) return;
  { std::lock_guard lock(mutex_); }
  start_.notify_all();
}

/// Runs a part unless somebody else has begun it. A ticket that is over has no part left to take, and only who holds a
/// part of it may look at the loop, which stays as it is until all are done.
bool ThreadPool::take(Ticket ticket, size_t part, int thread) {
  std::atomic<uint64_t>& taken = claims_[part].taken;
  uint64_t last = taken.load(std::memory_order_relaxed);
  if (last >= ticket.number || !taken.compare_exchange_strong(last, ticket.number, std::memory_order_acq_rel))
    return false;
  const size_t begin = chunk_ * part;
  call_(body_, begin, std::min(count_, begin + chunk_), thread);
  if (left_.fetch_sub(1) == 1 && caller_sleeps_) {
    std::lock_guard lock(mutex_);
    done_.notify_one();
  }
  return true;
}

void ThreadPool::take_what_nobody_began(Ticket ticket) {
  for (size_t part = ticket.parts(); left_ > 0 && part-- > 1;) take(ticket, part, 0);
}

void ThreadPool::wait_for_parts() {
  const auto done = [this] { return left_ == 0; };
  if (came_soon(done, 0us)) return;
  take_what_nobody_began({ticket_.load(std::memory_order_relaxed)});
  if (done()) return;
  const auto start = Clock::now();
  if (stays_awake_ && came_soon(done, awake)) return;
  std::unique_lock lock(mutex_);
  caller_sleeps_ = true;
  done_.wait(lock, done);
  caller_sleeps_ = false;
  lock.unlock();
  weigh(Clock::now() - start);
}

bool ThreadPool::alone() {
  is_alone_ = is_alone_ && Clock::now() < alone_until_;
  return is_alone_;
}

/// The caller has slept while another thread was at its part, which other programs may have kept from running. Where
/// that took longer than all that the threads have saved since the last time, the caller is faster alone.
void ThreadPool::weigh(Clock::duration waited) {
  if (waited <= std::exchange(saved_, {})) {
    next_alone_ = {};
    return;
  }
  next_alone_ =
      std::min<Clock::duration>(std::max<Clock::duration>(2 * next_alone_, alone_factor * waited), longest_alone);
  alone_until_ = Clock::now() + next_alone_, is_alone_ = true, ++times_alone_;
}

void ThreadPool::work(int thread) {
  const auto part = static_cast<size_t>(thread);
  uint64_t seen = 0;
  const auto called = [&] { return stop_ || ticket_ != seen; };
  for (;;) {
    if (!stays_awake_ || !came_soon(called, awake)) {
      std::unique_lock lock(mutex_);
      ++sleepers_;
      start_.wait(lock, called);
      --sleepers_;
    }
    if (stop_) return;
    const Ticket ticket{seen = ticket_};
    if (part < ticket.parts()) take(ticket, part, thread);
  }
}

size_t items_worth_a_thread(double nanoseconds) {
  return static_cast<size_t>(std::max(1.0, std::ceil(least_part_nanoseconds / std::max(nanoseconds, 1e-3))));
}

int usable_processors() {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                          : static_cast<int>(std::thread::hardware_concurrency());
  // cgroup v2: "quota period" in microseconds, or "max period".
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  double limit = 0, period = 0;
  if (quota >> limit >> period && limit > 0 && period > 0)
    count = static_cast<int>(std::min<double>(count, std::ceil(limit / period)));
  return std::max(count, 1);
}

}  // namespace mxpath
