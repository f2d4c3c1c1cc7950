#include "grammar/json_strings.h"

#include "grammar/grammar_for_test.h"

namespace mxpath::grammar {
namespace {

JsonText text_of(std::string_view bytes) {
  JsonText text;
  text.advance(bytes);
  return text;
}

TEST(JsonText, StringsAndWhiteSpaceAreFollowed) {
  using Place = JsonText::Place;
  EXPECT_EQ(text_of("{\"a").place, Place::in_string);
  EXPECT_EQ(text_of("{\"a\\").place, Place::behind_backslash);
  EXPECT_EQ(text_of("{\"a\\\"").place, Place::in_string);
  EXPECT_EQ(text_of("{\"a\\\\\"").place, Place::outside);
  EXPECT_EQ(text_of("{ \n").white, 2);
  EXPECT_EQ(text_of("{ \"  ").white, 0);
  EXPECT_TRUE(JsonText().advance("{\n\"a\": \"b\"\t}"));
  EXPECT_FALSE(JsonText().advance("\"a\tb\""));
  EXPECT_FALSE(JsonText().advance("\"a\\\n"));
}

TEST(JsonText, ControlCharactersStayOutOfStrings) {
  const Tokenizer& tokenizer = test_grammars()->tokenizer();
  const TokenTable table(tokenizer, test_vocab);
  const JsonStrings strings(table);
  const auto legal = [&](std::string_view before, std::string_view token) {
    TokenMask mask = table.ordinary();
    strings.keep_legal(text_of(before), mask);
    const std::vector<Token> ids = tokenizer.encode(token);
    EXPECT_EQ(ids.size(), 1u) << token;
    return allows(mask, ids[0]);
  };
  EXPECT_TRUE(legal("{", "\n"));
  EXPECT_FALSE(legal("{\"", "\n"));
  EXPECT_FALSE(legal("{\"", "\t"));
  EXPECT_TRUE(legal("{\"a\"", "\n"));
  EXPECT_TRUE(legal("{\"", "a"));
  EXPECT_FALSE(legal("{" + std::string(JsonStrings::most_white, ' '), "\n"));
  EXPECT_TRUE(legal("{" + std::string(JsonStrings::most_white, ' '), "}"));
  EXPECT_TRUE(legal("{\"" + std::string(JsonStrings::most_white, ' '), " a"));
}

}  // namespace
}  // namespace mxpath::grammar
