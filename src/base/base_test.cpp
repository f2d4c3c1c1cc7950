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
#include "base/expand_path.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/random.h"
#include "base/sanitized_for_test.h"
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

std::string json_problem(std::string_view text) {
  const auto json = parse_json(text, "x");
  return json.ok() ? "" : json.error().message;
}

TEST(Json, NothingIsLeftUnread) {
  EXPECT_EQ(json_problem(std::string_view("[1, 2, 3]\0, 4, 5]", 17)), "x: not valid JSON at byte 10: a zero byte");
  EXPECT_EQ(json_problem(std::string_view("{\"a\": 1}\0", 9)), "x: not valid JSON at byte 9: a zero byte");
  EXPECT_EQ(json_problem(std::string_view("[1, \0 2]", 8)), "x: not valid JSON at byte 5: a zero byte");
  EXPECT_EQ(json_problem(std::string_view("[x\0]", 4)), "x: not valid JSON at byte 2") << "what comes first is said first";
  EXPECT_EQ(json_problem("[1] 2"), "x: not valid JSON at byte 5");
  EXPECT_EQ(json_problem("[1]]"), "x: not valid JSON at byte 4");
  EXPECT_EQ(parse_json("\xef\xbb\xbf[1]\n", "x").value(), Json::parse("[1]"));
}

TEST(Json, EverySentenceIsOurs) {
  EXPECT_EQ(json_problem("[1, 1e400]"), "x: not valid JSON at byte 9: the number 1e400 is too large");
  EXPECT_LT(json_problem("[1" + std::string(100000, '0') + "]").size(), 150u);
  EXPECT_EQ(json_problem(""), "x: not valid JSON at byte 1: it is empty");
  EXPECT_EQ(json_problem(" \n"), "x: not valid JSON at byte 3: it is empty");
  EXPECT_EQ(json_problem("{\"a\": "), "x: not valid JSON at byte 7: it ends too early");
  EXPECT_EQ(json_problem("\xff\xfe[\0"), "x: not valid JSON at byte 1: it is UTF-16; save it as UTF-8");
  EXPECT_EQ(json_problem("[\"\xc3(\"]"), "x: not valid JSON at byte 4: it is not UTF-8");
  EXPECT_EQ(json_problem(R"(["\ud800"])"), "x: not valid JSON at byte 9: \\u escape of half a surrogate pair");
  EXPECT_EQ(json_problem(R"(["\q"])"), "x: not valid JSON at byte 4: no such escape");
  for (const std::string text : {"[NaN]", "[1.]", "[01]", "[--1]", "{1: 2}", "[1,]", "'a'", "[-1e999]", "[\"\n\"]", "tru", "[\"\\u12\"]"}) {
    EXPECT_NE(json_problem(text).find("not valid JSON at byte "), std::string::npos) << text;
    EXPECT_EQ(json_problem(text).find("exception"), std::string::npos) << text;
  }
}

TEST(Json, TimeIsLinearInTheKeys) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("\"key {}\":{},", i, i);
  text += "\"last\":[]}";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(text, "x").value().size(), 200'001u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(sanitized ? 20 : 2)) << "a search for each key takes minutes";
}

TEST(Path, WhatAShellWouldHaveExpanded) {
  ::setenv("HOME", "/h", 1);
  ::setenv("MXPATH_TEST_VARIABLE", "v", 1);
  ::unsetenv("MXPATH_TEST_NONE");
  EXPECT_EQ(expanded("~"), "/h");
  EXPECT_EQ(expanded("~/a"), "/h/a");
  EXPECT_EQ(expanded("/a/~"), "/a/~");
  EXPECT_EQ(expanded("~root/x").front(), '/');
  EXPECT_EQ(expanded("~nobody-of-this-name/x"), "~nobody-of-this-name/x");
  EXPECT_EQ(expanded("$HOME/$MXPATH_TEST_VARIABLE-${MXPATH_TEST_VARIABLE}x"), "/h/v-vx");
  for (const char* plain : {"$", "a$", "${", "${}", "${HOME", "$MXPATH_TEST_NONE/x", "${MXPATH_TEST_NONE}", ""})
    EXPECT_EQ(expanded(plain), plain);
  ::unsetenv("MXPATH_TEST_VARIABLE");
}

TEST(Folder, ALinkIntoNowhereIsSaidToBeOne) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / fmt::format("mxpath-links-{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::filesystem::create_symlink("../../blobs/4f0c", folder / "a");
  std::filesystem::create_symlink("a", folder / "b");
  EXPECT_FALSE(dangling_link((folder / "none").string()));
  EXPECT_FALSE(dangling_link(folder.string()));
  EXPECT_NE(
      dangling_link((folder / "a").string())->find("a is a link to ../../blobs/4f0c, which is not there: copy the folder again with cp -L"),
      std::string::npos);
  EXPECT_TRUE(dangling_link((folder / "b").string()));
  EXPECT_NE(MappedFile::open((folder / "a").string()).error().message.find("is a link to"), std::string::npos);
  std::filesystem::remove_all(folder);
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

TEST(Log, SilentByDefault) { EXPECT_TRUE(log().sinks().empty()); }

}  // namespace
}  // namespace mxpath
