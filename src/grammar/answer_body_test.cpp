// Bodies that a schema, a pattern or a grammar allows.
#include <fmt/format.h>

#include "grammar/grammar_for_test.h"
#include "grammar/satisfies_for_test.h"

namespace mxpath::grammar {
namespace {

class Bodies : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_grammars()) GTEST_SKIP() << "this build has no grammars";
  }
};

BodyPtr body_of(const Json& schema) {
  std::vector<std::string> warnings;
  const auto body = test_grammars()->json_schema(schema, true, &warnings);
  EXPECT_TRUE(body.ok()) << body.error().sentence;
  EXPECT_TRUE(warnings.empty());
  return body.ok() ? *body : nullptr;
}

AnswerRules answer_by(BodyPtr body, bool skip = false) {
  AnswerRules rules;
  rules.final_body = std::move(body);
  rules.skip_reasoning = skip;
  return rules;
}

constexpr const char* weather = R"({"type":"object","properties":{"city":{"type":"string","minLength":1,"maxLength":8},
  "days":{"type":"integer","minimum":1,"maximum":14},"unit":{"enum":["C","F"]}},"required":["city","days"]})";

const char* const schemas[] = {
    weather,
    R"({"type":"object","properties":{"a":{"type":["string","null"]},"b":{"type":"array","items":{"type":"number"},
        "minItems":1,"maxItems":3}},"required":["a","b"],"additionalProperties":false})",
    R"({"anyOf":[{"type":"integer","multipleOf":7},{"type":"array","prefixItems":[{"const":"x"},{"type":"boolean"}],
        "items":false,"minItems":2}]})",
    R"({"$defs":{"tree":{"type":"object","properties":{"value":{"type":"boolean"},"left":{"anyOf":[{"type":"null"},
        {"$ref":"#/$defs/tree"}]}},"required":["value","left"]}},"$ref":"#/$defs/tree"})",
    R"({"type":"object","additionalProperties":{"type":"integer","exclusiveMinimum":-3,"exclusiveMaximum":3},
        "maxProperties":1})",
    R"({"enum":["a\"b","\u00e9\n",{"k":[1,null]},-1]})",
    R"({"type":"number","minimum":-1,"maximum":0.5})",
};

TEST_F(Bodies, RandomAnswersSatisfyTheirSchema) {
  for (const char* text : schemas) {
    const Json schema = json_of(text);
    AnswerRules rules = answer_by(body_of(schema));
    rules.reasoning_budget = 5;
    const auto guide = guide_of(rules);
    Random random(3);
    for (int i = 0; i < 12; ++i) {
      const RandomAnswer answer = random_answer(*guide, random, 25);
      ASSERT_TRUE(answer.ended) << text << "\n" << test_grammars()->tokenizer().decode_lossy(answer.tokens);
      const auto messages = messages_of(answer.tokens);
      ASSERT_FALSE(messages.empty());
      EXPECT_EQ(messages.back().channel, "final");
      const auto value = parse_json(messages.back().content, "answer");
      ASSERT_TRUE(value.ok()) << value.error().message << "\n" << messages.back().content;
      EXPECT_TRUE(satisfies(*value, schema, schema)) << text << "\n" << messages.back().content;
    }
  }
}

TEST_F(Bodies, RandomCallsSatisfyTheirSchema) {
  AnswerRules rules;
  const Json first = json_of(weather);
  rules.calls = {{.recipient = "functions.weather", .arguments = body_of(first)},
                 {.recipient = "functions.any", .arguments = test_grammars()->any_json_object().value()}};
  rules.call_required = true;
  rules.reasoning_budget = 4;
  const auto guide = guide_of(rules);
  Random random(5);
  for (int i = 0; i < 40; ++i) {
    const RandomAnswer answer = random_answer(*guide, random, 30);
    ASSERT_TRUE(answer.ended) << test_grammars()->tokenizer().decode_lossy(answer.tokens);
    EXPECT_EQ(answer.tokens.back(), test_grammars()->tokenizer().special().call);
    const harmony::Message call = messages_of(answer.tokens).back();
    const Json arguments = Json::parse(call.content, nullptr, false);
    ASSERT_TRUE(arguments.is_object()) << call.content;
    if (call.recipient == "functions.weather") EXPECT_TRUE(satisfies(arguments, first, first)) << call.content;
    else EXPECT_EQ(call.recipient, "functions.any");
  }
}

