#include "base/random.h"
#include "chat/harmony.h"
#include "chat/harmony_test_support.h"

namespace mxpath::harmony {
namespace {

struct Parsed {
  Status status;
  std::vector<Message> messages;
  std::string deltas;
};

Parsed parse(const Tokenizer& tokenizer, std::span<const Token> tokens, std::optional<Role> role, bool strict) {
  Parser parser(tokenizer, role, strict);
  Parsed out;
  for (const Token token : tokens) {
    if (out.status = parser.push(token); !out.status.ok()) return out;
    out.deltas += parser.last_delta();
  }
  out.status = parser.finish();
  out.deltas += parser.last_delta();
  out.messages = parser.messages();
  return out;
}

std::vector<std::string> lossy(std::string_view completion, std::optional<Role> role = Role::assistant) {
  const auto parsed = parse(builtin(), builtin().encode_with_special(completion), role, false);
  EXPECT_TRUE(parsed.status.ok());
  return shown(parsed.messages);
}

// Ids beyond 31 bits exist in no vocabulary and become -1.
std::vector<Token> ids_from(const Json& list) {
  std::vector<Token> out;
  for (const Json& id : list) out.push_back(static_cast<Token>(id.get<int64_t>()));
  return out;
}

TEST(HarmonyParse, UpstreamCases) {
  const Json cases = read_json("harmony/harmony-cases.json")["parse_cases"];
  EXPECT_EQ(cases.size(), 23u);
  for (const Json& c : cases) {
    const auto ids = ids_from(c["input_token_ids"]);
    if (c.contains("input_text")) {
      EXPECT_EQ(builtin().encode_with_special(c["input_text"].get<std::string>()), ids) << c["name"];
    }
    const auto role = c["initial_role"].is_null() ? std::nullopt : parse_role(c["initial_role"].get<std::string>());
    const Parsed parsed = parse(builtin(), ids, role, c["strict"]);
    EXPECT_EQ(parsed.status.ok(), !c.contains("expected_error")) << c["name"];
    if (!parsed.status.ok()) continue;
    if (c.contains("expected_messages")) {
      EXPECT_EQ(shown(parsed.messages), shown(messages_from(c["expected_messages"]))) << c["name"];
    }
    if (c.contains("expected_message_count")) {
      EXPECT_EQ(parsed.messages.size(), c["expected_message_count"].get<size_t>()) << c["name"];
    }
    if (c.contains("expected_last_message")) {
      EXPECT_EQ(shown(parsed.messages.back()), shown(message_from(c["expected_last_message"])));
    }
    std::string contents;
    for (const Message& message : parsed.messages) contents += message.content;
    EXPECT_EQ(parsed.deltas, contents) << c["name"];
  }
}

TEST(HarmonyParse, UpstreamTokenFixtures) {
  for (const char* name : {"test_simple_reasoning_response", "test_simple_tool_call"}) {
    std::vector<Token> ids;
    std::string text = fixture(std::string(name) + ".txt");
    for (size_t at = 0; at < text.size();) {
      size_t used = 0;
      ids.push_back(std::stoi(text.substr(at), &used));
      at += used + 1;
    }
    const Parsed parsed = parse(builtin(), ids, Role::assistant, true);
    EXPECT_TRUE(parsed.status.ok());
    EXPECT_EQ(parsed.messages.size(), 2u);
  }
}

TEST(HarmonyParse, ParsedMessagesRenderBackToTheSameIds) {
  const auto ids = builtin().encode_with_special(
      "<|start|>assistant to=functions.get_weather<|channel|>commentary <|constrain|>json<|message|>{\"location\": "
      "\"Tokyo\"}<|call|>"
      "<|start|>functions.get_weather to=assistant<|channel|>commentary<|message|>sunny<|end|>");
  const Parsed parsed = parse(builtin(), ids, {}, true);
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.error().message;
  EXPECT_EQ(render(builtin(), parsed.messages, {}, DropAnalysis::never).value(), ids);
}

TEST(HarmonyParse, StateWhileStreaming) {
  Parser parser(builtin(), Role::assistant, true);
  EXPECT_EQ(parser.role(), Role::assistant);
  for (const Token id : builtin().encode_with_special("<|channel|>analysis to=python code<|message|>"))
    ASSERT_TRUE(parser.push(id).ok());
  EXPECT_TRUE(parser.in_content());
  EXPECT_EQ(parser.channel(), "analysis");
  EXPECT_EQ(parser.recipient(), "python");
  EXPECT_EQ(parser.content_type(), "code");
  ASSERT_TRUE(parser.push(31446).ok());
  EXPECT_EQ(parser.last_delta(), "");
  ASSERT_TRUE(parser.push(244).ok());
  EXPECT_EQ(parser.last_delta(), "\xf0\x9f\x92\x96");
  EXPECT_EQ(parser.content(), "\xf0\x9f\x92\x96");
  ASSERT_TRUE(parser.push(200012).ok());
  EXPECT_EQ(parser.content(), "");
  EXPECT_EQ(parser.role(), std::nullopt);
  ASSERT_EQ(parser.messages().size(), 1u);
  EXPECT_FALSE(parser.push(64).ok());
  EXPECT_TRUE(parser.push(200006).ok());  // an error changes nothing
}

TEST(HarmonyParse, CutCharacterAtTheEndIsPartOfTheLastDelta) {
  Parser parser(builtin(), {}, true);
  for (const Token id : {200006, 173781, 200008, 9552, 200007}) ASSERT_TRUE(parser.push(id).ok());
  EXPECT_EQ(parser.last_delta(), "\xef\xbf\xbd");
  EXPECT_EQ(parser.messages().back().content, " \xef\xbf\xbd");
  ASSERT_TRUE(parser.finish().ok());
  EXPECT_EQ(parser.last_delta(), "");
}

TEST(HarmonyParse, StrictErrors) {
  const char* bad[] = {"hello",
                       "<|start|>assistant",
                       "<|start|>assistant<|channel|><|message|>x<|end|>",
                       "<|start|>nobody<|message|>x<|end|>",
                       "<|start|><|message|>x<|end|>",
                       "<|start|>assistant one two three<|message|>x<|end|>",
                       "<|start|>assistant<|start|>assistant<|message|>x<|end|>",
                       "<|start|>assistant<|end|>",
                       "<|start|>assistant<|channel|>commentary to=assistant<|channel|>final<|message|>x<|end|>"};
  for (const char* text : bad)
    EXPECT_FALSE(parse(builtin(), builtin().encode_with_special(text), {}, true).status.ok()) << text;
  const std::vector<Token> undecodable = {200006, 173781, 201000, 200008};
  EXPECT_FALSE(parse(builtin(), undecodable, {}, true).status.ok());
}

TEST(HarmonyParse, StrictHeaders) {
  const auto strict = [](const char* text) {
    const Parsed parsed = parse(builtin(), builtin().encode_with_special(text), {}, true);
    return parsed.status.ok() ? shown(parsed.messages).at(0) : parsed.status.error().message;
  };
  EXPECT_EQ(strict("<|start|>user:alice<|message|>x<|end|>"), "user|alice||||x");
  EXPECT_EQ(strict("<|start|>python to=assistant<|channel|>commentary<|message|>x<|end|>"),
            "tool|python|assistant|commentary||x");
  EXPECT_EQ(strict("<|start|>assistant to=f.g abc<|channel|>analysis<|message|>x<|call|>"),
            "assistant||f.g|analysis|abc|x");
  EXPECT_EQ(strict("<|start|>assistant<|channel|>analysis lookup<|message|>x<|call|>"),
            "assistant||lookup|analysis||x");
  EXPECT_EQ(strict("<|start|>assistant<|channel|>final<|message|><|return|>"), "assistant|||final||");
}

using Lines = std::vector<std::string>;

TEST(HarmonyParseLossy, WhatModelsReallyWrite) {
  EXPECT_EQ(lossy("<|channel|>commentary to=assistant<|channel|>analysis<|message|>hm<|end|>"),
            Lines{"assistant|||analysis||hm"});
  EXPECT_EQ(lossy("<|channel|>final <|constrain|>json<|message|>{}<|return|>"),
            Lines{"assistant|||final|<|constrain|>json|{}"});
  EXPECT_EQ(lossy(" to=functions.f<|channel|>commentary<|constrain|>json<|message|>{}<|call|>"),
            Lines{"assistant||functions.f|commentary|<|constrain|>json|{}"});
  EXPECT_EQ(lossy("<|channel|>commentary to= functions.f json<|message|>{}<|call|>"),
            Lines{"assistant||functions.f|commentary|json|{}"});
  EXPECT_EQ(lossy("<|channel|>analysis to=functions.f one two<|message|>{}"),
            Lines{"assistant||functions.f|analysis|one two|{}"});
  EXPECT_EQ(lossy("<|channel|>commentary to=python <|constrain|>code<|message|>1+1<|call|>"),
            Lines{"assistant||python|commentary|<|constrain|>code|1+1"});
  EXPECT_EQ(lossy("<|channel|><|message|>x"), Lines{"assistant|||||x"});
}

TEST(HarmonyParseLossy, MissingPieces) {
  // no <|end|><|start|>assistant between two channels
  EXPECT_EQ(lossy("<|channel|>analysis<|message|>a<|channel|>final<|message|>b<|return|>"),
            (Lines{"assistant|||analysis||a", "assistant|||final||b"}));
  // no <|end|> before <|start|>, no <|start|> after <|end|>
  EXPECT_EQ(lossy("<|channel|>analysis<|message|>a<|start|>assistant<|channel|>final<|message|>b"),
            (Lines{"assistant|||analysis||a", "assistant|||final||b"}));
  EXPECT_EQ(lossy("<|channel|>analysis<|message|>a<|end|>assistant<|channel|>final<|message|>b"),
            (Lines{"assistant|||analysis||a", "assistant|||final||b"}));
  EXPECT_EQ(lossy("<|channel|>analysis<|message|>a<|end|><|message|>b"),
            (Lines{"assistant|||analysis||a", "assistant|||||b"}));
  // no <|message|> at all
  EXPECT_EQ(lossy("Just  text, two spaces."), Lines{"assistant|||||Just  text, two spaces."});
  EXPECT_EQ(lossy("<|channel|>commentary to=functions.f <|constrain|>json {\"a\": 1}<|call|>"),
            Lines{"assistant||functions.f|commentary|<|constrain|>json|{\"a\": 1}"});
  EXPECT_EQ(lossy("<|start|>assistant<|channel|>final<|message|>b"), Lines{"assistant|||final||b"});
  EXPECT_EQ(lossy("<|channel|>final<|message|>a<|message|>b<|end|><|end|><|return|><|endoftext|>"),
            Lines{"assistant|||final||ab"});
}

TEST(HarmonyParseLossy, RolesAndEmptiness) {
  EXPECT_EQ(lossy(""), Lines{});
  EXPECT_EQ(lossy("<|end|>"), Lines{});
  EXPECT_EQ(lossy("<|start|>assistant", {}), Lines{});
  EXPECT_EQ(lossy("<|start|>to=functions.f<|channel|>analysis<|message|>x", {}),
            Lines{"assistant||functions.f|analysis||x"});
  EXPECT_EQ(lossy("<|start|>functions.f<|message|>x<|end|>", {}), Lines{"tool|functions.f||||x"});
  EXPECT_EQ(lossy("<|start|>assistant Sorry.<|end|>", {}), Lines{"assistant|||||Sorry."});
  EXPECT_EQ(lossy("<|start|><|message|>x<|end|>", {}), Lines{"assistant|||||x"});
}

TEST(HarmonyParseLossy, UndecodableIds) {
  const std::vector<Token> ids = {200005, 17196, 200008, 64, 201087, -1, 65, 200002};
  const Parsed parsed = parse(builtin(), ids, Role::assistant, false);
  EXPECT_EQ(shown(parsed.messages), Lines{"assistant|||final||a\xef\xbf\xbd\xef\xbf\xbd"
                                          "b"});
}

// Any tokens at all: the lossy parser takes them, and its deltas are its contents.
TEST(HarmonyParseLossy, NeverFailsOnRandomTokens) {
  Random random(42);
  for (int i = 0; i < 2000; ++i) {
    std::vector<Token> ids;
    for (int64_t n = random.integer(0, 30); n > 0; --n)
      ids.push_back(
          static_cast<Token>(random.integer(0, 2) ? random.integer(199995, 200025) : random.integer(-2, 201100)));
    const Parsed parsed =
        parse(builtin(), ids, random.integer(0, 1) ? std::optional(Role::assistant) : std::nullopt, false);
    EXPECT_TRUE(parsed.status.ok());
    std::string contents;
    for (const Message& message : parsed.messages) contents += message.content;
    EXPECT_EQ(parsed.deltas, contents);
  }
}

TEST(HarmonyRoundTrip, SmallVocabularyToo) {
  const auto tokenizer = Tokenizer::from_json(small_tokenizer().dump(), "t.json").value();
  Message message;
  message.role = Role::assistant;
  message.channel = "commentary";
  message.recipient = "functions.abc";
  message.content_type = "<|constrain|>json";
  message.content = "abc \xec\x95\x88 <|end|>";
  const auto ids = render(*tokenizer, std::vector{message}, {}).value();
  EXPECT_EQ(ids.back(), tokenizer->special().call);
  const Parsed parsed = parse(*tokenizer, ids, {}, true);
  ASSERT_TRUE(parsed.status.ok());
  EXPECT_EQ(shown(parsed.messages), Lines{shown(message)});
}

}  // namespace
}  // namespace mxpath::harmony
