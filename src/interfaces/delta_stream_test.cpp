#include "interfaces/delta_stream.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mxpath {
namespace {

struct Streamed {
  std::string log;  // [channel recipient] and text, | where a message ends
  std::vector<harmony::Message> messages;
};

Streamed stream(std::string_view text) {
  const auto tokenizer = Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value();
  Streamed out;
  const std::function<void(const Delta&)> sink = [&](const Delta& d) {
    if (d.begins) out.log += fmt::format("[{}{}{}]", d.channel, d.recipient.empty() ? "" : " ", d.recipient);
    out.log += d.text;
    if (d.ends) out.log += "|";
  };
  DeltaStream deltas(*tokenizer, sink);
  for (const Token token : tokenizer->encode_with_special(text)) deltas.push(token);
  out.messages = deltas.finish();
  return out;
}

TEST(DeltaStream, AnalysisThenFinal) {
  const auto s = stream("<|channel|>analysis<|message|>7x = 49<|end|><|start|>assistant<|channel|>final<|message|>x = 7, 한국어<|return|>");
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

TEST(DeltaStream, MessagesOfOnePieceBeginAndEndAtOnce) {
  EXPECT_EQ(stream("<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>x<|return|>").log,
            "[analysis]|[final]x|");
}

}  // namespace
}  // namespace mxpath
