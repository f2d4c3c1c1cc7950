#include "server/reasoning_memory.h"

#include <gtest/gtest.h>

namespace mxpath::server {
namespace {

TEST(ReasoningMemory, IsFoundByItsCallForItsCallerAlone) {
  ReasoningMemory memory({}, [] { return 0.0; });
  memory.put("key", "call_1", "because");
  EXPECT_EQ(memory.find("key", "call_1"), "because");
  EXPECT_EQ(memory.find("key", "call_2"), std::nullopt);
  EXPECT_EQ(memory.find("other", "call_1"), std::nullopt);
  EXPECT_EQ(memory.find("", "call_1"), std::nullopt);
  memory.put("key", "call_1", "again");
  EXPECT_EQ(memory.find("key", "call_1"), "again");
  EXPECT_EQ(memory.size(), 1u);
}

TEST(ReasoningMemory, ForgetsTheOldest) {
  double now = 0;
  ReasoningMemory memory({.bytes = 10'000, .seconds = 60}, [&] { return now; });
  for (int i = 0; i < 100; ++i) memory.put("", std::to_string(i), std::string(1000, 'x'));
  EXPECT_LT(memory.size(), 10u);
  EXPECT_EQ(memory.find("", "0"), std::nullopt);
  EXPECT_NE(memory.find("", "99"), std::nullopt);
  now = 61;
  EXPECT_EQ(memory.find("", "99"), std::nullopt);
  EXPECT_EQ(memory.size(), 0u);
  memory.put("", "large", std::string(20'000, 'x'));
  EXPECT_EQ(memory.size(), 0u);
}

}  // namespace
}  // namespace mxpath::server
