#include "app/reports/answer_pattern.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mxpath {
namespace {

/// gcc 12 warns of a string with another behind it, wrongly.
std::string many_a(size_t count, char last) {
  std::string text(count, 'a');
  text.push_back(last);
  return text;
}

bool is_in(std::string_view pattern, std::string_view text) {
  return AnswerPattern::compile(pattern).value().is_in(text).value();
}

TEST(AnswerPattern, SearchesAnywhere) {
  EXPECT_TRUE(is_in(R"(x = 12(?![\d/]))", "so x = 12."));
  EXPECT_FALSE(is_in(R"(x = 12(?![\d/]))", "so x = 123."));
  EXPECT_FALSE(is_in("^b", "a\nb"));
  EXPECT_TRUE(is_in("^.$", "é"));
  EXPECT_FALSE(is_in("a$", "a\n"));
  EXPECT_TRUE(is_in("b", "\xff b"));
}

TEST(AnswerPattern, AnErrorSaysWhere) {
  const auto bad = AnswerPattern::compile("a(b");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message, "missing closing parenthesis at character 3");
}

/// The standard library's own would recurse until the stack is full.
TEST(AnswerPattern, ALongTextIsNoDanger) { EXPECT_TRUE(is_in("^(a|b)*c$", many_a(100'000, 'c'))); }

TEST(AnswerPattern, WhatTakesTooLongIsAnError) {
  const auto found = AnswerPattern::compile("(a+)+$").value().is_in(many_a(60, 'b'));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().message, "match limit exceeded");
}

}  // namespace
}  // namespace mxpath
