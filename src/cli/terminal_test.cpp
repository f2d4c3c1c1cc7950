#include "cli/terminal.h"

#include <gtest/gtest.h>

#include "cli/answer_printer.h"

namespace mxpath::cli {
namespace {

using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStdout;

std::string printed(PrinterOptions options, const std::vector<Delta>& deltas) {
  CaptureStdout();
  AnswerPrinter printer(options);
  for (const Delta& delta : deltas) printer(delta);
  printer.finish();
  return GetCapturedStdout();
}

const std::vector<Delta> answer = {{"analysis", "", "", true, false},      {"analysis", "", "7x", false, false},
                                   {"analysis", "", " = 49", false, true}, {"final", "", "", true, false},
                                   {"final", "", "x = 7", false, false},   {"final", "", "", false, true}};

TEST(AnswerPrinter, FinalAlone) { EXPECT_EQ(printed({.analysis = false}, answer), "x = 7\n"); }
TEST(AnswerPrinter, AnalysisSetApart) { EXPECT_EQ(printed({.analysis = true}, answer), "7x = 49\n\nx = 7\n"); }
TEST(AnswerPrinter, AnalysisDimmed) {
  EXPECT_EQ(printed({.analysis = true, .dim = true}, answer), "\x1b[2m7x = 49\x1b[0m\n\nx = 7\n");
}

TEST(AnswerPrinter, PreambleAndToolCallAreVisible) {
  const std::vector<Delta> deltas = {{"commentary", "", "I look it up.", true, true},
                                     {"commentary", "functions.f", "{\"a\":1}", true, true},
                                     {"analysis", "python", "1+1", true, true}};
  EXPECT_EQ(printed({.analysis = false}, deltas),
            "I look it up.\n\n[call functions.f] {\"a\":1}\n\n[call python] 1+1\n");
}

TEST(AnswerPrinter, CutInTheAnalysisEndsTheDimming) {
  EXPECT_EQ(printed({.analysis = true, .dim = true}, {{"analysis", "", "so", true, false}}), "\x1b[2mso\x1b[0m\n");
}

TEST(AnswerPrinter, EmptyMessagesLeaveNoTrace) {
  EXPECT_EQ(
      printed({}, {{"analysis", "", "", true, true}, {"final", "", "a\n", true, true}, {"final", "", "b", true, true}}),
      "a\n\nb\n");
  EXPECT_EQ(printed({}, {}), "");
}

TEST(Terminal, ControlCharactersAreLeftOut) {
  EXPECT_EQ(terminal_safe("a\x1b[2Jb\tc\nd\x07\x7f"), "a[2Jb\tc\nd");
  EXPECT_EQ(terminal_safe("\xc2\x9b"
                          "31m é 한"),
            "31m é 한");
}

TEST(Terminal, NoTextTurnsTheDirectionOfWriting) {
  EXPECT_EQ(terminal_safe("a\u202Eb\u2066c\u2069\u202C\u202Ad\xe2\x80"), "abcd\xe2\x80");
  for (const char* text :
       {"👩\u200D💻", "क्\u200Dष", "نمی\u200Cخواهم", "🏴\U000E0067\U000E0062\U000E007F", "א\u200Fב", "…–'"})
    EXPECT_EQ(terminal_safe(text), text);
  EXPECT_EQ(terminal_visible("a\u202Eb"), "a\\xe2\\x80\\xaeb") << "names show what they hold";
}

TEST(Terminal, ReportsKeepTheirLinesAndShowTheRest) {
  EXPECT_EQ(terminal_visible("a\tb\x1b[31m\nc\r\n\n"), "a\tb\\x1b[31m\nc\\x0d\n\n");
  EXPECT_EQ(terminal_visible(""), "");
}

TEST(Terminal, ProgressLine) {
  EXPECT_EQ(progress_line("packing", 1, 2, 3.0),
            "packing  [" + std::string(15, '#') + std::string(15, '.') + "]  50 %  3 s left");
  EXPECT_EQ(progress_line("packing", 0, 0, 1.0), "packing  [" + std::string(30, '.') + "]   0 %");
}

TEST(Terminal, NoBarWithoutATerminal) {
  if (is_terminal(2)) GTEST_SKIP() << "standard error is a terminal here";
  ProgressBar bar;
  EXPECT_FALSE(bar.callback());
}

}  // namespace
}  // namespace mxpath::cli
