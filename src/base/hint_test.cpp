#include "base/hint.h"

#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "base/one_line.h"
#include "base/text.h"

namespace mxpath {
namespace {

std::string loud(const Hint& hint) { return "<" + std::string(name_of(hint.knob)) + "|" + hint.value + ">"; }

TEST(Hint, EachFaceWordsTheSameSentence) {
  const Error error = fail("choose {} or leave out {}", mention(Knob::context, 4096), mention(Knob::strict));
  EXPECT_EQ(in_words(error.message), "choose context=4096 or leave out strict");
  EXPECT_EQ(in_words(error.message, loud), "choose <context|4096> or leave out <strict|>");
  EXPECT_EQ(hints_in(error.message), (std::vector<Hint>{{Knob::context, "4096"}, {Knob::strict, ""}}));
}

TEST(Hint, ASentenceInsideAnotherKeepsItsMarks) {
  const Error inner = wrong_use("{}: no such path", mention(Knob::only, "linear.*=x")),
              outer = fail("bf16: {}; {}", inner.message, "end");
  EXPECT_EQ(in_words(outer.message, loud), "bf16: <only|linear.*=x>: no such path; end");
}

TEST(Hint, EveryStringOfAReport) {
  const Json report = {{"a", mention(Knob::top_k, 3)},
                       {"b", {1, mention(Knob::resume), {{"c", "x " + mention(Knob::date)}}}}};
  EXPECT_EQ(report_in_words(report, loud), Json({{"a", "<top_k|3>"}, {"b", {1, "<resume|>", {{"c", "x <date|>"}}}}}));
}

TEST(Hint, WhatIsNoMarkStays) {
  for (const std::string text :
       {"", "plain", "\x0e", "\x0f", "\x0e\x0f", "\x0ename\x0f", "a\x0econtext", "\x0e=4\x0f", "\x0e\x0e\x0f\x0f"}) {
    EXPECT_EQ(in_words(text, loud), text);
    EXPECT_TRUE(hints_in(text).empty());
  }
  EXPECT_EQ(in_words("\x0enone\x0f " + mention(Knob::shape), loud), "\x0enone\x0f <shape|>");
}

/// A file may be called what it wants.
TEST(Hint, NamesFromOutsideCannotForgeOne) {
  EXPECT_TRUE(hints_in(fail("{}: no such file", printable(mention(Knob::context, 1))).message).empty());
  EXPECT_TRUE(hints_in(one_line(mention(Knob::context, 1))).empty());
}

TEST(Hint, EveryKnobHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int k = 0; k < knob_count; ++k) names.insert(name_of(static_cast<Knob>(k)));
  EXPECT_EQ(names.size(), static_cast<size_t>(knob_count));
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace mxpath
