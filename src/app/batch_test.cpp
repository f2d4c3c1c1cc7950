#include "app/batch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "app/batch_file.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/test_folder.h"
#include "engine/scripted_executor.h"

namespace mxpath {
namespace {

using test::ScriptedExecutor;

class Batch : public testing::Test {
 protected:
  Batch() {
    files.tokenizer = Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value();
    files.manifest.config.vocab = files.tokenizer->size();
    script.vocab = files.tokenizer->special().largest + 1, script.context = 600;
  }

  /// A line whose answer is `says`, which may hold special tokens.
  std::string line(const std::string& prompt, const std::string& says, Json more = Json::object()) {
    const uint64_t seed = says_.size() + 1;
    says_[seed] = files.tokenizer->encode_with_special(says);
    more["prompt"] = prompt, more["seed"] = seed;
    return more.dump() + "\n";
  }
  std::string final(const std::string& text) { return "<|channel|>final<|message|>" + text + "<|return|>"; }

  Result<BatchReport> answer(const std::string& input, BatchOptions options = {}) {
    ScriptedExecutor executor(script);
    executor.on_token = [&](const SampleChoice& c, int32_t token) {
      const auto said = says_.find(c.options.seed);
      return said == says_.end() ? token : said->second[std::min<size_t>(c.index, said->second.size() - 1)];
    };
    executor.on_step = [&](auto) { return on_step ? on_step() : Status(); };
    if (options.out.empty()) {
      options.write = [&](std::string_view text) {
        written.push_back(Json::parse(text));
        return Status();
      };
    }
    auto report = run_batch(executor, files, batch_lines(input), options);
    EXPECT_EQ(executor.problems, std::vector<std::string>());
    steps = executor.steps;
    return report;
  }

  ModelFiles files;
  test::Script script;
  std::vector<Json> written;
  std::function<Status()> on_step;
  uint64_t steps = 0;

 private:
  std::map<uint64_t, std::vector<Token>> says_;
};

TEST_F(Batch, AnswersInOrder) {
  const std::string reasons = "<|channel|>analysis<|message|>Well.<|end|><|start|>assistant" + final("Yes.");
  const std::string input = line("a", final("A long answer, with many more words than the second."), {{"id", "x"}}) +
                            "\r\n  \n" + line("b", reasons, {{"id", 7}}) +
                            line("c", final("No."), {{"max_new_tokens", 4}});
  const auto report = answer(input);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->answered, 3u);
  ASSERT_EQ(written.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(written[i]["index"], i);
  EXPECT_EQ(written[0]["id"], "x");
  EXPECT_EQ(written[0]["text"], "A long answer, with many more words than the second.");
  EXPECT_EQ(written[0]["stop_reason"], "stop");
  EXPECT_EQ(written[1]["id"], 7);
  EXPECT_EQ(written[1]["text"], "Yes.");
  EXPECT_EQ(written[1]["analysis"], "Well.");
  EXPECT_EQ(written[1]["messages"].size(), 2u);
  EXPECT_EQ(written[2]["id"], Json());
  EXPECT_EQ(written[2]["stop_reason"], "length");
  EXPECT_EQ(written[2]["new_tokens"], 4);
}

TEST_F(Batch, AnErrorInALineDoesNotLoseTheOthers) {
  const std::string good = line("a", final("Yes."));
  const std::pair<const char*, const char*> bad[] = {
      {R"({"prompt": "x")", "line 2: not valid JSON at byte 15: it ends too early"},
      {R"([1])", R"(line 2: a line must be an object, such as {"prompt": "Hello"})"},
      {R"({"prompt": "x", "temprature": 1})",
       R"(line 2: unknown field "temprature" (the nearest name is temperature))"},
      {R"({"prompt": "x", "tokens": [1]})", R"(line 2: a line needs one of "prompt", "messages" and "tokens")"},
      {R"({"prompt": ""})", R"(line 2: "prompt" is empty)"},
      {R"({"prompt": 5})", R"(line 2: "prompt" must be a text)"},
      {R"({"prompt": "x", "temperature": -1})", "line 2: temperature=-1: must be between 0 (greedy) and 100"},
      {R"({"prompt": "x", "top_k": 1.5})", R"(line 2: "top_k" must be a whole number between 0 and 2147483647)"},
      {R"({"prompt": "x", "stop": ["a", ""]})",
       R"(line 2: "stop" must be a text, or a list of up to 16, none of them empty)"},
      {R"({"prompt": "x", "reasoning_effort": "max"})", "max"},
      {R"({"messages": []})", R"(line 2: "messages" must be a list that is not empty)"},
      {R"({"messages": [{"role": "boss", "content": "x"}]})", R"(line 2: message 0: the role is "boss")"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})",
       R"(line 2: message 0: "content" must be)"},
      {R"({"tokens": [1, 99999999]})", "line 2: entry 1 of the tokens is 99999999, outside"},
  };
  for (const auto& [text, error] : bad) {
    written.clear();
    const auto report = answer(good + text + "\n" + good);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->failed, 1u);
    ASSERT_EQ(written.size(), 3u);
    EXPECT_EQ(written[0]["text"], "Yes.");
    EXPECT_NE(written[1]["error"].get<std::string>().find(error), std::string::npos) << written[1]["error"];
    EXPECT_EQ(written[2]["text"], "Yes.");
  }
  written.clear();
  ASSERT_TRUE(answer("{\"tokens\": " + Json(std::vector<int>(600, 5)).dump() + "}\n" + good).ok());
  EXPECT_NE(written[0]["error"].get<std::string>().find("the prompt has 600 tokens, but the context holds 600"),
            std::string::npos);
  EXPECT_EQ(written[1]["text"], "Yes.");
}

