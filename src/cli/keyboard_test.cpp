#include "cli/keyboard.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mxpath::cli {
namespace {

/// Standard input is a pipe that holds `bytes` and ends.
class Typed {
 public:
  explicit Typed(std::string_view bytes) : before_(::dup(STDIN_FILENO)) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    EXPECT_EQ(::write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]), ::close(ends[1]);
  }
  ~Typed() { ::dup2(before_, STDIN_FILENO), ::close(before_); }

 private:
  int before_;
};

/// Keys as they are, pastes in brackets.
std::string read_all(Keyboard& keyboard) {
  std::string out;
  char byte = 0;
  for (bool stopped = false; keyboard.read(byte, stopped) == 1;) {
    out += byte;
    if (!out.ends_with(Keyboard::paste_begins)) continue;
    out.erase(out.size() - Keyboard::paste_begins.size());
    out += "[" + keyboard.read_paste() + "]";
  }
  return out;
}
std::string heard(std::string_view bytes) {
  const Typed typed(bytes);
  Keyboard keyboard;
  return read_all(keyboard);
}
std::string heard_after_waiting(std::string_view bytes, bool enter_asks = false) {
  const Typed typed(bytes);
  Keyboard keyboard;
  keyboard.take_what_waits(enter_asks);
  return read_all(keyboard);
}

TEST(Keyboard, TypedTextHasLineEndsAndTabsOnly) {
  EXPECT_EQ(typed_text("a\r\nb\rc\n\td\x1b[31m\x07\x7f"), "a\nb\nc\n\td[31m");
  EXPECT_EQ(typed_text(std::string_view("a\0b\xff 한", 8)), "ab\xef\xbf\xbd 한");
}

TEST(Keyboard, KeysAreKeys) {
  EXPECT_EQ(heard("hello\r"), "hello\r");
  EXPECT_EQ(heard("hello\r\n"), "hello\r\n");
  EXPECT_EQ(heard("\r\r"), "\r\r");
}

TEST(Keyboard, BytesThatArriveTogetherAreAPaste) { EXPECT_EQ(heard("one\rtwo\n\nthree"), "[one\ntwo\n\nthree]"); }

TEST(Keyboard, AMarkedPaste) {
  EXPECT_EQ(heard("a\x1b[200~one\r\ntwo\x1b[201~b\r"), "a[one\ntwob\n]");  // it came with the paste
  EXPECT_EQ(heard("\x1b[200~one\rtwo\x1b[201~\r"), "[one\ntwo]\r");
  EXPECT_EQ(heard("\x1b[200~x\x1b[201~"), "[x]");
  EXPECT_EQ(heard("\x1b[200~cut"), "[cut]");
}

TEST(Keyboard, AMarkInsideOfAPasteAsksNothing) {
  EXPECT_EQ(heard("\x1b[200~one\x1b[201~\r/quit\r\x1b[201~"), "[one\n/quit\n]");
}

TEST(Keyboard, ALongPasteIsWhole) {
  std::string text;
  for (int i = 0; i < 6000; ++i) text += "line\n";
  EXPECT_EQ(heard("\x1b[200~" + text + "\x1b[201~"), "[" + text + "]");
}

TEST(Keyboard, WhatWaitsAsksNothing) {
  EXPECT_EQ(heard_after_waiting("first\rsecond\r"), "[first\nsecond]");
  EXPECT_EQ(heard_after_waiting("first"), "first");
  EXPECT_EQ(heard_after_waiting("\r\r"), "");
  EXPECT_EQ(heard_after_waiting("first\rsecond\r", true), "[first\nsecond]\n");
  EXPECT_EQ(heard_after_waiting("first\rsecond", true), "[first\nsecond]");
}

}  // namespace
}  // namespace mxpath::cli
