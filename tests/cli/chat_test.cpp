// The conversation, on a pseudo-terminal.
#include <gtest/gtest.h>
#include <unistd.h>

#include "app/test_model.h"
#include "run_program.h"

namespace mxpath {
namespace {

class Chat : public testing::Test {
 protected:
  TestFolder folder;
  std::string model = write_chat_model(folder);
  static bool ready(OnTerminal& terminal) { return terminal.shows("Ctrl-D leaves") && terminal.shows("> "); }
};

TEST_F(Chat, AnswersUntilControlD) {
  OnTerminal terminal({"run", model, "--max-new-tokens", "5", "--seed", "1"});
  ASSERT_TRUE(terminal.shows("memory ")) << terminal.screen();  // the plan stands on top
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("안녕\r");
  ASSERT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  ASSERT_TRUE(terminal.shows("> ")) << terminal.screen();
  terminal.type("and now?\r");
  ASSERT_TRUE(terminal.shows(" kept)")) << terminal.screen();  // the first turn is still in the cache
  ASSERT_TRUE(terminal.shows("> "));
  EXPECT_EQ(terminal.leave("\x04"), 0) << terminal.screen();
}

/// Asks, types `meanwhile` while the answer runs, then Ctrl-C. `stopped`: whether it came before the answer ended by
/// itself.
void interrupt(OnTerminal& terminal, const std::string& meanwhile, bool& stopped) {
  terminal.type("hello\r");
  ASSERT_TRUE(terminal.shows("hello\r\n"));
  ::usleep(50'000);
  if (!meanwhile.empty()) {
    terminal.type(meanwhile);
    ::usleep(50'000);
  }
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  stopped = terminal.screen().find("stopped by Ctrl-C") != std::string::npos;
}

// Answers of a random model are long, and without a cache they are slow; one that ended by itself is asked again.
TEST_F(Chat, ControlCStopsAnAnswerAndTheConversationGoesOn) {
  OnTerminal terminal({"run", model, "--ctx", "131072", "--no-kv-cache", "--seed", "1"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  bool stopped = false;
  for (int attempt = 0; attempt < 5 && !stopped; ++attempt) {
    ASSERT_NO_FATAL_FAILURE(interrupt(terminal, "", stopped));
    ASSERT_TRUE(terminal.shows("> "));
  }
  EXPECT_TRUE(stopped) << terminal.screen();
  EXPECT_EQ(terminal.leave("/quit\r"), 0);
}

/// The terminal dropped what was typed while an answer ran as soon as Ctrl-C ended the answer.
TEST_F(Chat, ControlCKeepsWhatWasTypedMeanwhile) {
  OnTerminal terminal({"run", model, "--ctx", "131072", "--no-kv-cache", "--seed", "1"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  bool stopped = false;
  for (int attempt = 0; attempt < 5 && !stopped; ++attempt) {
    ASSERT_NO_FATAL_FAILURE(interrupt(terminal, "draft", stopped));
    ASSERT_TRUE(terminal.shows("\x1b[?2004h> "));
    EXPECT_TRUE(terminal.shows("draft")) << terminal.screen();
    terminal.type("\x15");  // empties the line
  }
  EXPECT_TRUE(stopped) << terminal.screen();
  EXPECT_EQ(terminal.leave("/quit\r"), 0);
}

TEST_F(Chat, ATerminalWithoutATypeGetsNoCodes) {
  OnTerminal terminal({"run", model, "--max-new-tokens", "3"}, "", "");
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("hello\r");
  ASSERT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  ASSERT_TRUE(terminal.shows("> "));
  EXPECT_EQ(terminal.leave("/quit\r"), 0);
  EXPECT_EQ(terminal.screen().find('\x1b'), std::string::npos) << terminal.screen();
}

TEST_F(Chat, ControlCAtThePromptClearsTheLine) {
  OnTerminal terminal({"run", model, "--max-new-tokens", "3"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("/nonsense");
  ASSERT_TRUE(terminal.shows("/nonsense"));
  terminal.type("\x03");
  terminal.type("/effort high\r");
  EXPECT_TRUE(terminal.shows("reasoning effort: high")) << terminal.screen();
  EXPECT_EQ(terminal.screen().find("no such command"), std::string::npos);
  EXPECT_TRUE(terminal.shows("> "));
  EXPECT_EQ(terminal.leave("\x04"), 0) << terminal.screen();
}

/// `mxpath run MODEL | tee FILE`: the line is edited where it shows, on standard error, and only what was said goes to
/// the file.
TEST_F(Chat, IsTypedOnStandardErrorWhereTheOutputGoesElsewhere) {
  const std::string out = folder / "out.txt", saved = folder / "saved.json";
  OnTerminal terminal({"run", model, "--max-new-tokens", "3"}, out);
  ASSERT_TRUE(terminal.shows("\x1b[?2004h> ")) << terminal.screen();
  terminal.type(
      "abx\x7f"
      "c\r");
  ASSERT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  ASSERT_TRUE(terminal.shows("\x1b[?2004h> "));
  terminal.type("\x1b[200~one\ntwo\x1b[201~\r");
  ASSERT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  ASSERT_TRUE(terminal.shows("\x1b[?2004h> "));
  terminal.type("/save " + saved + "\r");
  ASSERT_TRUE(terminal.shows("\x1b[?2004h> "));
  EXPECT_EQ(terminal.leave("\x04"), 0) << terminal.screen();
  const std::string text = folder.read("saved.json");
  EXPECT_NE(text.find("\"abc\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"one\\ntwo\""), std::string::npos) << text;
  EXPECT_EQ(folder.read("out.txt").find('>'), std::string::npos);
}

TEST_F(Chat, SlashCommands) {
  OnTerminal terminal({"run", model, "--max-new-tokens", "3", "--temperature", "0", "--system", "You are a lamp."});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  const auto command = [&](const std::string& line, const std::string& expected) {
    terminal.type(line + "\r");
    EXPECT_TRUE(terminal.shows(expected)) << line << "\n" << terminal.screen();
    EXPECT_TRUE(terminal.shows("\x1b[?2004h> "));  // the prompt itself: what is typed before it stays in the line
  };
  command("/help", "/save FILE");
  command("/effort extreme", "low, medium or high");
  command("/show nothing", "choose final or all");
  command("/plan", "moe.gate_up");
  command("/unknown", "no such command");
  command("hello", "| answer ");
  command("/save " + (folder / "talk.json"), "written to");
  command("/reset", "forgotten");
  EXPECT_EQ(terminal.leave("/quit\r"), 0);
  const Json saved = Json::parse(folder.read("talk.json"));
  ASSERT_GE(saved.size(), 2u) << saved;
  EXPECT_EQ(saved[0]["content"], "You are a lamp.");
  EXPECT_EQ(saved[1]["content"], "hello");
}

TEST_F(Chat, AMessageTooLongForTheContextIsToldWhatWouldFit) {
  OnTerminal terminal({"run", model, "--ctx", "100", "--temperature", "0", "--no-date"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("hello " + std::string(200, 'x') + "\r");
  // Nothing is there to forget, so /reset would not help.
  EXPECT_TRUE(terminal.shows(
      "the context holds 100, which leaves no room for an answer; send a shorter message, or start again "
      "with --ctx "))
      << terminal.screen();
  EXPECT_FALSE(terminal.screen().find("/reset begins") != std::string::npos) << terminal.screen();
  EXPECT_TRUE(terminal.shows("> "));
  EXPECT_EQ(terminal.leave("\x04"), 0);
}

}  // namespace
}  // namespace mxpath