TEST_F(Batch, StopsAtATextAndTellsNothingOfIt) {
  const std::string input =
      line("a", final("one two three four"), {{"stop", "thr"}}) +
      line("b", final("one two three four"), {{"stop", {"four", "wo t"}}}) +
      line("c", final("one two"), {{"stop", "five"}}) +
      line("d", "<|channel|>analysis<|message|>stop here<|end|><|start|>assistant" + final("x"), {{"stop", "here"}});
  ASSERT_TRUE(answer(input).ok());
  EXPECT_EQ(written[0]["text"], "one two ");
  EXPECT_EQ(written[0]["messages"][0]["content"], "one two ");
  EXPECT_EQ(written[0]["stop_reason"], "stop");
  EXPECT_EQ(written[1]["text"], "one t");
  EXPECT_EQ(written[2]["text"], "one two");
  EXPECT_EQ(written[3]["text"], "x");  // the analysis is not the answer
  written.clear();
  BatchOptions options;
  options.defaults.stop = {"two"};
  const std::string both = line("e", final("one two three")) + line("f", final("one two three"), {{"stop", "thr"}});
  ASSERT_TRUE(answer(both, options).ok());
  EXPECT_EQ(written[0]["text"], "one ");
  EXPECT_EQ(written[1]["text"], "one two ") << "its own stops take the place of those of the command";
  EXPECT_NE(batch_settings(1, options.defaults), batch_settings(1, {}));
}

/// Prompt and answer are never more tokens than the context holds.
TEST_F(Batch, TheContextIsNeverExceeded) {
  for (const int prompt : {598, 599}) {
    written.clear();
    ASSERT_TRUE(answer(Json{{"tokens", std::vector<int>(static_cast<size_t>(prompt), 5)}}.dump() + "\n").ok());
    EXPECT_EQ(written[0]["new_tokens"], 600 - prompt);
    EXPECT_EQ(written[0]["stop_reason"], "context");
  }
}

TEST_F(Batch, TokensAreContinuedAsTheyAre) {
  ASSERT_TRUE(answer(R"({"tokens": [5, 6, 7], "max_new_tokens": 3, "temperature": 0})"
                     "\n")
                  .ok());
  EXPECT_LE(written[0]["tokens"].size(), 3u);
  EXPECT_EQ(written[0]["prompt_tokens"], 3);
  EXPECT_FALSE(written[0].contains("messages"));
}

