// Headers as models write them.
#include "chat/harmony.h"
#include "chat/harmony_names.h"
#include "chat/harmony_test_support.h"

namespace mxpath::harmony {
namespace {

using Lines = std::vector<std::string>;

struct Read {
  Lines messages;
  Lines at;  // for each token what it completed, | between messages
  bool stopped = false;
};

Read read(std::string_view text) {
  Parser parser(builtin(), Role::assistant, false);
  Read out;
  for (const Token token : builtin().encode_with_special(text)) {
    EXPECT_TRUE(parser.push(token).ok());
    out.at.push_back(parser.last_delta());
  }
  EXPECT_TRUE(parser.finish().ok());
  out.at.push_back(parser.last_delta());
  out.messages = shown(parser.messages());
  out.stopped = parser.stopped();
  return out;
}
Lines lossy(std::string_view text) { return read(text).messages; }

TEST(HarmonyLossy, TheNearestChannelIsMeant) {
  for (const char* word :
       {"Analysis", "ANALYSIS", "analysis?", "analysis:", "**analysis**", "analysi", "analyis", "anaylsis", "analysiss",
        "thinking", "Thought:", "reasoning", "anal", "analysis.", "analysischannel", "분석", "思考"})
    EXPECT_EQ(lossy("<|channel|>" + std::string(word) + "<|message|>hm"), Lines{"assistant|||analysis||hm"}) << word;
  for (const char* word : {"commentary.", "Commentary", "commentry", "comments", "comment"})
    EXPECT_EQ(lossy("<|channel|>" + std::string(word) + "<|message|>hm"), Lines{"assistant|||commentary||hm"}) << word;
  for (const char* word : {"Final", "finally", "finalx", "final:", "fnal", "fina", "answer", "최종"})
    EXPECT_EQ(lossy("<|channel|>" + std::string(word) + "<|message|>hm"), Lines{"assistant|||final||hm"}) << word;
  EXPECT_EQ(lossy("<|channel|>unheard-of<|message|>hm"), Lines{"assistant|||unheard-of||hm"});
  EXPECT_FALSE(nearest_channel("The"));
  EXPECT_FALSE(nearest_channel("financial"));
}

TEST(HarmonyLossy, MarksAndOtherWordsDoNotHideAChannel) {
  for (const char* name :
       {"“analysis”",         "«analysis»",       "\u200banalysis",   "\ufeffanalysis",        "ana\u00adlysis",
        "ａｎａｌｙｓｉｓ",   "channel=analysis", "anàlysis",         "ana\u0300lysis",        "\u00a0analysis",
        "\u0430nalysis",      "анализ",           "«분석»",           "assistantanalysis",     "the analysis",
        "assistant analysis", "channel analysis", "analysis channel", "the channel: analysis", "analysis。",
        "analysis…"})
    EXPECT_EQ(lossy("<|channel|>" + std::string(name) + "<|message|>hm"), Lines{"assistant|||analysis||hm"}) << name;
  for (const char* name : {"“final”", "ｆｉｎａｌ", "fínal", "\u00a0final", "финал", "final。", "the final",
                           "assistantfinal", "\u200bfinal\u200b"})
    EXPECT_EQ(lossy("<|channel|>" + std::string(name) + "<|message|>hm"), Lines{"assistant|||final||hm"}) << name;
  EXPECT_EQ(lossy("<|channel|>размышление<|message|>hm"), Lines{"assistant|||размышление||hm"});
  EXPECT_EQ(lossy("<|channel|>the cat<|message|>hm"), (Lines{"assistant|||||the cat", "assistant|||||hm"}));
}

TEST(HarmonyLossy, TextBehindTheNameOfAChannelIsContent) {
  EXPECT_EQ(lossy("<|channel|>finalI think so.<|return|>"), Lines{"assistant|||final||I think so."});
  EXPECT_EQ(lossy("<|channel|>finalA cat<|return|>"), Lines{"assistant|||final||A cat"});
  EXPECT_EQ(lossy("<|channel|>final4<|return|>"), Lines{"assistant|||final||4"});
  EXPECT_EQ(lossy("<|channel|>final👍<|return|>"), Lines{"assistant|||final||👍"});
  EXPECT_EQ(lossy("<|channel|>commentaryI look"), Lines{"assistant|||commentary||I look"});
  EXPECT_EQ(lossy("<|channel|>analysisWe need a sum"), Lines{"assistant|||analysis||We need a sum"});
  EXPECT_EQ(lossy("<|channel|>analysiswe need a sum"), Lines{"assistant|||analysis||we need a sum"});
  EXPECT_EQ(lossy("<|channel|>analysisWe<|message|> need"),
            (Lines{"assistant|||analysis||We", "assistant|||analysis|| need"}));
  EXPECT_EQ(lossy("<|channel|>final The answer is<|message|> 4."),
            (Lines{"assistant|||final||The answer is", "assistant|||final|| 4."}));
  EXPECT_EQ(lossy("<|channel|>final Yes<|message|>It is."),
            (Lines{"assistant|||final||Yes", "assistant|||final||It is."}));
  EXPECT_EQ(lossy("<|channel|>analysis user wants sum<|message|> so add."),
            (Lines{"assistant|||analysis||user wants sum", "assistant|||analysis|| so add."}));
  EXPECT_EQ(lossy("<|channel|>final text<|message|>x"), Lines{"assistant|||final|text|x"});
}

TEST(HarmonyLossy, ChannelsInOddPlaces) {
  EXPECT_EQ(lossy("<|channel|>final answer<|message|>x"), Lines{"assistant|||final||x"});
  EXPECT_EQ(lossy("<|channel|>analysis<|channel|>final<|message|>x"), Lines{"assistant|||final||x"});
  EXPECT_EQ(lossy("<|channel|> \nanalysis<|message|>x"), Lines{"assistant|||analysis||x"});
  EXPECT_EQ(lossy("analysis<|message|>x<|end|><|start|>final<|message|>y"),
            (Lines{"assistant|||analysis||x", "assistant|||final||y"}));
  EXPECT_EQ(lossy("<|channel|>analysis<|message|>x<|end|><|start|>assistantfinal<|message|>y"),
            (Lines{"assistant|||analysis||x", "assistant|||final||y"}));
}

TEST(HarmonyLossy, MarkersThatAreMissing) {
  EXPECT_EQ(lossy("<|channel|>analysis<|message|>x<|end|>assistantfinalNine. It is nine.<|return|>"),
            (Lines{"assistant|||analysis||x", "assistant|||final||Nine. It is nine."}));
  EXPECT_EQ(lossy("<|channel|>final Nine it is.<|return|>"), Lines{"assistant|||final||Nine it is."});
  EXPECT_EQ(lossy("<|channel|>analysis\nx\n<|end|><|channel|>final\nNine."),
            (Lines{"assistant|||analysis||x\n", "assistant|||final||Nine."}));
}

TEST(HarmonyLossy, ASentenceInThePlaceOfTheChannelIsText) {
  EXPECT_EQ(lossy("<|channel|>I must add these numbers.<|channel|>analysis<|message|>Hm."),
            (Lines{"assistant|||||I must add these numbers.", "assistant|||analysis||Hm."}));
  EXPECT_EQ(lossy("<|channel|>I must<|message|>Hm."), (Lines{"assistant|||||I must", "assistant|||||Hm."}));
  EXPECT_EQ(lossy("<|channel|>Sorry.<|end|>"), Lines{"assistant|||||Sorry."});
  EXPECT_EQ(lossy("<|channel|>analysis I add them<|channel|>final<|message|>x"),
            (Lines{"assistant|||analysis||I add them", "assistant|||final||x"}));
  EXPECT_EQ(lossy("<|channel|>analysis I must add these numbers<|message|>2+2"),
            (Lines{"assistant|||analysis||I must add these numbers", "assistant|||analysis||2+2"}));
}

TEST(HarmonyLossy, ARecipientSaysSoOrLooksLikeOne) {
  for (const char* header :
       {"<|channel|>commentary to=functions.f", "<|channel|>commentary TO=functions.f",
        "<|channel|>commentary to =functions.f", "<|channel|>commentary to = functions.f",
        "<|channel|>commentary to: functions.f", "<|channel|>commentary ot=functions.f",
        "<|channel|>commentaryto=functions.f", "<|channel|>commentary to=\"functions.f\",",
        "<|channel|>commentary functions.f", " to=functions.f<|channel|>commentary",
        "assistantto=functions.f<|channel|>commentary", "<|channel|>commentary recipient=functions.f"})
    EXPECT_EQ(lossy(std::string(header) + "<|message|>{}<|call|>"), Lines{"assistant||functions.f|commentary||{}"})
        << header;
  EXPECT_EQ(lossy("<|channel|>commentary one to=functions.f two<|message|>{}"),
            Lines{"assistant||functions.f|commentary|one two|{}"});
  EXPECT_EQ(lossy("<|channel|>commentary to= to=functions.f json<|message|>{}"),
            Lines{"assistant||functions.f|commentary||{}"});
  EXPECT_EQ(lossy("<|channel|>functions.f<|message|>{}<|call|>"), Lines{"assistant||functions.f|||{}"});
  EXPECT_EQ(lossy("<|channel|>to=weather<|message|>{}<|call|>"), Lines{"assistant||weather|||{}"});
  EXPECT_EQ(lossy("<|channel|>commentary to=functions.f<|constrain|> json<|message|>{}"),
            Lines{"assistant||functions.f|commentary|<|constrain|>json|{}"});
  EXPECT_EQ(lossy(" to=functions.f {\"a\": 1}<|call|>"), Lines{"assistant||functions.f|||{\"a\": 1}"});
}

TEST(HarmonyLossy, NoCallIsMadeUp) {
  for (const char* text : {"<|channel|>commentary to=user<|message|>hm", "<|channel|>commentary to=all<|message|>hm",
                           "<|channel|>commentary to=assistant<|message|>hm"})
    EXPECT_EQ(lossy(text), Lines{"assistant|||commentary||hm"}) << text;
  EXPECT_EQ(lossy("<|channel|>analysis use python here<|message|>1+1"),
            (Lines{"assistant|||analysis||use python here", "assistant|||analysis||1+1"}));
  for (const char* text : {"python is a language", "to=x is how one writes it", "functions.f is a name", "call it now"})
    EXPECT_EQ(lossy(text), Lines{"assistant|||||" + std::string(text)}) << text;
  for (const char* text :
       {"Set to=functions.f please", "to=functions.f please", "to=functions.f {\"a\": 1} is a call", "functions.f {}"})
    EXPECT_EQ(lossy(text), Lines{"assistant|||||" + std::string(text)}) << text;
  EXPECT_EQ(lossy("<|channel|>final set to=5<|message|>Done."),
            (Lines{"assistant|||final||set to=5", "assistant|||final||Done."}));
  EXPECT_EQ(lossy("<|channel|>final to=bob<|message|>Done."), Lines{"assistant|||final||Done."});
  EXPECT_EQ(lossy(" to=functions.f<|channel|>final Nine it<|return|>"), Lines{"assistant|||final||Nine it"});
  EXPECT_EQ(lossy("<|channel|>final to=bob is short"), Lines{"assistant|||final||to=bob is short"});
  EXPECT_EQ(lossy("<|channel|>final python<|message|>is a snake."),
            (Lines{"assistant|||final||python", "assistant|||final||is a snake."}));
  for (const char* name :
       {"functions.\x1b[31mx", "functions. get", "functions.", "5", "functions.f/../g", "functions.안"})
    EXPECT_EQ(lossy("<|channel|>commentary to=" + std::string(name) + "<|message|>{}<|call|>").back(),
              "assistant|||commentary||{}")
        << name;
  EXPECT_EQ(lossy("<|channel|>python is a language"), Lines{"assistant|||||python is a language"});
  EXPECT_EQ(lossy("<|channel|>commentary to=func"), Lines{});  // cut off
}

TEST(HarmonyLossy, OtherRoles) {
  EXPECT_EQ(lossy("<|channel|>final<|message|>x<|end|><|start|>User:<|message|>y"),
            (Lines{"assistant|||final||x", "user|||||y"}));
  EXPECT_EQ(lossy("<|channel|>final<|message|>x<|end|>user<|message|>y"),
            (Lines{"assistant|||final||x", "user|||||y"}));
  EXPECT_EQ(lossy("<|channel|>final<|message|>x<|end|>user\ny"), (Lines{"assistant|||final||x", "user|||||y"}));
  EXPECT_EQ(lossy("<|channel|>final<|message|>x<|end|><|start|>critic<|message|>y"),
            (Lines{"assistant|||final||x", "tool|critic||||y"}));
  EXPECT_EQ(lossy("<|channel|>final<|message|>x<|end|><|start|>f to=assistant<|channel|>commentary<|message|>y"),
            (Lines{"assistant|||final||x", "tool|f|assistant|commentary||y"}));
  EXPECT_EQ(lossy("<|channel|>final<|message|>x<|end|><|start|>Assistant<|channel|>final<|message|>y"),
            (Lines{"assistant|||final||x", "assistant|||final||y"}));
}

TEST(HarmonyLossy, OtherRolesInAnyScript) {
  const auto after_start = [](const std::string& text) {
    return lossy("<|channel|>final<|message|>x<|end|><|start|>" + text).at(1);
  };
  for (const char* name : {"usér", "“user”", "ｕｓｅｒ", "user…"})
    EXPECT_EQ(after_start(std::string(name) + "<|message|>y"), "user|||||y") << name;
  for (const char* name : {"사용자", "пользователь", "利用者", "Narrator"})
    for (const char* marker : {"<|message|>", "<|channel|>final<|message|>"})
      EXPECT_TRUE(after_start(name + std::string(marker) + "y").starts_with("tool|" + std::string(name) + "|")) << name;
  for (const char* name : {"аssistant", "assistánt", "“assistant”"})
    EXPECT_EQ(after_start(std::string(name) + "<|channel|>final<|message|>y"), "assistant|||final||y") << name;
  EXPECT_EQ(after_start("안녕 세상<|end|>"), "assistant|||||안녕 세상");
  EXPECT_EQ(after_start("Sorry.<|message|>y"), "assistant|||||Sorry.");
}

TEST(HarmonyLossy, TextGluedToTheRoleIsText) {
  for (const char* text : {"Four is it.", "I think.", "안녕", "four is it."})
    EXPECT_EQ(
        lossy("<|channel|>analysis<|message|>T.<|end|><|start|>assistant" + std::string(text) + "<|return|>").at(1),
        "assistant|||||" + std::string(text));
}

TEST(HarmonyLossy, AHeaderThatWasCutOffIsNothing) {
  for (const char* text :
       {"<|channel|>thou", "<|channel|>thoughtz", "<|channel|>finalx", "<|channel|>the", "<|channel|>사고",
        "<|channel|>commentary to=functions.", "<|channel|>commentary to=", "<|start|>cri", "<|start|>사용"})
    EXPECT_EQ(lossy(text), Lines{}) << text;
  EXPECT_EQ(lossy("thou"), Lines{"assistant|||||thou"});
}

/// The first of them was the answer "to=functions.f".
TEST(HarmonyLossy, AHeaderThatWasCutOffBehindItsRecipientCallsNobody) {
  for (const char* text : {" to=functions.f", " to=functions.f<|channel|>", " to=functions.f<|channel|>commentary",
                           "<|channel|>commentary to=functions.f", "<|channel|>commentary to=functions.f ",
                           "<|channel|>commentary to=functions.f json", "<|channel|>analysis to=python code",
                           "<|channel|>commentary to=functions.f <|constrain|>",
                           "<|channel|>commentary to=functions.f <|constrain|>json"}) {
    EXPECT_EQ(lossy(text), Lines{}) << text;
    EXPECT_EQ(lossy("<|channel|>analysis<|message|>hm<|end|><|start|>assistant" + std::string(text)),
              Lines{"assistant|||analysis||hm"})
        << text;
  }
  EXPECT_EQ(lossy(" to=functions.f<|return|>"), Lines{"assistant|||||to=functions.f"}) << "whole, and no header";
  EXPECT_EQ(lossy("to=x is how one writes it"), Lines{"assistant|||||to=x is how one writes it"});
}

TEST(HarmonyLossy, MarkersSpelledInText) {
  const auto tokens = builtin().encode(
      "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>x<|return|>");
  Parser parser(builtin(), Role::assistant, false);
  for (const Token token : tokens) ASSERT_TRUE(parser.push(token).ok());
  ASSERT_TRUE(parser.finish().ok());
  EXPECT_EQ(shown(parser.messages()), (Lines{"assistant|||analysis||hm", "assistant|||final||x"}));
  EXPECT_TRUE(parser.stopped());
  Parser prose(builtin(), Role::assistant, false);
  for (const Token token : builtin().encode("Use <|start|> and <|end|> so.")) ASSERT_TRUE(prose.push(token).ok());
  ASSERT_TRUE(prose.finish().ok());
  EXPECT_EQ(shown(prose.messages()), Lines{"assistant|||||Use <|start|> and <|end|> so."});
}

TEST(HarmonyLossy, TextStreamsAsSoonAsItCanBeNoHeader) {
  EXPECT_EQ(read("The answer is nine").at, (Lines{"", "The answer", " is", " nine", ""}));
  EXPECT_EQ(read("안녕하세요 여러분").at[0], "안");
  EXPECT_EQ(read("<|channel|>final\nNine it is").at, (Lines{"", "", "", "Nine", " it", " is", ""}));
  const Lines at = read("<|channel|>final one two three four five six").at;
  EXPECT_EQ(at[5], "one two three four");
  EXPECT_EQ(at[6], " five");
}

TEST(HarmonyLossy, StopsAndCuts) {
  EXPECT_TRUE(read("<|channel|>final<|message|>x<|call|>").stopped);
  EXPECT_FALSE(read("<|channel|>final<|message|>x<|end|>").stopped);
  EXPECT_EQ(lossy("<|channel|>fin"), Lines{});
  EXPECT_EQ(lossy("<|channel|>final<|return|>"), Lines{"assistant|||final||"});
  EXPECT_EQ(lossy("<|channel|>finalNine.<|return|>"), Lines{"assistant|||final||Nine."});
}

}  // namespace
}  // namespace mxpath::harmony
