#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/buffer.h"
#include "base/environment.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/random.h"
#include "base/sanitized_for_test.h"
#include "base/system_memory.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace mxpath {
namespace {

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(glob_match("moe_*.cpu.*", "moe_gate_up.cpu.avx2.mxfp4_f32"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("a?c", "abc"));
  EXPECT_FALSE(glob_match("*.amx.*", "linear.cpu.avx2.bf16_f32"));
  EXPECT_FALSE(glob_match("a*b", "ac"));
  EXPECT_FALSE(glob_match(std::string(40, '*') + "b", std::string(4000, 'a')));  // linear, not exponential
}

TEST(Text, HumanBytes) {
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(1536), "1.50 KiB");
  EXPECT_EQ(human_bytes(13761264768.0), "12.8 GiB");
}

TEST(Text, PrintableEscapes) { EXPECT_EQ(printable("a\n\xff"), "a\\x0a\\xff"); }

TEST(Json, RefusesDuplicateKeysAndSaysWhere) {
  const auto twice = parse_json(R"({"a":1,"b":{"c":1,"c":2}})", "x.json");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().message, "x.json: key \"c\" appears twice in one object");
  EXPECT_FALSE(parse_json("{\"a\":", "x.json").ok());
  EXPECT_FALSE(parse_json("\"\xff\"", "x.json").ok());
  EXPECT_FALSE(parse_json(std::string(100000, '['), "x.json").ok());
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":2}])", "x.json").ok());
}

TEST(MappedFile, SaysWhatIsWrong) {
  EXPECT_EQ(MappedFile::open("/nowhere/x").error().message, "/nowhere/x: no such file");
  EXPECT_EQ(MappedFile::open("/tmp").error().message, "/tmp: not a regular file");
}

TEST(Buffer, IsZeroedAndAligned) {
  auto buffer = Buffer::allocate(5 << 20);
  ASSERT_TRUE(buffer.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
  EXPECT_EQ(buffer->data()[(5 << 20) - 1], 0);
  EXPECT_FALSE(Buffer::allocate(size_t{1} << 62).ok());
}

// The system grants address space for more than there is, and ends the program when it is touched.
TEST(Buffer, MoreThanIsFreeIsASentence) {
  const SystemMemory memory = system_memory();
  ASSERT_GT(memory.free, 0u);
  ASSERT_LE(memory.free, memory.total);
  const auto buffer = Buffer::allocate(memory.free + (size_t{1} << 32));
  ASSERT_FALSE(buffer.ok());
  EXPECT_NE(buffer.error().message.find(" are free, other programs hold the rest"), std::string::npos) << buffer.error().message;
}

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
      // Each element takes its neighbour's value, which another thread may have written; every so often the workers have gone to sleep.
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
          EXPECT_EQ(thread, 0);
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

/// With threads that yielded while they waited, each wait gave a whole time slice to the busy ones: two seconds instead of some
/// hundredths, at times ten.
TEST(ThreadPool, BusyProcessorsSlowItDownByTheirShareOnly) {
  if (sanitized) GTEST_SKIP() << "times mean nothing under a sanitizer";
  ThreadPool pool(std::max(usable_processors(), 2)), one(1);
  const Spinners spinners;
  std::vector<double> shared, alone;
  for (int run = 0; run < 10; ++run) alone.push_back(seconds_of_short_loops(one)), shared.push_back(seconds_of_short_loops(pool));
  std::ranges::sort(shared), std::ranges::sort(alone);
  // The pool may lose what it tries, but never more than a few times what one thread takes beside the same spinners.
  EXPECT_LT(shared[5], 3 * alone[5] + 0.05);
  EXPECT_LT(shared[9], 10 * alone[5] + 0.1);
}

TEST(Random, StreamIsFixed) {
  Random random(1);
  EXPECT_EQ(random.next(), 0x910a2dec89025cc1u);
}

TEST(Environment, WhatIsNotSetIsEmpty) {
  ::setenv("MXPATH_TEST_VARIABLE", "a b", 1);
  EXPECT_EQ(environment_variable("MXPATH_TEST_VARIABLE"), "a b");
  ::unsetenv("MXPATH_TEST_VARIABLE");
  EXPECT_EQ(environment_variable("MXPATH_TEST_VARIABLE"), "");
}

TEST(Folder, WhatIsThereInOrder) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("mxpath-folder-test-" + std::to_string(::getpid()));
  for (const char* name : {"c", "a", "b"}) fs::create_directories(folder / name);
  fs::create_symlink("a", folder / "link");
  EXPECT_EQ(entries_of(folder), (std::vector<fs::path>{folder / "a", folder / "b", folder / "c", folder / "link"}));
  EXPECT_TRUE(is_folder(folder / "link"));
  fs::remove_all(folder);
  EXPECT_FALSE(is_folder(folder));
  EXPECT_FALSE(is_folder(""));
  EXPECT_TRUE(entries_of(folder).empty());
}

}  // namespace
}  // namespace mxpath