TEST_F(Batch, EqualLinesHaveSeedsOfTheirOwn) {
  const std::string one = R"({"prompt": "x", "max_new_tokens": 5})"
                          "\n";
  ASSERT_TRUE(answer(one + one).ok());
  ASSERT_TRUE(answer(one + one).ok());
  EXPECT_NE(written[0]["seed"], written[1]["seed"]);
  EXPECT_EQ(written[0], written[2]);
  EXPECT_EQ(written[1], written[3]);
}

TEST_F(Batch, MessagesBecomeThePromptThatAConversationHas) {
  const std::string text = R"({"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "a"},
      {"role": "assistant", "content": "b"}, {"role": "user", "content": [{"type": "text", "text": "c"}]}]})";
  BatchDefaults defaults;
  const auto question = parse_batch_line(text, "", 0, files, defaults);
  ASSERT_TRUE(question.ok()) << question.error().message;
  defaults.conversation.developer = "Be kind.";
  Conversation conversation(defaults.conversation);
  harmony::Message answer = user_message("b");
  answer.role = harmony::Role::assistant, answer.channel = "final";
  conversation.add_turn("a", {answer});
  EXPECT_EQ(question->tokens, conversation.prompt(*files.tokenizer, "c").value());
}

class Resumed : public Batch {
 protected:
  Resumed() {
    for (int i = 0; i < 12; ++i)
      input += line("q" + std::to_string(i), final(std::string(static_cast<size_t>(i * 7 % 23 + 1), 'a')));
    input += "{]\n" + line("last", final("end"));
    options.out = folder / "out.jsonl";
    EXPECT_TRUE(answer(input, options).ok());
    whole = file();
    script.most_sequences = 3;
  }
  std::string file() { return read_text_file(options.out).value(); }
  void put(std::string_view text) { std::ofstream(options.out, std::ios::trunc) << text; }

  TestFolder folder;
  std::string input, whole;
  BatchOptions options;
};

TEST_F(Resumed, AfterAnyStep) {
  uint64_t all = 0;
  std::filesystem::remove(options.out);
  ASSERT_TRUE(answer(input, options).ok());
  all = steps;
  EXPECT_EQ(file(), whole);
  for (uint64_t stop = 0; stop < all; stop += 3) {
    std::filesystem::remove(options.out);
    uint64_t left = stop;
    options.go_on = [&] { return left-- > 0; };
    const auto first = answer(input, options);
    ASSERT_TRUE(first.ok());
    EXPECT_TRUE(first->interrupted);
    EXPECT_TRUE(whole.starts_with(file()));
    options.go_on = {};
    const auto second = answer(input, options);
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(second->before, first->answered + first->failed);
    EXPECT_EQ(second->done(), 14u);
    EXPECT_EQ(file(), whole);
  }
}

TEST_F(Resumed, AfterATearAtAnyByte) {
  for (size_t bytes = 0; bytes <= whole.size(); bytes += bytes < 300 ? 1 : 37) {
    put(std::string_view(whole).substr(0, bytes));
    const auto report = answer(input, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->before, static_cast<uint64_t>(std::ranges::count(whole.substr(0, bytes), '\n')));
    EXPECT_EQ(file(), whole);
  }
}

TEST_F(Resumed, NeverOnWhatIsSomethingElse) {
  const auto error = [&](const std::string& text, const std::string& from) {
    put(text);
    const auto report = answer(from, options);
    EXPECT_EQ(file(), text);
    return report.ok() ? "" : report.error().message.substr(options.out.size());
  };
  EXPECT_EQ(error("my notes\n", input).substr(0, 9), " line 1: ");
  EXPECT_EQ(error("{}\n", input),
            " line 1: this is no answer of a batch; give another file, or the input that this one was made from");
  EXPECT_EQ(error(whole, line("other", final("x")) + input),
            " line 1: this is the answer to another line; give another file, or the input that this one was made from");
  EXPECT_EQ(error(whole, input.substr(0, input.find('\n') + 1)),
            " line 2: the input has only 1 line; give another file, or the input that this one was made from");
  EXPECT_EQ(error(whole.substr(whole.find('\n') + 1), input).substr(0, 38), " line 1: this is the answer to another");
}

