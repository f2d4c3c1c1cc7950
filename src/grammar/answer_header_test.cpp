// Headers that may come and that may not, under every rule; no schema is needed for these.
#include <algorithm>

#include "grammar/grammar_for_test.h"

namespace mxpath::grammar {
namespace {

AnswerRules two_functions() {
  AnswerRules rules;
  rules.calls = {{.recipient = "functions.get", .arguments = nullptr},
                 {.recipient = "functions.get_weather", .arguments = nullptr},
                 {.recipient = "python", .arguments = nullptr, .json = false}};
  return rules;
}

TEST(AnswerHeaders, EveryOrderOfItsPartsIsLegal) {
  const AnswerRules rules = two_functions();
  for (const char* text :
       {"<|channel|>final<|message|>Hi<|return|>", "<|channel|>analysis<|message|>Hm.<|end|>",
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
        "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>analysis<|message|>",
        "<|channel|>commentary to=functions.get<|message|>{}<|call|>",
        "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{\"a\": 1}<|call|>",
        "<|channel|>commentary to=functions.get_weather<|constrain|>json<|message|>{}<|call|>",
        "<|channel|>commentary to=functions.get json<|message|>{}<|call|>",
        "<|channel|>analysis to=functions.get <|constrain|>json<|message|>{}<|call|>",
        " to=functions.get<|channel|>commentary <|constrain|>json<|message|>{}<|call|>",
        " to=functions.get_weather<|channel|>analysis<|message|>{}<|call|>",
        "<|channel|>analysis to=python<|message|>print(1)<|call|>"})
    EXPECT_TRUE(takes(rules, text)) << text;
}

TEST(AnswerHeaders, NothingElseIsLegal) {
  const AnswerRules rules = two_functions();
  for (const char* text : {"Hi",
                           "<|message|>Hi",
                           "<|start|>",
                           "<|return|>",
                           "<|channel|>thoughts",
                           "<|channel|>finally",
                           "<|channel|><|message|>",
                           "<|channel|>final json<|message|>",
                           "<|channel|>final <|constrain|>json<|message|>",
                           "<|channel|>final to=functions.get",
                           "<|channel|>commentary to=functions.post",
                           "<|channel|>commentary to=all",
                           "<|channel|>commentary to=functions.get_<|message|>",
                           "<|channel|>analysis code<|message|>",
                           "<|channel|>commentary to=functions.get code",
                           "<|channel|>commentary to=functions.get to=functions.get",
                           " to=functions.get<|message|>",
                           " to=functions.get<|channel|>final",
                           " to=functions.get<|channel|>commentary to=",
                           "<|channel|>analysis to=python json<|message|>",
                           "<|channel|>final<|message|>Hi<|end|>",
                           "<|channel|>final<|message|>Hi<|call|>",
                           "<|channel|>analysis<|message|>a<|return|>",
                           "<|channel|>analysis<|message|>a<|channel|>",
                           "<|channel|>analysis<|message|>a<|end|>b",
                           "<|channel|>analysis<|message|>a<|end|><|start|>user",
                           "<|channel|>analysis<|message|>a<|end|><|start|>functions.get",
                           "<|channel|>final<|message|><|endoftext|>",
                           "<|channel|>commentary<|message|>I<|call|>",
                           "<|channel|>commentary to=functions.get<|message|>{}<|end|>",
                           "<|channel|>commentary to=functions.get<|message|>{}<|return|>"})
    EXPECT_FALSE(takes(rules, text)) << text;
}

TEST(AnswerHeaders, AnyTokensThatSpellTheTextAreLegal) {
  const auto guide = guide_of(two_functions());
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  std::vector<Token> tokens{tokenizer.special().channel};
  for (const char c : std::string_view("commentary to=functions.get_weather json"))
    tokens.push_back(tokenizer.encode(std::string(1, c)).at(0));
  tokens.push_back(tokenizer.special().message);
  EXPECT_EQ(first_refused(*guide, tokens), -1);

  EXPECT_EQ(next_of(*guide, "<|channel|>final"), (std::vector<std::string>{"<|message|>"}));
  const std::vector<std::string> first = next_of(*guide, "<|channel|>");
  for (const char* word : {"f", "fin", "final", "analysis", "comment"})
    EXPECT_TRUE(std::find(first.begin(), first.end(), word) != first.end()) << word;
  for (const char* word : {"finals", "g", " final", "<|message|>"})
    EXPECT_TRUE(std::find(first.begin(), first.end(), word) == first.end()) << word;
}

TEST(AnswerHeaders, WhoeverMayNotBeCalledCannotBeNamed) {
  AnswerRules none = two_functions();
  none.calls_allowed = false;
  EXPECT_TRUE(takes(none, "<|channel|>commentary<|message|>a<|end|>"));
  EXPECT_FALSE(takes(none, " to"));
  EXPECT_FALSE(takes(none, "<|channel|>commentary to=functions.get"));
  EXPECT_FALSE(takes(AnswerRules(), "<|channel|>analysis to="));
  none.call_required = true;  // by nobody: then it cannot be
  EXPECT_TRUE(takes(none, "<|channel|>final<|message|>a<|return|>"));
}

TEST(AnswerHeaders, ARequiredCallComesAfterOnePreambleAtTheLatest) {
  AnswerRules rules = two_functions();
  rules.call_required = true;
  EXPECT_FALSE(takes(rules, "<|channel|>final"));
  EXPECT_TRUE(takes(rules, "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b"));
  EXPECT_FALSE(takes(rules, "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final"));
  const std::string preamble = "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant";
  EXPECT_TRUE(takes(rules, preamble + "<|channel|>commentary to=functions.get<|message|>{}<|call|>"));
  EXPECT_TRUE(takes(rules, preamble + " to=python<|channel|>analysis<|message|>1<|call|>"));
  EXPECT_FALSE(takes(rules, preamble + "<|channel|>commentary<|message|>"));
  EXPECT_FALSE(takes(rules, preamble + "<|channel|>analysis<|message|>"));
  EXPECT_FALSE(takes(rules, preamble + "<|channel|>final"));
}

TEST(AnswerHeaders, ANamedFunctionIsTheOnlyOne) {
  AnswerRules rules;
  rules.calls = {{.recipient = "functions.get_weather", .arguments = nullptr}};
  rules.call_required = true;
  EXPECT_TRUE(takes(rules, "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{}<|call|>"));
  EXPECT_FALSE(takes(rules, "<|channel|>commentary to=functions.get<|message|>"));
}

TEST(AnswerBudget, ReasoningEndsWhenItIsSpent) {
  AnswerRules rules = two_functions();
  rules.reasoning_budget = 3;
  const auto guide = guide_of(rules);
  using Words = std::vector<std::string>;
  EXPECT_GT(next_of(*guide, "<|channel|>analysis<|message|>a b").size(), 60u);
  EXPECT_EQ(next_of(*guide, "<|channel|>analysis<|message|>a b c"), Words{"<|end|>"});
  EXPECT_EQ(next_of(*guide, "<|channel|>analysis<|message|>a b c<|end|>"), Words{"<|start|>"});
  EXPECT_EQ(next_of(*guide, "<|channel|>analysis<|message|>a b c<|end|><|start|>assistant"), Words{"<|channel|>"});
  const std::string spent = "<|channel|>analysis<|message|>a b c<|end|><|start|>assistant<|channel|>";
  EXPECT_FALSE(takes(*guide, spent + "analysis"));
  EXPECT_FALSE(takes(*guide, spent + "commentary"));
  EXPECT_TRUE(takes(*guide, spent + "final<|message|>d e f g h<|return|>"));
  // It counts over several messages.
  EXPECT_EQ(
      next_of(*guide, "<|channel|>analysis<|message|>a b<|end|><|start|>assistant<|channel|>analysis<|message|>c"),
      Words{"<|end|>"});
}

TEST(AnswerBudget, ACallThatIsRequiredStillComes) {
  AnswerRules rules = two_functions();
  rules.reasoning_budget = 0;
  EXPECT_FALSE(takes(rules, "<|channel|>analysis<|message|>"));
  EXPECT_TRUE(takes(rules, "<|channel|>final<|message|>a<|return|>"));
  EXPECT_FALSE(takes(rules, "<|channel|>commentary"));
  rules.call_required = true;
  EXPECT_FALSE(takes(rules, "<|channel|>final"));
  EXPECT_TRUE(takes(rules, "<|channel|>commentary to=functions.get<|message|>{}<|call|>"));
}

TEST(AnswerGuide, SkippedReasoningBeginsInTheAnswer) {
  AnswerRules rules;
  rules.skip_reasoning = true;
  EXPECT_TRUE(takes(rules, "Hello, world<|return|>"));
  EXPECT_FALSE(takes(rules, "<|channel|>"));
  EXPECT_FALSE(takes(rules, "Hello<|end|>"));
}

TEST(AnswerGuide, ARequiredCallComesWithoutReasoningToo) {
  AnswerRules rules = two_functions();
  rules.skip_reasoning = true;
  EXPECT_TRUE(rules.begins_in_final());  // calls are allowed, but the answer has begun
  EXPECT_TRUE(takes(rules, "Hello<|return|>"));
  rules.call_required = true;
  EXPECT_FALSE(rules.begins_in_final());
  EXPECT_TRUE(takes(rules, "<|channel|>commentary to=functions.get<|message|>{}<|call|>"));
  for (const char* text :
       {"Hello", "<|channel|>final", "<|channel|>analysis<|message|>", "<|channel|>commentary<|message|>"})
    EXPECT_FALSE(takes(rules, text)) << text;
  rules.calls.clear();  // by nobody: then it cannot be, and the answer still begins at a header
  EXPECT_TRUE(takes(rules, "<|channel|>final<|message|>Hello<|return|>"));
  EXPECT_FALSE(takes(rules, "<|channel|>analysis"));
}

TEST(AnswerGuide, WhatMayNeverComeNeverComes) {
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  AnswerRules rules;
  rules.never = {tokenizer.encode("hello").at(0), -5, 999'999};
  EXPECT_FALSE(takes(rules, "<|channel|>final<|message|>hello"));
  EXPECT_TRUE(takes(rules, "<|channel|>final<|message|>hell<|return|>"));
  // Where nothing is left, nothing is: in a header, in a body, and at the beginning.
  rules.never = {tokenizer.special().message};
  EXPECT_TRUE(next_of(*guide_of(rules), "<|channel|>final").empty());
  for (Token id = 0; id < test_vocab; ++id) rules.never.push_back(id);
  EXPECT_TRUE(next_of(*guide_of(rules), "").empty());
  rules.skip_reasoning = true;
  EXPECT_TRUE(next_of(*guide_of(rules), "a").empty());
}

TEST(AnswerGuide, RawTextHasNoHeaders) {
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  AnswerRules rules = two_functions();
  rules.harmony = false;
  rules.call_required = true;
  rules.never = {tokenizer.encode("hello").at(0), tokenizer.special().call};
  const auto guide = guide_of(rules);
  for (const char* text : {"", "a", "<|return|>", "<|channel|>final", "<|endoftext|>"}) {
    const auto mask = mask_of(*guide, tokenizer.encode_with_special(text));
    EXPECT_EQ(count_of(mask), static_cast<size_t>(tokenizer.special().largest) + 1 - 2) << text;
    EXPECT_FALSE(allows(mask, rules.never[0]) || allows(mask, rules.never[1])) << text;
    EXPECT_FALSE(allows(mask, tokenizer.special().largest + 1)) << text;
  }
}

TEST(AnswerGuide, IdsWithoutATextNeverCome) {
  const auto guide = guide_of(two_functions());
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  const SpecialTokens& special = tokenizer.special();
  const std::vector<Token> body = tokenizer.encode_with_special("<|channel|>analysis<|message|>a");
  const auto mask = mask_of(*guide, body);
  for (Token id = 0; id < static_cast<Token>(mask.size() * 32); ++id) {
    const bool ordinary = id <= special.largest && !tokenizer.is_special(id) && tokenizer.token_bytes(id).ok();
    ASSERT_EQ(allows(mask, id), ordinary || id == special.end) << id;
  }
}

TEST(AnswerGuide, AnAnswerMayBeToldAgainOrFork) {
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  const auto guide = guide_of(two_functions());
  const std::string common = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>";
  EXPECT_TRUE(takes(*guide, common + "final<|message|>x"));
  EXPECT_TRUE(takes(*guide, common + "commentary to=functions.get<|message|>"));
  EXPECT_TRUE(takes(*guide, common));
  EXPECT_EQ(next_of(*guide, "<|channel|>final"), (std::vector<std::string>{"<|message|>"}));
  // Behind its end, and behind what was not allowed, a mask is not empty.
  for (const char* text : {"<|channel|>final<|message|>x<|return|>", "<|message|>?"})
    EXPECT_GT(count_of(mask_of(*guide, tokenizer.encode_with_special(text))), 0u) << text;
  EXPECT_GT(guide->cost().first, 0);
  EXPECT_GT(guide->cost().second, 10);
}

TEST(AnswerGuide, RandomAnswersWithoutSchemasAreHarmony) {
  for (const bool required : {false, true}) {
    AnswerRules rules = two_functions();
    rules.call_required = required;
    rules.reasoning_budget = 20;
    const auto guide = guide_of(rules);
    Random random(required ? 7 : 8);
    for (int i = 0; i < 25; ++i) {
      const RandomAnswer answer = random_answer(*guide, random, 60);
      ASSERT_TRUE(answer.ended);
      const auto messages = messages_of(answer.tokens);
      ASSERT_FALSE(messages.empty());
      const bool called = !messages.back().recipient.empty();
      EXPECT_TRUE(called || !required);
      EXPECT_TRUE(called || messages.back().channel == "final");
    }
  }
}

TEST(Grammars, AVocabularyWithoutHarmonyIsRefused) {
  EXPECT_FALSE(Grammars::create(Tokenizer::builtin().value(), 1000).ok());
  EXPECT_FALSE(Grammars::create(Tokenizer::builtin().value(), 0).ok());
}

}  // namespace
}  // namespace mxpath::grammar
