// What the tests of this folder share: the built-in vocabulary with grammars, and answers that choose at random.
#pragma once
#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "chat/harmony.h"
#include "grammar/answer_rules.h"
#include "grammar/token_table.h"

namespace mxpath::grammar {

inline constexpr int test_vocab = 201'088;  // rows of logits of gpt-oss

inline std::shared_ptr<Grammars> test_grammars() {
  static const std::shared_ptr<Grammars> grammars = [] {
    auto made = Grammars::create(Tokenizer::builtin().value(), test_vocab);
    EXPECT_TRUE(made.ok()) << made.error().message;
    return *made;
  }();
  return grammars;
}

inline Json json_of(std::string_view text) {
  auto json = parse_json(text, "test");
  EXPECT_TRUE(json.ok()) << json.error().message << " in " << text;
  return *json;
}

inline std::unique_ptr<AnswerGuide> guide_of(AnswerRules rules) {
  return AnswerGuide::create(test_grammars(), std::make_shared<AnswerRules>(std::move(rules)));
}

inline std::span<const uint32_t> mask_of(AnswerGuide& guide, std::span<const Token> answer) {
  return {guide.mask(answer), (test_vocab + 31) / 32};
}

/// Where a text in which markers stand for themselves leaves the mask: the place of the first token that is refused, or
/// -1. Each token is held against the mask before it.
inline int first_refused(AnswerGuide& guide, std::span<const Token> tokens) {
  for (size_t i = 0; i < tokens.size(); ++i)
    if (!allows(mask_of(guide, tokens.first(i)), tokens[i])) return static_cast<int>(i);
  return -1;
}
inline bool takes(AnswerGuide& guide, std::string_view text) {
  const std::vector<Token> tokens = test_grammars()->tokenizer().encode_with_special(text);
  return first_refused(guide, tokens) < 0;
}
inline bool takes(const AnswerRules& rules, std::string_view text) { return takes(*guide_of(rules), text); }

/// The tokens that may come behind a text.
inline std::vector<std::string> next_of(AnswerGuide& guide, std::string_view text, size_t most = 64) {
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  const std::vector<Token> tokens = tokenizer.encode_with_special(text);
  const std::span<const uint32_t> mask = mask_of(guide, tokens);
  std::vector<std::string> found;
  for (Token id = 0; id < test_vocab && found.size() < most; ++id)
    if (allows(mask, id)) found.push_back(tokenizer.decode_lossy({&id, 1}));
  return found;
}

inline size_t count_of(std::span<const uint32_t> mask) {
  size_t count = 0;
  for (const uint32_t word : mask) count += std::popcount(word);
  return count;
}

/// A random token that the mask allows; -1: none.
inline Token any_of(std::span<const uint32_t> mask, Random& random) {
  const size_t count = count_of(mask);
  if (count == 0) return -1;
  size_t left = random.next() % count;
  for (size_t word = 0; word < mask.size(); ++word) {
    const size_t here = std::popcount(mask[word]);
    if (left >= here) {
      left -= here;
      continue;
    }
    uint32_t bits = mask[word];
    for (; left > 0; --left) bits &= bits - 1;
    return static_cast<Token>(word * 32 + std::countr_zero(bits));
  }
  return -1;
}

/// An answer that takes a random token at each place and, after `wild` of them, what closes wherever that may come.
struct RandomAnswer {
  std::vector<Token> tokens;
  bool ended = false;
};
inline RandomAnswer random_answer(AnswerGuide& guide, Random& random, size_t wild, size_t longest = 600) {
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  const SpecialTokens& special = tokenizer.special();
  std::vector<Token> closing{special.return_, special.call, special.end};
  for (const char* text : {"\"", "}", "]", ":", ","}) closing.push_back(tokenizer.encode(text).at(0));
  RandomAnswer answer;
  while (answer.tokens.size() < longest) {
    const std::span<const uint32_t> mask = mask_of(guide, answer.tokens);
    Token token = any_of(mask, random);
    const bool closes = answer.tokens.size() > wild || random.uniform() < 0.1;
    for (size_t i = 0; closes && i < closing.size(); ++i) {
      if (!allows(mask, closing[i])) continue;
      token = closing[i];
      break;
    }
    EXPECT_GE(token, 0) << "nothing may come behind " << tokenizer.decode_lossy(answer.tokens);
    if (token < 0) break;
    answer.tokens.push_back(token);
    answer.ended = token == special.return_ || token == special.call;
    if (answer.ended) break;
  }
  return answer;
}

/// The messages of an answer as harmony's strict parser reads them.
inline std::vector<harmony::Message> messages_of(std::span<const Token> answer) {
  harmony::Parser parser(test_grammars()->tokenizer(), harmony::Role::assistant, true);
  for (const Token token : answer) {
    const Status status = parser.push(token);
    EXPECT_TRUE(status.ok()) << status.error().message << " in " << test_grammars()->tokenizer().decode_lossy(answer);
  }
  EXPECT_TRUE(parser.finish().ok());
  return parser.messages();
}

}  // namespace mxpath::grammar