// Another temperature or another model went on in the same file.
TEST_F(Resumed, OnlyWithTheSettingsThatItBeganWith) {
  put(whole.substr(0, whole.size() / 2));
  const auto goes_on = [&](const BatchOptions& how) { return answer(input, how).ok(); };
  BatchOptions other = options;
  other.defaults.sampling.temperature = 0.25f;
  EXPECT_FALSE(goes_on(other));
  other = options, other.defaults.max_new_tokens = 7;
  EXPECT_FALSE(goes_on(other));
  other = options, other.defaults.conversation.developer = "Be brief.";
  EXPECT_FALSE(goes_on(other));
  other = options, other.defaults.sampling.seed = 5;
  EXPECT_FALSE(goes_on(other));
  other = options, other.model = 7;
  EXPECT_FALSE(goes_on(other)) << "another model of the same shape";
  EXPECT_TRUE(goes_on(options));
  EXPECT_EQ(file(), whole);
}

TEST_F(Resumed, WithASeedThatWasDrawnAndOnAnotherDay) {
  BatchDefaults one;
  one.seed_is_drawn = one.date_is_today = true, one.sampling.seed = 1, one.conversation.date = "2026-01-01";
  BatchDefaults two = one;
  two.sampling.seed = 2, two.conversation.date = "2026-01-02";
  EXPECT_EQ(batch_settings(1, one), batch_settings(1, two));
  two.date_is_today = false;
  EXPECT_NE(batch_settings(1, one), batch_settings(1, two));
}

// A second run over a finished file with an error in it ended as if all were well.
TEST_F(Resumed, SaysHowManyLinesWereErrorsBefore) {
  const auto again = answer(input, options);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->before, 14u);
  EXPECT_EQ(again->failed, 0u);
  EXPECT_EQ(again->failed_before, 1u);
}

TEST_F(Batch, ErrorsNameTheLineOfTheFile) {
  ASSERT_TRUE(answer("\n\n{]\n").ok());
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0]["index"], 0);
  EXPECT_NE(written[0]["error"].get<std::string>().find("line 3"), std::string::npos) << written[0]["error"];
}

TEST_F(Resumed, OnlyOneRunWritesAFile) {
  const auto lines = batch_lines(input);
  const auto other = BatchFile::open(options.out, lines, "");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(answer(input, options).error().message, options.out + ": another run writes to it");
  options.out = folder / "missing/out";
  EXPECT_FALSE(answer(input, options).ok());
  options.out = folder.path();
  EXPECT_FALSE(answer(input, options).ok());
}

TEST_F(Resumed, AStepThatFailsLosesNoLine) {
  std::filesystem::remove(options.out);
  int count = 0;
  on_step = [&] { return ++count % 40 == 0 ? Status(fail("a hiccup")) : Status(); };
  ASSERT_TRUE(answer(input, options).ok());
  EXPECT_EQ(file(), whole);
}

TEST_F(Resumed, AnExecutorThatIsLostEndsTheRunAndAnotherGoesOn) {
  std::filesystem::remove(options.out);
  int count = 0;
  on_step = [&] { return ++count > 40 ? Status(fail("it is gone")) : Status(); };
  const auto lost = answer(input, options);
  ASSERT_FALSE(lost.ok());
  EXPECT_NE(lost.error().message.find("it is gone"), std::string::npos);
  EXPECT_TRUE(whole.starts_with(file()));
  EXPECT_GT(file().size(), 100u);
  on_step = {};
  ASSERT_TRUE(answer(input, options).ok());
  EXPECT_EQ(file(), whole);
}

}  // namespace
}  // namespace mxpath
