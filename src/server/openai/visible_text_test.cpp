#include "server/openai/visible_text.h"

#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

/// What is shown of a text that comes in parts of so many bytes.
std::string shown(std::string_view text, const std::vector<std::string>& stops, size_t part) {
  VisibleText visible(stops);
  std::string out;
  for (size_t i = 0; i < text.size(); i += part) out += visible.push(text.substr(i, part), {}).text;
  return out + visible.flush().text;
}

TEST(VisibleText, StopsHoldHoweverTheTextIsCut) {
  for (size_t part = 1; part <= 12; ++part) {
    EXPECT_EQ(shown("one two three", {"two"}, part), "one ");
    EXPECT_EQ(shown("one two three", {"x", "ne t", "two"}, part), "o");
    EXPECT_EQ(shown("aaaab", {"aab"}, part), "aa");
    EXPECT_EQ(shown("abcX", {"abcX", "b"}, part), "a");  // the one that is complete first
    EXPECT_EQ(shown("abcd", {"d", "bcd"}, part), "a");   // of two that end together the longer
    EXPECT_EQ(shown("abab", {"abc"}, part), "abab");
    EXPECT_EQ(shown("ab", {}, part), "ab");
  }
}

TEST(VisibleText, OnlyWhatMayStopWaits) {
  const Json cases = data_of("chat_cases.json", "held");
  ASSERT_FALSE(cases.empty());
  for (const Json& c : cases) {
    const auto stops = c["specials"].get<std::vector<std::string>>();
    VisibleText visible(stops);
    EXPECT_EQ(visible.push(c["text"].get<std::string>(), {}).text, c["emit"].get<std::string>());
    EXPECT_FALSE(visible.stopped());
    EXPECT_EQ(visible.flush().text, c["hold"].get<std::string>());
  }
}

TEST(VisibleText, TokensGoWithTheirFirstByte) {
  const std::vector<std::string> stops = {"lo!"};
  const auto token = [](std::string bytes) {
    TextLogprob out;
    out.bytes = std::move(bytes);
    return out;
  };
  VisibleText visible(stops);
  const auto first = visible.push("hello", {token("hel"), token("lo")});
  EXPECT_EQ(first.text, "hel");
  ASSERT_EQ(first.logprobs.size(), 1u);
  const auto second = visible.push("?", {token("?")});
  EXPECT_EQ(second.text, "lo?");
  ASSERT_EQ(second.logprobs.size(), 2u);
  EXPECT_EQ(second.logprobs[0].bytes, "lo");
  const auto third = visible.push(" slo!", {token(" slo"), token("!")});
  EXPECT_EQ(third.text, " s");
  EXPECT_EQ(third.logprobs.size(), 1u);  // its beginning was seen
  EXPECT_TRUE(visible.stopped());
  EXPECT_EQ(visible.push("more", {}).text, "");
  EXPECT_EQ(visible.flush().text, "");
}

TEST(TokenTrail, TokensAreGivenOnce) {
  const auto ids = builtin_tokenizer().encode_with_special("<|message|>One two three");
  TokenTrail trail(builtin_tokenizer(), false);
  for (const Token id : ids) trail.add(id, 0, {});
  EXPECT_EQ(trail.take(1, 0).size(), 0u);
  EXPECT_EQ(trail.take(3, 7).size(), 2u);
  EXPECT_EQ(trail.take(3, 7).size(), 0u);
  const auto last = trail.take(4, 100);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].bytes, " three");
  EXPECT_EQ(trail.take(9, 3).size(), 0u);
}

}  // namespace
}  // namespace mxpath::openai
