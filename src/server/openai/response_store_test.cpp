#include "server/openai/response_store.h"

#include <gtest/gtest.h>

namespace mxpath::openai {
namespace {

StoredResponse stored(const std::string& text, std::string key = "ada") {
  return {.response = {{"id", "resp_1"}, {"text", text}}, .input = Json::array({text}), .key = std::move(key)};
}

struct Clock {
  double now = 100;
  std::function<double()> reader() {
    return [this] { return now; };
  }
};

TEST(ResponseStore, KeepsWhatWasPut) {
  Clock clock;
  ResponseStore store({}, clock.reader());
  EXPECT_EQ(store.find("a", "ada"), nullptr);
  store.put("a", stored("one"));
  ASSERT_NE(store.find("a", "ada"), nullptr);
  EXPECT_EQ(store.find("a", "ada")->response["text"], "one");
  EXPECT_EQ(store.find("a", "ada")->input, Json::array({"one"}));
  EXPECT_EQ(store.size(), 1u);
}

TEST(ResponseStore, TheSameIdReplaces) {
  Clock clock;
  ResponseStore store({}, clock.reader());
  store.put("a", stored("one"));
  const size_t bytes = store.bytes();
  store.put("a", stored("two"));
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(store.bytes(), bytes);
  EXPECT_EQ(store.find("a", "ada")->response["text"], "two");
}

TEST(ResponseStore, AnotherCallersResponseIsNotThere) {
  Clock clock;
  ResponseStore store({}, clock.reader());
  store.put("a", stored("secret", "ada"));
  store.put("open", stored("secret", ""));
  EXPECT_EQ(store.find("a", "bob"), nullptr);
  EXPECT_EQ(store.find("a", ""), nullptr);
  EXPECT_EQ(store.find("open", "ada"), nullptr);
  EXPECT_FALSE(store.erase("a", "bob"));
  EXPECT_NE(store.find("a", "ada"), nullptr);
}

TEST(ResponseStore, ErasedIsGone) {
  Clock clock;
  ResponseStore store({}, clock.reader());
  store.put("a", stored("one"));
  EXPECT_TRUE(store.erase("a", "ada"));
  EXPECT_FALSE(store.erase("a", "ada"));
  EXPECT_EQ(store.find("a", "ada"), nullptr);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(ResponseStore, TheLeastRecentlyUsedGoesFirst) {
  Clock clock;
  ResponseStore store({.responses = 2}, clock.reader());
  store.put("a", stored("one"));
  store.put("b", stored("two"));
  ASSERT_NE(store.find("a", "ada"), nullptr);
  store.put("c", stored("three"));
  EXPECT_EQ(store.size(), 2u);
  EXPECT_NE(store.find("a", "ada"), nullptr);
  EXPECT_EQ(store.find("b", "ada"), nullptr);
  EXPECT_NE(store.find("c", "ada"), nullptr);
}

TEST(ResponseStore, AForeignReaderDoesNotKeepAResponseAlive) {
  Clock clock;
  ResponseStore store({.responses = 2}, clock.reader());
  store.put("a", stored("one"));
  store.put("b", stored("two"));
  EXPECT_EQ(store.find("a", "bob"), nullptr);
  store.put("c", stored("three"));
  EXPECT_EQ(store.find("a", "ada"), nullptr);
  EXPECT_NE(store.find("b", "ada"), nullptr);
}

TEST(ResponseStore, BytesAreBounded) {
  Clock clock;
  ResponseStore store({.bytes = 100'000}, clock.reader());
  for (int i = 0; i < 20; ++i) store.put(std::to_string(i), stored(std::string(10'000, 'x')));
  EXPECT_LE(store.bytes(), 100'000u);
  EXPECT_GE(store.size(), 3u);
  EXPECT_LE(store.size(), 5u);  // each holds its text twice
  EXPECT_NE(store.find("19", "ada"), nullptr);
  EXPECT_EQ(store.find("0", "ada"), nullptr);
}

TEST(ResponseStore, SmallValuesCountToo) {
  Clock clock;
  ResponseStore store({.bytes = 10'000'000}, clock.reader());
  StoredResponse many;
  for (int i = 0; i < 10'000; ++i) many.input.push_back({{"n", i}});
  store.put("a", many);
  EXPECT_GT(store.bytes(), 10'000 * (sizeof(Json) + sizeof(Json::object_t)));
}

TEST(ResponseStore, WhatIsTooLargeIsNotKeptAndDropsNothing) {
  Clock clock;
  ResponseStore store({.bytes = 20'000}, clock.reader());
  store.put("a", stored("one"));
  store.put("b", stored(std::string(30'000, 'x')));
  EXPECT_EQ(store.find("b", "ada"), nullptr);
  EXPECT_NE(store.find("a", "ada"), nullptr);
  store.put("a", stored(std::string(30'000, 'x')));
  EXPECT_EQ(store.find("a", "ada"), nullptr);  // never an older answer under the same id
}

TEST(ResponseStore, AgeCountsFromTheLastUse) {
  Clock clock;
  ResponseStore store({.seconds = 60}, clock.reader());
  store.put("a", stored("one"));
  store.put("b", stored("two"));
  clock.now += 50;
  EXPECT_NE(store.find("a", "ada"), nullptr);
  clock.now += 20;
  EXPECT_NE(store.find("a", "ada"), nullptr);
  EXPECT_EQ(store.find("b", "ada"), nullptr);
  EXPECT_EQ(store.size(), 1u);
  clock.now += 61;
  EXPECT_FALSE(store.erase("a", "ada"));
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(ResponseStore, NoRoomForAny) {
  Clock clock;
  ResponseStore store({.responses = 0}, clock.reader());
  store.put("a", stored("one"));
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(store.find("a", "ada"), nullptr);
}

}  // namespace
}  // namespace mxpath::openai