TEST_F(Bodies, TheAnswerEndsOnlyWhenItIsComplete) {
  const auto guide = guide_of(answer_by(body_of(json_of(weather))));
  const std::string head = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>";
  EXPECT_TRUE(takes(*guide, head + R"({"city": "Oslo", "days": 3}<|return|>)"));
  EXPECT_TRUE(takes(*guide, head + "{\n  \"city\": \"Oslo\",\n  \"days\": 3,\n  \"unit\": \"C\"\n}<|return|>"));
  for (const char* text :
       {"<|return|>", "{<|return|>", R"({"city": "Oslo"})", R"({"days")", R"({"city": "Oslo", "days": 15)",
        R"({"city": "Oslo", "days": 3<|return|>)", R"({"city": "Reykjavik")", "{}", "[", "Oslo",
        R"({"city": "Oslo", "days": 3} )", R"({"city": "Oslo", "days": 3}<|end|>)",
        R"({"city": "Oslo", "days": 3, "other")", R"({"city": "<|call|>)"})
    EXPECT_FALSE(takes(*guide, head + text)) << text;
  // Nobody is told anything but by the schema, and reasoning is free.
  EXPECT_FALSE(takes(*guide, "<|channel|>commentary"));
  EXPECT_TRUE(takes(*guide, "<|channel|>analysis<|message|>{]"));
  EXPECT_TRUE(takes(answer_by(body_of(json_of(weather)), true), R"({"city": "Oslo", "days": 3}<|return|>)"));
}

TEST_F(Bodies, WhiteSpaceEndsSomewhere) {
  const auto guide = guide_of(answer_by(body_of(json_of(weather)), true));
  EXPECT_TRUE(takes(*guide, "{\n" + std::string(20, ' ') + "\"city"));
  EXPECT_FALSE(takes(*guide, "{" + std::string(200, '\n')));
}

TEST_F(Bodies, APatternIsSearchedForAsSchemasWant) {
  const auto guide = guide_of(answer_by(body_of(json_of(R"({"type":"string","pattern":"^[A-Z]{2}-"})")), true));
  EXPECT_TRUE(takes(*guide, "\"AB-\"<|return|>"));
  EXPECT_TRUE(takes(*guide, "\"AB-more of it, 1\"<|return|>"));
  EXPECT_FALSE(takes(*guide, "\"A-\""));
  EXPECT_FALSE(takes(*guide, "\"AB-\"x"));
  const auto format = guide_of(answer_by(body_of(json_of(R"({"type":"string","format":"date"})")), true));
  EXPECT_TRUE(takes(*format, "\"2026-11-30\"<|return|>"));
  EXPECT_FALSE(takes(*format, "\"2026-13"));
}

TEST_F(Bodies, CustomToolsTakeTextByAPatternOrAGrammar) {
  const auto regex = test_grammars()->regex("(GET|PUT) /[a-z]+");
  ASSERT_TRUE(regex.ok()) << regex.error().sentence;
  AnswerRules rules;
  rules.calls = {{.recipient = "functions.http", .arguments = *regex, .json = false}};
  const std::string head = "<|channel|>commentary to=functions.http<|message|>";
  EXPECT_TRUE(takes(rules, head + "PUT /abc<|call|>"));
  EXPECT_FALSE(takes(rules, head + "PUT /<|call|>"));
  EXPECT_FALSE(takes(rules, head + "POST"));
  const auto lark = test_grammars()->lark("start: \"a\" b+\nb: \"b\" | \"(\" start \")\"\n");
  ASSERT_TRUE(lark.ok()) << lark.error().sentence;
  rules.calls[0].arguments = *lark;
  EXPECT_TRUE(takes(rules, head + "ab(ab)<|call|>"));
  EXPECT_FALSE(takes(rules, head + "ab(ab<|call|>"));
}

TEST_F(Bodies, WhatIsNoPatternOrGrammarIsRefused) {
  Grammars& grammars = *test_grammars();
  for (const char* pattern : {"(", "[a", "a{3,1}", "*"}) EXPECT_FALSE(grammars.regex(pattern).ok()) << pattern;
  EXPECT_FALSE(grammars.regex(std::string(2000, '(') + std::string(2000, ')')).ok());
  EXPECT_FALSE(grammars.regex(std::string(40'000, 'a')).ok());
  for (const char* grammar : {"", "start: b", "start \"a\"", "other: \"a\"", "start: start", "start: start+",
                              "start: (start)~2", "start: b\nb: c*\nc: start{2}", "start: start \"a\""})
    EXPECT_FALSE(grammars.lark(grammar).ok()) << grammar;
}

TEST_F(Bodies, SchemasAreRefusedWithTheirPlace) {
  Grammars& grammars = *test_grammars();
  std::vector<std::string> warnings;
  const Json multiple = json_of(R"({"type":"object","properties":{"a":{"type":"number","multipleOf":0.1}}})");
  const auto strict = grammars.json_schema(multiple, true, &warnings);
  ASSERT_FALSE(strict.ok());
  EXPECT_EQ(strict.error().pointer, "/properties/a/multipleOf");
  EXPECT_EQ(strict.error().keyword, "multipleOf");
  EXPECT_FALSE(strict.error().busy);
  EXPECT_TRUE(grammars.json_schema(multiple, false, &warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("multipleOf"), std::string::npos) << warnings[0];
  // What only the compiler finds out: branches that overlap, and what no value satisfies.
  const Json overlap = json_of(R"({"oneOf":[{"type":"integer"},{"type":"number","minimum":3}]})");
  const auto one_of = grammars.json_schema(overlap, true, nullptr);
  ASSERT_FALSE(one_of.ok());
  EXPECT_EQ(one_of.error().keyword, "oneOf");
  EXPECT_TRUE(grammars.json_schema(overlap, false, nullptr).ok());
  for (const char* none :
       {R"({"type":"integer","minimum":3,"maximum":2})", R"({"$ref":"#"})", R"({"anyOf":[{"$ref":"#"}]})", "false"})
    EXPECT_FALSE(grammars.json_schema(json_of(none), false, nullptr).ok()) << none;
}

TEST_F(Bodies, AFaultOfAPatternCountsInWhatTheCallerWrote) {
  Grammars& grammars = *test_grammars();
  const auto regex = grammars.regex("ab)");
  ASSERT_FALSE(regex.ok());
  EXPECT_EQ(regex.error().sentence,
            "the pattern cannot be compiled: a ')' closes no group, at character 3; leave it out, or write \\) for the "
            "character itself");
  EXPECT_EQ(regex.error().keyword, "definition");
  const auto lark = grammars.lark("start: b");
  ASSERT_FALSE(lark.ok());
  EXPECT_EQ(
      lark.error().sentence,
      "the grammar cannot be compiled: \"b\" is used and nowhere defined, at line 1, column 8; define it, or write "
      "it in quotation marks as a text");
  EXPECT_EQ(lark.error().keyword, "definition");
  const auto schema = grammars.json_schema(
      json_of(R"x({"properties":{"a":{"type":"string","pattern":"a"},"b":{"type":"string","pattern":"ab)"}}})x"), true,
      nullptr);
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(
      schema.error().sentence,
      "pattern cannot be compiled: a ')' closes no group, at character 3 (in property \"b\"); leave it out, or write "
      "\\) for the character itself");
  EXPECT_EQ(schema.error().pointer, "/properties/b/pattern");
}

// Sentences of the compiler came to the caller as they were, about rules and positions of its own making.
TEST_F(Bodies, EveryFaultIsInOurWords) {
  Grammars& grammars = *test_grammars();
  std::vector<std::string> said;
  for (const char* pattern : {"(", "[a", "a{3,1}", "*", "a**", "[]", "a{x}", "\\1", "\\p{L}", "a\\b", "(?=a)b",
                              "(?<=a)b", "(?i)a", "a^b", "a$b", "\\", "\\u00", "(?", "[z-a]"})
    if (const auto body = grammars.regex(pattern); !body.ok()) said.push_back(body.error().sentence);
  for (const char* grammar :
       {"", "start: b", "start \"a\"", "other: \"a\"", "start: start", "start: \"a", "start: (\"a\"",
        "start: /a/ ~ 3..1", "start: A\nA: A", "start: A\nA: b\nb: \"c\"", "%import common.NOTHING",
        "start: \"a\"\nstart: \"b\"", "start: <|end|>", "start: \"z\"..\"a\"", "start{x}: x"})
    if (const auto body = grammars.lark(grammar); !body.ok()) said.push_back(body.error().sentence);
  for (const char* schema :
       {R"({"type":"integer","minimum":3,"maximum":2})", "false", R"({"type":"string","pattern":"(?=a)b"})",
        R"({"oneOf":[{"type":"integer"},{"type":"number","minimum":3}]})", R"({"$ref":"#/$defs/none"})",
        R"({"type":"array","minItems":3,"maxItems":2})", R"({"type":"string","minLength":3,"maxLength":1})"})
    if (const auto body = grammars.json_schema(json_of(schema), true, nullptr); !body.ok())
      said.push_back(body.error().sentence);
  EXPECT_GT(said.size(), 30u);
  for (const std::string& sentence : said) {
    for (const char* raw : {"not supported yet", "parsing", "EBNF", "Lark", "Regex", "regex", "rule_", "Unmatched",
                            "Invalid", "expected ", "xgrammar", "\\x0a"})
      EXPECT_EQ(sentence.find(raw), sentence.npos) << sentence;
    EXPECT_EQ(sentence.find("what answers cannot be held to"), sentence.npos) << "nobody has named this fault";
    EXPECT_TRUE(sentence.find("cannot be") == sentence.npos || sentence.find("; ") != sentence.npos) << sentence;
  }
}

TEST_F(Bodies, AForkIsToldItsOwnTokens) {
  const auto guide = guide_of(answer_by(body_of(json_of(weather)), true));
  EXPECT_FALSE(takes(*guide, R"({"city": "Oslo", "days": 3, "unit": "K)"));
  EXPECT_TRUE(takes(*guide, R"({"city": "Oslo", "days": 3, "unit": "C"}<|return|>)"));
  EXPECT_TRUE(takes(*guide, R"({"city": "Rome", "days": 4}<|return|>)"));
  EXPECT_TRUE(takes(*guide, R"({"city": "Rome")"));
  EXPECT_FALSE(takes(*guide, R"({"city": "Rome"})"));
}

TEST_F(Bodies, BansThatLeaveNothingEndNoObjectEarly) {
  AnswerRules rules = answer_by(test_grammars()->any_json_object().value(), true);
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  const Token open = tokenizer.encode("{").at(0);
  for (Token id = 0; id < test_vocab; ++id)
    if (id != open) rules.never.push_back(id);
  const auto guide = guide_of(rules);
  EXPECT_EQ(next_of(*guide, ""), (std::vector<std::string>{"{"}));
  EXPECT_TRUE(next_of(*guide, "{").empty());
}

TEST_F(Bodies, MasksAreFast) {
  const auto guide = guide_of(answer_by(body_of(json_of(weather)), true));
  const std::vector<Token> tokens =
      test_grammars()->tokenizer().encode("{\n  \"city\": \"Oslo\",\n  \"days\": 3,\n  \"unit\": \"C\"\n}");
  double best = 1;
  for (int round = 0; round < 5; ++round) {
    const auto [before, masks_before] = guide->cost();
    ASSERT_EQ(first_refused(*guide, tokens), -1);
    const auto [after, masks_after] = guide->cost();
    best = std::min(best, (after - before) / static_cast<double>(masks_after - masks_before));
  }
  fmt::print("[ benchmark] {:.1f} us a mask of a body by a schema\n", best * 1e6);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
  const double most = 5e-3;
#else
  const double most = 100e-6;
#endif
  EXPECT_LE(best, most);
}

TEST(NoGrammars, ASchemaIsRefusedInABuildWithoutThem) {
  if (has_grammars()) GTEST_SKIP() << "this build has grammars";
  const auto body = test_grammars()->any_json_object();
  ASSERT_FALSE(body.ok());
  EXPECT_NE(body.error().sentence.find("this build has no grammars"), std::string::npos);
  EXPECT_FALSE(test_grammars()->json_schema(Json::object(), false, nullptr).ok());
  EXPECT_FALSE(test_grammars()->regex("a").ok());
  EXPECT_FALSE(test_grammars()->lark("start: \"a\"").ok());
}

}  // namespace
}  // namespace mxpath::grammar
