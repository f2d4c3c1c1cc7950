#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "base/sanitized_for_test.h"

namespace mxpath {
namespace {

TEST(ThreadPool, CoversEveryIndexOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (size_t count : {0u, 1u, 7u, 64u, 1000u}) {
      std::vector<std::atomic<int>> seen(count);
      pool.for_range(count, 16, [&](size_t begin, size_t end, int) {
        for (size_t i = begin; i < end; ++i) ++seen[i];
      });
      for (auto& s : seen) EXPECT_EQ(s, 1);
    }
  }
}

/// In a child with little room for the stacks of threads.
[[noreturn]] void run_without_room() {
  const rlimit limit{size_t{256} << 20, size_t{256} << 20};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  ThreadPool pool(1000);
  std::vector<int> seen(5000);
  pool.for_range(seen.size(), 1, [&](size_t begin, size_t end, int) {
    for (size_t i = begin; i < end; ++i) ++seen[i];
  });
  std::_Exit(pool.size() < 1000 && seen == std::vector<int>(5000, 1) ? 0 : 1);
}

TEST(ThreadPool, MakesDoWithTheThreadsThatTheSystemStarts) {
  if (sanitized) GTEST_SKIP() << "a sanitizer needs more room than that";
  EXPECT_EXIT(run_without_room(), testing::ExitedWithCode(0), "");
}

TEST(ThreadPool, EachLoopSeesTheOneBefore) {
  for (int threads : {2, 3, 8}) {
    ThreadPool pool(threads);
    std::vector<int> now(256, 0), next(256);
    for (int loop = 0; loop < 3000; ++loop) {
      // Each element takes its neighbour's value, which another thread may have written; every so often the workers
      // have gone to sleep.
      if (loop % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      pool.for_range(now.size(), 16, [&](size_t begin, size_t end, int) {
        for (size_t i = begin; i < end; ++i) next[i] = now[(i + 16) % now.size()] + 1;
      });
      std::swap(now, next);
    }
    for (int value : now) ASSERT_EQ(value, 3000) << threads;
  }
}

TEST(ThreadPool, PartsThatAreNotWorthAThreadStayTogether) {
  ThreadPool pool(4);
  int parts = 0;
  pool.for_range(100, 100, [&](size_t begin, size_t end, int thread) {
    EXPECT_EQ(thread, 0);
    EXPECT_EQ(end - begin, 100u);
    ++parts;
  });
  EXPECT_EQ(parts, 1);
  EXPECT_EQ(items_worth_a_thread(1e9), 1u);
  EXPECT_GT(items_worth_a_thread(1), 1000u);  // nanoseconds each
  EXPECT_GT(items_worth_a_thread(0), 1000u);
}

/// Two threads with loops of their own on one pool, and loops inside of loops: each index once, whoever does it.
TEST(ThreadPool, IsSharedByTwoCallers) {
  ThreadPool pool(3);
  const auto loops = [&pool] {
    for (int loop = 0; loop < 300; ++loop) {
      std::vector<int> seen(96);
      pool.for_range(seen.size(), 16, [&](size_t begin, size_t end, int) {
        pool.for_range(end - begin, 4, [&](size_t from, size_t to, int thread) {
          EXPECT_TRUE(thread >= 0 && thread < pool.size());
          for (size_t i = from; i < to; ++i) ++seen[begin + i];
        });
      });
      ASSERT_EQ(seen, std::vector<int>(96, 1));
    }
  };
  std::thread other(loops);
  loops();
  other.join();
}

/// Threads that do nothing but keep processors busy, one on each that this process may use.
class Spinners {
 public:
  Spinners() {
    for (int i = 0; i < usable_processors(); ++i)
      threads_.emplace_back([this] {
        while (!stop_) {
        }
      });
  }
  ~Spinners() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

/// Seconds of 2,000 loops of some 20 µs, as a token of a small model has them.
double seconds_of_short_loops(ThreadPool& pool) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<float> values(4096, 1.0f);
  for (int loop = 0; loop < 2000; ++loop)
    pool.for_range(values.size(), 16, [&](size_t begin, size_t end, int) {
      for (int pass = 0; pass < 8; ++pass)
        for (size_t i = begin; i < end; ++i) values[i] = values[i] * 0.5f + 1.0f;
    });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// With threads that yielded while they waited, each wait gave a whole time slice to the busy ones: two seconds instead
/// of some hundredths, at times ten.
TEST(ThreadPool, BusyProcessorsSlowItDownByTheirShareOnly) {
  if (sanitized) GTEST_SKIP() << "times mean nothing under a sanitizer";
  ThreadPool pool(std::max(usable_processors(), 2)), one(1);
  const Spinners spinners;
  std::vector<double> shared, alone;
  for (int run = 0; run < 10; ++run)
    alone.push_back(seconds_of_short_loops(one)), shared.push_back(seconds_of_short_loops(pool));
  std::ranges::sort(shared), std::ranges::sort(alone);
  // The pool may lose what it tries, but never more than a few times what one thread takes beside the same spinners.
  EXPECT_LT(shared[5], 3 * alone[5] + 0.05);
  EXPECT_LT(shared[9], 10 * alone[5] + 0.1);
}

}  // namespace
}  // namespace mxpath
