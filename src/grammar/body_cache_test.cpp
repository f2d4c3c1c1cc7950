#include "grammar/body_cache.h"

#include <gtest/gtest.h>

#include <atomic>

namespace mxpath::grammar {
namespace {

using std::chrono::milliseconds;

class SizedBody : public Body {
 public:
  explicit SizedBody(size_t bytes) : bytes_(bytes) {}
  std::unique_ptr<BodyState> begin() const override { return nullptr; }
  size_t bytes() const override { return bytes_; }

 private:
  size_t bytes_;
};

CompiledBody sized(size_t bytes) { return {.body = std::make_shared<SizedBody>(bytes), .problem = {}, .warnings = {}}; }

TEST(BodyCache, ABodyIsCompiledOnce) {
  std::atomic<int> compiled = 0;
  BodyCache cache([&](BodyKind, const std::string&) { return ++compiled, sized(10); }, {});
  const auto first = cache.get(BodyKind::regex, "a");
  const auto again = cache.get(BodyKind::regex, "a");
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->body, again->body);
  EXPECT_EQ(compiled, 1);
  cache.get(BodyKind::lark, "a");
  EXPECT_EQ(compiled, 2);
}

TEST(BodyCache, TheLeastRecentlyUsedGoesFirst) {
  std::string compiled;
  BodyCache cache([&](BodyKind, const std::string& text) { return compiled += text, sized(398); }, {.bytes = 1000});
  for (const char* text : {"a", "b", "a", "c", "a", "b"}) cache.get(BodyKind::regex, text);
  EXPECT_EQ(compiled, "abcb");
  EXPECT_EQ(cache.bytes(), 800u);
}

TEST(BodyCache, ABodyThatTakesTooLongIsThereLater) {
  std::atomic<bool> go = false;
  BodyCache cache(
      [&](BodyKind, const std::string&) {
        while (!go) std::this_thread::sleep_for(milliseconds(1));
        return sized(1);
      },
      {.wait = milliseconds(20)});
  EXPECT_FALSE(cache.get(BodyKind::regex, "a"));
  EXPECT_FALSE(cache.get(BodyKind::regex, "a"));  // not a second one
  EXPECT_FALSE(cache.get(BodyKind::regex, "b"));
  EXPECT_FALSE(cache.get(BodyKind::regex, "c"));  // no worker is free: it is not begun
  go = true;
  std::optional<CompiledBody> late;
  for (int i = 0; i < 200 && !late; ++i) late = cache.get(BodyKind::regex, "a");
  EXPECT_TRUE(late);
}

TEST(BodyCache, WhatFailsIsNotKept) {
  BodyCache cache([](BodyKind, const std::string&) { return CompiledBody{nullptr, "no", {}}; }, {});
  const auto failed = cache.get(BodyKind::regex, "a");
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->problem, "no");
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(BodyCache, ManyAskAtOnce) {
  std::atomic<int> compiled = 0;
  BodyCache cache([&](BodyKind, const std::string&) { return ++compiled, sized(1); }, {.wait = milliseconds(10'000)});
  std::vector<std::thread> threads;
  std::atomic<int> got = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) got += cache.get(BodyKind::regex, std::to_string((i + k) % 10)).has_value();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, 400);
  EXPECT_EQ(compiled, 10);
}

}  // namespace
}  // namespace mxpath::grammar
