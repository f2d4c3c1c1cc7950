// What the program makes of answers that no manual describes. Each model says its script, whatever it is asked.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "run_program.h"
#include "scripted_model.h"

namespace mxpath {
namespace {

using Script = std::vector<std::string>;

class Answers : public testing::Test {
 protected:
  TestFolder folder;
  int models = 0;

  std::string says(const Script& script) {
    return write_scripted_model(folder, "model" + std::to_string(models++), script);
  }
  static Ran ask(const std::string& model, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", model, "hello", "--no-date", "--temperature", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_mxpath(arguments);
  }
  /// --show final, --show all and --json say the same.
  void expect_answer(const Script& script, const std::string& text, const std::string& analysis) {
    const std::string model = says(script);
    EXPECT_EQ(ask(model, {"--show", "final"}).out, text.empty() ? "" : text + "\n");
    const std::string both = analysis.empty() ? text : text.empty() ? analysis : analysis + "\n\n" + text;
    EXPECT_EQ(ask(model, {"--show", "all"}).out, both + "\n");
    const Json json = Json::parse(ask(model, {"--json"}).out);
    EXPECT_EQ(json["text"], text);
    EXPECT_EQ(json["analysis"], analysis);
    EXPECT_EQ(json.contains("no_answer"), text.empty());
  }
};

Script reasons_then_answers(const std::string& channel) {
  return {"<|channel|>", channel,       "<|message|>", "It is a sum.", "<|end|>", "<|start|>",
          "assistant",   "<|channel|>", "final",       "<|message|>",  "Nine.",   "<|return|>"};
}

TEST_F(Answers, ReasoningOnAMisspeltChannelIsNoAnswer) {
  for (const char* channel : {"Analysis", "analysis:", "analyis", "thinking", "unheard-of"})
    expect_answer(reasons_then_answers(channel), "Nine.", "It is a sum.");
}

TEST_F(Answers, ASentenceInThePlaceOfTheChannelIsNoCall) {
  expect_answer({"<|channel|>", "I must", " add these", " numbers.", "<|channel|>", "analysis", "<|message|>", "Hm.",
                 "<|end|>", "<|start|>", "assistant", "<|channel|>", "final", "<|message|>", "Nine.", "<|return|>"},
                "Nine.", "I must add these numbers.\n\nHm.");
}

TEST_F(Answers, AnUnknownChannelIsTheAnswerWhereThereIsNoOther) {
  expect_answer({"<|channel|>", "unheard-of", "<|message|>", "Nine.", "<|return|>"}, "Nine.", "");
}

TEST_F(Answers, ATurnEndsWhereAnotherRoleBegins) {
  for (const char* role : {"user", "system", "developer", "functions.add to=assistant"})
    expect_answer(
        {"<|channel|>", "final", "<|message|>", "Nine.", "<|end|>", "<|start|>", role, "<|message|>", "And ten?",
         "<|end|>", "<|start|>", "assistant", "<|channel|>", "final", "<|message|>", "Twenty.", "<|return|>"},
        "Nine.", "");
}

TEST_F(Answers, WhatCameBeforeAnErrorIsNotLost) {
  const Script script = {"<|channel|>", "final", "<|message|>", "It is", " nine", ", or", " ten.", "<|return|>"};
  const std::string model = write_scripted_model(folder, "breaks", script, ", or");
  for (const bool raw : {false, true}) {
    const std::vector<std::string> more = raw ? std::vector<std::string>{"--raw"} : std::vector<std::string>{};
    std::vector<std::string> with_json = more;
    with_json.push_back("--json");
    const std::string prompt = raw ? "<|end|><|start|>assistant" : "hello";
    const auto asked = [&](std::vector<std::string> how) {
      how.insert(how.begin(), {"run", model, prompt, "--temperature", "0"});
      return run_mxpath(how);
    };
    const std::string text = raw ? "<|channel|>final<|message|>It is nine, or" : "It is nine, or";
    const Ran ran = asked(with_json);
    EXPECT_EQ(ran.code, 1);
    const Json json = Json::parse(ran.out);
    EXPECT_NE(json["error"]["message"].get<std::string>().find("are not finite numbers"), std::string::npos) << ran.out;
    EXPECT_EQ(json["tokens"].size(), 6u) << ran.out;
    EXPECT_EQ(json["text"], text);
    const Ran plain = asked(more);
    EXPECT_EQ(plain.code, 1);
    EXPECT_EQ(plain.out, text + "\n");
  }
  // Nothing came before it.
  const Json at_once =
      Json::parse(ask(write_scripted_model(folder, "breaks at once", script, "<|start|>"), {"--json"}).out);
  EXPECT_EQ(at_once.size(), 1u) << at_once;
  EXPECT_TRUE(at_once.contains("error")) << at_once;
}

TEST_F(Answers, NoAnswerIsSaid) {
  const auto said = [&](const Script& script, std::vector<std::string> more, const std::string& part) {
    const std::string model = says(script);
    more.insert(more.end(), {"--show", "final"});
    const Ran ran = ask(model, more);
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  };
  const Script thinks = {"<|channel|>", "analysis", "<|message|>", "It is", " a sum.", "<|return|>"};
  said(thinks, {},
       "mxpath: the model ended its turn without an answer, after reasoning for 2 tokens; --show all prints the "
       "reasoning\n");
  said(thinks, {"--max-new-tokens", "4"},
       "mxpath: stopped at --max-new-tokens 4 before the answer began, after reasoning for 1 token; ");
  said({"<|channel|>", "final", "<|message|>", "<|return|>"}, {},
       "mxpath: the model ended its turn without an answer\n");
  const Ran call =
      ask(says({"<|channel|>", "commentary", " to=", "functions.add", "<|message|>", "{}", "<|call|>"}), {"--json"});
  const Json json = Json::parse(call.out);
  EXPECT_EQ(json["stop_reason"], "tool_call");
  EXPECT_NE(json["no_answer"].get<std::string>().find("functions.add, a tool that it was not offered"),
            std::string::npos)
      << json;
}

TEST_F(Answers, EndBeforeATextOfStop) {
  const std::string model = says({"<|channel|>", "analysis", "<|message|>", "two.", "<|end|>", "<|start|>", "assistant",
                                  "<|channel|>", "final", "<|message|>", "one ", "two ", "three", "<|return|>"});
  const Json json = Json::parse(ask(model, {"--json", "--stop", "not there", "--stop", "o thr"}).out);
  EXPECT_EQ(json["text"], "one tw");
  EXPECT_EQ(json["analysis"], "two.");
  EXPECT_EQ(json["stop_reason"], "stop");
  EXPECT_EQ(ask(model, {"--show", "final", "--stop", "two"}).out, "one \n") << "nothing of it is streamed";
  EXPECT_NE(ask(model, {"--show", "final", "--stop", "on"}).err.find("a text of --stop"), std::string::npos);
  const Ran empty = ask(model, {"--stop", ""});
  EXPECT_EQ(empty.code, 2);
  EXPECT_EQ(empty.err, "mxpath: --stop: a text to stop at is empty; give at least one character\n");
}

Script words_without_end(Script start) {
  for (int i = 0; i < 27; ++i) start.push_back("w" + std::to_string(i % 13) + " ");
  return start;
}

TEST_F(Answers, TextThatIsNoHeaderStreams) {
  for (const Script& start : {Script{}, Script{"<|channel|>", "final", " "},
                              Script{"<|channel|>", "I must", " think", " of it", " first: "}}) {
    // Stopped as soon as something is printed: all of it would be 100,000 tokens.
    const Ran ran = run_mxpath({"run", says(words_without_end(start)), "hello", "--no-date", "--temperature", "0",
                                "--show", "final", "--ctx", "131072", "--max-new-tokens", "100000"},
                               "", 1);
    EXPECT_EQ(ran.code, 130) << ran.err;
    EXPECT_NE(ran.out.find("w0 w1 w2"), std::string::npos);
  }
}

class Typing : public Answers {
 protected:
  static bool ready(OnTerminal& terminal) {
    return terminal.shows("Ctrl-D leaves") && terminal.shows("\x1b[?2004h") && terminal.shows("> ");
  }
  static size_t count(const std::string& screen, const std::string& part) {
    size_t found = 0;
    for (size_t at = 0; (at = screen.find(part, at)) != std::string::npos; at += part.size()) ++found;
    return found;
  }
  Json saved(OnTerminal& terminal) {
    const std::string file = "talk" + std::to_string(models) + ".json";
    terminal.type("/save " + (folder / file) + "\r");
    EXPECT_TRUE(terminal.shows("written to")) << terminal.screen();
    EXPECT_TRUE(terminal.shows("> "));
    return Json::parse(folder.read(file));
  }
};

const Script understood = {"<|channel|>", "final", "<|message|>", "Understood.", "<|return|>"};

TEST_F(Typing, APasteIsOneQuestion) {
  OnTerminal terminal({"run", says(understood), "--no-date"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("\x1b[200~for x in y:\r\n\tprint(x)\r\n\r\n안녕\x1b[201~");
  EXPECT_TRUE(terminal.shows("안녕"));
  terminal.type("\r");
  EXPECT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  EXPECT_TRUE(terminal.shows("> "));
  const Json talk = saved(terminal);
  ASSERT_EQ(talk.size(), 3u) << talk;
  EXPECT_EQ(talk[1]["content"], "for x in y:\n\tprint(x)\n\n안녕");
  EXPECT_EQ(terminal.leave("\x04"), 0);
  EXPECT_EQ(count(terminal.screen(), "\x1b[?2004h"), count(terminal.screen(), "\x1b[?2004l"));
}

TEST_F(Typing, BytesThatArriveTogetherAreAPasteToo) {
  OnTerminal terminal({"run", says(understood), "--no-date"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("one\rtwo\rthree");
  EXPECT_TRUE(terminal.shows("three"));
  terminal.type("\r");
  EXPECT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  EXPECT_TRUE(terminal.shows("> "));
  EXPECT_EQ(saved(terminal)[1]["content"], "one\ntwo\nthree");
  EXPECT_EQ(terminal.leave("\x04"), 0);
}

TEST_F(Typing, ThePasteModeEndsWithTheProgram) {
  OnTerminal terminal({"run", says(understood), "--no-date"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.signal(SIGTERM);
  EXPECT_EQ(terminal.end(), 128 + SIGTERM);
  EXPECT_TRUE(terminal.screen().ends_with("\x1b[?2004l")) << terminal.screen();
}

TEST_F(Typing, WhatTheUserSaidStaysWhenTheReasoningIsStopped) {
  OnTerminal terminal(
      {"run", says(words_without_end({"<|channel|>", "analysis", "<|message|>"})), "--no-date", "--ctx", "131072"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("My name is Ada.\r");
  EXPECT_TRUE(terminal.shows("w0 w1"));
  terminal.type("\x03");
  EXPECT_TRUE(terminal.shows("stopped by Ctrl-C before the answer began")) << terminal.screen();
  EXPECT_TRUE(terminal.shows("> "));
  const Json talk = saved(terminal);
  ASSERT_EQ(talk.size(), 2u) << talk;
  EXPECT_EQ(talk[1]["content"], "My name is Ada.");
  EXPECT_EQ(terminal.leave("\x04"), 0);
}

TEST_F(Typing, WhatIsTypedWhileAnAnswerRunsIsNotAsked) {
  OnTerminal terminal({"run", says(words_without_end({"<|channel|>", "final", "<|message|>"})), "--no-date", "--ctx",
                       "131072", "--max-new-tokens", "3000"});
  ASSERT_TRUE(ready(terminal)) << terminal.screen();
  terminal.type("hello\r");
  EXPECT_TRUE(terminal.shows("w0 w1"));
  terminal.type("first\rsecond\r");
  EXPECT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  EXPECT_TRUE(terminal.shows("> first"));
  EXPECT_TRUE(terminal.shows("second"));
  ::usleep(300'000);
  EXPECT_EQ(count(terminal.screen(), "| answer "), 1u);
  terminal.type("\r");
  EXPECT_TRUE(terminal.shows("| answer ")) << terminal.screen();
  EXPECT_TRUE(terminal.shows("> "));
  EXPECT_EQ(saved(terminal)[3]["content"], "first\nsecond");
  EXPECT_EQ(terminal.leave("\x04"), 0);
}

}  // namespace
}  // namespace mxpath
