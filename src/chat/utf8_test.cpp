#include "chat/utf8.h"

#include <gtest/gtest.h>

#include "chat/tokenizer.h"

namespace mxpath {
namespace {

// U+FFFD for each maximal subpart: the examples of the Unicode standard, §3.9, tables 3-8 to 3-11.
TEST(Utf8, OneReplacementForEachMaximalInvalidSequence) {
  const std::string r(replacement_character);
  EXPECT_EQ(to_valid_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(to_valid_utf8("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(to_valid_utf8("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(to_valid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), r + r + r + r + "A");
  EXPECT_EQ(to_valid_utf8("\xf0\x9f"), r);
  EXPECT_EQ(to_valid_utf8("\xf4\x8f\xbf\xbf\xef\xbf\xbf"), "\xf4\x8f\xbf\xbf\xef\xbf\xbf");
}

TEST(Utf8, ValidPrefixStopsBeforeTheFirstFault) {
  EXPECT_EQ(valid_utf8_prefix("h\xc3\xa4"
                              "b\xff"
                              "c"),
            4u);
  EXPECT_EQ(valid_utf8_prefix("abc\xe2\x82"), 3u);
  EXPECT_EQ(valid_utf8_prefix(""), 0u);
}

// However a text is cut, valid or not, the stream gives what the whole would give.
TEST(Utf8, StreamEqualsTheWholeAtEverySplit) {
  const std::string text =
      "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\x96\xf0\x9f\xf0\x9f\x92z\xff\xed\xa0\x80\xe0\xa4\xa8\xe2\x82";
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      Utf8Stream stream;
      std::string out = stream.push(text.substr(0, first));
      EXPECT_EQ(valid_utf8_prefix(out), out.size());
      out += stream.push(text.substr(first, second - first));
      out += stream.push(text.substr(second));
      out += stream.flush();
      EXPECT_EQ(out, to_valid_utf8(text)) << first << " " << second;
      EXPECT_EQ(stream.flush(), "");
    }
  }
}

TEST(Utf8, StreamHoldsBackOnlyWhatIsIncomplete) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push(" \xf0\x9f"), " ");
  EXPECT_EQ(stream.push("\x92"), "");
  EXPECT_EQ(stream.push("\x96!"), "\xf0\x9f\x92\x96!");
}

}  // namespace
}  // namespace mxpath
