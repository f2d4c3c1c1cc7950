#include "app/stop_text.h"

#include <gtest/gtest.h>

#include "app/answer_builder.h"

namespace mxpath {
namespace {

/// What is shown of a text that comes in parts of so many bytes.
std::string shown(std::string_view text, const std::vector<std::string>& stops, size_t part) {
  StopText visible(stops);
  std::string out;
  for (size_t i = 0; i < text.size(); i += part) out += visible.push(text.substr(i, part));
  EXPECT_EQ(visible.stopped(), find_stop(text, stops).has_value());
  return out + visible.flush();
}

TEST(StopText, HoldsHoweverTheTextIsCut) {
  for (size_t part = 1; part <= 12; ++part) {
    EXPECT_EQ(shown("one two three", {"two"}, part), "one ");
    EXPECT_EQ(shown("one two three", {"x", "ne t", "two"}, part), "o");
    EXPECT_EQ(shown("aaaab", {"aab"}, part), "aa");
    EXPECT_EQ(shown("abcX", {"abcX", "b"}, part), "a");  // the one that is complete first
    EXPECT_EQ(shown("abcd", {"d", "bcd"}, part), "a");   // of two that end together the longer
    EXPECT_EQ(shown("abab", {"abc"}, part), "abab");
    EXPECT_EQ(shown("ab", {}, part), "ab");
    EXPECT_EQ(shown("좋은 날", {"날"}, part), "좋은 ");
  }
}

TEST(StopText, WrongOnesAreOneSentence) {
  EXPECT_TRUE(check_stops(std::vector<std::string>(16, "a")).ok());
  EXPECT_EQ(check_stops(std::vector<std::string>(17, "a")).error().message, "17 texts to stop at: give 16 at most");
  EXPECT_EQ(check_stops(std::vector<std::string>{"a", ""}).error().message,
            "a text to stop at is empty; give at least one character");
}

class StoppedAnswer : public testing::Test {
 protected:
  StoppedAnswer() : tokenizer(Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value()) {}
  /// The answer that these tokens are with these stops; `told` and `heard`: the text that was streamed, and how many
  /// tokens it took.
  Answer answer(AnswerFormat format, const std::vector<Token>& tokens, std::vector<std::string> stops) {
    format.stops = std::move(stops);
    told.clear();
    AnswerBuilder builder(*tokenizer, std::move(format),
                          [this](const Delta& delta) { told += delta.channel == "analysis" ? "" : delta.text; });
    Answer out;
    out.generation.reason = EndReason::length;
    for (const Token token : tokens) {
      out.generation.tokens.push_back(token);
      if (builder.hear(token)) break;
    }
    builder.finish(out);
    return out;
  }
  Answer chat(const std::string& text, std::vector<std::string> stops) {
    return answer(harmony_format(*tokenizer), tokenizer->encode_with_special(text), std::move(stops));
  }
  Answer raw(const std::string& text, std::vector<std::string> stops) {
    return answer(raw_format(std::vector<Token>{}), tokenizer->encode_with_special(text), std::move(stops));
  }

  std::shared_ptr<const Tokenizer> tokenizer;
  std::string told;
};

TEST_F(StoppedAnswer, EndsBeforeTheText) {
  const std::string text =
      "<|channel|>analysis<|message|>two<|end|><|start|>assistant<|channel|>final<|message|>one two";
  const Answer stopped = chat(text + " three<|return|>", {"tw", "x"});
  EXPECT_EQ(stopped.text, "one ");
  EXPECT_EQ(told, "one ");
  EXPECT_EQ(stopped.analysis, "two") << "nobody is meant to read it";
  EXPECT_EQ(stopped.messages.back().content, "one ");
  EXPECT_EQ(stop_reason(stopped), "stop");
  EXPECT_LT(stopped.generation.tokens.size(), tokenizer->encode_with_special(text + " three").size());
  const Answer whole = chat(text, {"two three"});
  EXPECT_EQ(whole.text, "one two");
  EXPECT_EQ(told, "one two") << "what waited has come";
  EXPECT_EQ(stop_reason(whole), "length");
}

TEST_F(StoppedAnswer, WhateverTokensItSpans) {
  const std::string text = "one, two; three. 좋은 날 🙂 end";
  for (const char* stop : {"e, t", "; thr", "은 날", "🙂", "\xf0\x9f\x99", "d"}) {
    const Answer stopped = raw(text, {stop});
    EXPECT_EQ(stopped.text, text.substr(0, text.find(stop))) << stop;
    EXPECT_EQ(told, stopped.text) << stop;
    EXPECT_EQ(stop_reason(stopped), "stop") << stop;
  }
}

}  // namespace
}  // namespace mxpath
