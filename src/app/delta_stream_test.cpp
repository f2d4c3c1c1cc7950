#include "app/delta_stream.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace mxpath {
namespace {

struct Streamed {
  std::string log;  // [channel recipient] and text, | where a message ends
  std::vector<harmony::Message> messages;
};

Streamed stream(std::string_view text, UnknownText unknown = UnknownText::settled) {
  const auto tokenizer = Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value();
  Streamed out;
  const std::function<void(const Delta&)> sink = [&](const Delta& d) {
    if (d.begins) out.log += fmt::format("[{}{}{}]", d.channel, d.recipient.empty() ? "" : " ", d.recipient);
    out.log += d.text;
    if (d.ends) out.log += "|";
  };
  DeltaStream deltas(*tokenizer, sink, unknown);
  for (const Token token : tokenizer->encode_with_special(text)) deltas.push(token);
  out.messages = deltas.finish();
  return out;
}

TEST(DeltaStream, AnalysisThenFinal) {
  const auto s = stream(
      "<|channel|>analysis<|message|>7x = 49<|end|><|start|>assistant<|channel|>final<|message|>x = 7, "
      "한국어<|return|>");
  EXPECT_EQ(s.log, "[analysis]7x = 49|[final]x = 7, 한국어|");
  ASSERT_EQ(s.messages.size(), 2u);
  EXPECT_EQ(s.messages[1].content, "x = 7, 한국어");
}

TEST(DeltaStream, ToolCall) {
  EXPECT_EQ(stream("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}<|call|>").log,
            "[commentary functions.f]{\"a\": 1}|");
}

TEST(DeltaStream, CutInTheMiddle) {
  EXPECT_EQ(stream("<|channel|>final<|message|>half a sen").log, "[final]half a sen|");
  EXPECT_EQ(stream("").log, "");
}

TEST(DeltaStream, WithoutHarmonyItIsStillText) {
  const auto s = stream("just words<|return|>");
  EXPECT_NE(s.log.find("just words"), std::string::npos);
}

constexpr std::string_view nine = "<|end|><|start|>assistant<|channel|>final<|message|>Nine.<|return|>";

TEST(DeltaStream, AnUnknownChannelIsAnalysisWhenAFinalFollows) {
  const auto s = stream("<|channel|>unheard-of<|message|>It is a sum." + std::string(nine));
  EXPECT_EQ(s.log, "[analysis]It is a sum.|[final]Nine.|");
  EXPECT_EQ(s.messages[0].channel, "analysis");
  EXPECT_EQ(stream("<|channel|>unheard-of<|message|>It is a sum." + std::string(nine), UnknownText::at_once).log,
            "[unheard-of]It is a sum.|[final]Nine.|");
}

TEST(DeltaStream, ReasoningUnderADamagedNameIsNotTheAnswer) {
  for (const auto& [reasoning, answer] :
       {std::pair("“analysis”", "“final”"), {"the analysis", "the final"}, {"анализ", "final"}}) {
    const auto s = stream(fmt::format(
        "<|channel|>{}<|message|>T.<|end|><|start|>assistant<|channel|>{}<|message|>Four.", reasoning, answer));
    EXPECT_EQ(s.log, "[analysis]T.|[final]Four.|") << reasoning;
  }
}

TEST(DeltaStream, AndTheAnswerWhenNoneDoes) {
  const auto s = stream("<|channel|>unheard-of<|message|>Nine.<|return|>");
  EXPECT_EQ(s.log, "[final]Nine.|");
  EXPECT_EQ(s.messages[0].channel, "final");
  // An empty final is none.
  EXPECT_EQ(stream("Nine.<|end|><|start|>assistant<|channel|>final<|message|><|return|>").log, "[final]Nine.|[final]|");
}

TEST(DeltaStream, TextWithoutAChannelWaitsALittle) {
  EXPECT_EQ(stream("I must add." + std::string(nine)).log, "[analysis]I must add.|[final]Nine.|");
  const std::string words(DeltaStream::longest_wait, 'w');
  const auto tokenizer = Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value();
  std::string heard;
  const std::function<void(const Delta&)> sink = [&](const Delta& d) { heard += d.text; };
  DeltaStream deltas(*tokenizer, sink);
  for (const Token token : tokenizer->encode(words)) deltas.push(token);
  EXPECT_EQ(heard, "");
  for (const Token token : tokenizer->encode(" more")) deltas.push(token);
  EXPECT_EQ(heard, words + " more");
  for (const Token token : tokenizer->encode_with_special(nine)) deltas.push(token);
  EXPECT_EQ(deltas.finish()[0].channel, "final");  // it was shown
}

TEST(DeltaStream, EndsWhereAnotherRoleBegins) {
  for (const char* role : {"user", "system", "functions.f to=assistant", "critic", "사용자", "пользователь", "usér"}) {
    const auto s = stream("<|channel|>final<|message|>Nine.<|end|><|start|>" + std::string(role) +
                          "<|message|>And ten?" + std::string(nine));
    EXPECT_EQ(s.log, "[final]Nine.|") << role;
    EXPECT_EQ(s.messages.size(), 1u);
  }
}

TEST(DeltaStream, CallsStandOnAChannel) {
  EXPECT_EQ(stream(" to=functions.f<|message|>{}<|call|>").log, "[commentary functions.f]{}|");
}

TEST(DeltaStream, MessagesOfOnePieceBeginAndEndAtOnce) {
  EXPECT_EQ(stream("<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>x<|return|>").log,
            "[analysis]|[final]x|");
}

TEST(DeltaStream, SaysHowManyTokensHadComeWithTheText) {
  const auto tokenizer = Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value();
  std::string heard;
  const std::function<void(const Delta&)> sink = [&](const Delta& d) {
    heard += fmt::format("{}@{} ", d.text, d.tokens);
  };
  const auto tokens = tokenizer->encode_with_special("<|channel|>unheard-of<|message|>x<|end|><|start|>assistant");
  const auto last = tokenizer->encode_with_special("<|channel|>final<|message|>y");
  DeltaStream deltas(*tokenizer, sink);
  for (const Token token : tokens) deltas.push(token);
  EXPECT_EQ(heard, "");  // its meaning is open
  for (const Token token : last) deltas.push(token);
  const size_t x = static_cast<size_t>(std::ranges::find(tokens, tokenizer->special().end) - tokens.begin());
  EXPECT_TRUE(heard.starts_with(fmt::format("@{} x@{} @{} ", x - 1, x, x + 1))) << heard;
  EXPECT_TRUE(heard.ends_with(fmt::format("y@{} ", tokens.size() + last.size()))) << heard;
}

}  // namespace
}  // namespace mxpath
