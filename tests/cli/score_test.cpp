// `mxpath score MODEL FILE…`: the perplexity of many texts.
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/sanitized_for_test.h"
#include "checkpoint/test_folder.h"
#include "run_program.h"

namespace mxpath {
namespace {

class ScoreMany : public testing::Test {
 protected:
  ScoreMany() {
    for (int i = 0; i < line_count; ++i) text += "Add " + std::to_string(i) + " and " + std::to_string(7 * i) + ".\n";
    folder.write("long.txt", text), folder.write("short.txt", "Add 3 and 4");
  }
  static Json scored(std::vector<std::string> more) {
    more.insert(more.begin(), {"score", "demo", "--json", "--device", "cpu", "--only", "*.portable.*"});
    const Ran ran = run_mxpath(more);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.code == 0 ? Json::parse(ran.out) : Json();
  }
  /// Of the long text; a sanitizer takes ten times as long for a token.
  static constexpr int line_count = sanitized ? 30 : 100;
  TestFolder folder;
  std::string text;
};

TEST_F(ScoreMany, FilesAndLinesAsEachAlone) {
  folder.write("lines", "Add 3 and 4\n{\"text\": \"What is 5 times 6?\"}\n");
  const Json all = scored({folder / "short.txt", "--lines", folder / "lines"});
  ASSERT_EQ(all["texts"].size(), 3u);
  EXPECT_EQ(all["texts"][0]["name"], folder / "short.txt");
  EXPECT_EQ(all["texts"][2]["name"], folder / "lines" + ":2");
  const Json alone = scored({"--text", "Add 3 and 4"}), other = scored({"--text", "What is 5 times 6?"});
  EXPECT_EQ(all["texts"][0]["perplexity"], alone["perplexity"]);
  EXPECT_EQ(all["texts"][1]["perplexity"], alone["perplexity"]);
  EXPECT_EQ(all["texts"][2]["perplexity"], other["perplexity"]);
  EXPECT_EQ(all["total"]["scored"], 2 * alone["logprobs"].size() + other["logprobs"].size());
  EXPECT_EQ(all["whole"], true);
}

TEST_F(ScoreMany, LongTextsInWindows) {
  const std::string context = std::to_string(4 * line_count), stride = std::to_string(2 * line_count);
  const Json json = scored({folder / "long.txt", "--ctx", context});
  EXPECT_GT(json["texts"][0]["windows"], 2);
  EXPECT_EQ(json["stride"], 2 * line_count);
  EXPECT_EQ(json["texts"][0]["scored"].get<int>() + 1, json["texts"][0]["tokens"]);
  const Json close = scored({folder / "long.txt", "--ctx", context, "--stride", std::to_string(3 * line_count / 2)});
  EXPECT_GT(close["total"]["tokens_read"], json["total"]["tokens_read"]);
  const Ran ran = run_mxpath({"score", "demo", folder / "short.txt", folder / "long.txt", "--ctx", context});
  const std::string windows = "of 2 texts, in windows of " + context + " tokens every " + stride + "\n";
  EXPECT_NE(ran.out.find(windows), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("tok/s"), std::string::npos);
}

TEST_F(ScoreMany, WhatCannotBeMeantIsToldBeforeTheModelIsLoaded) {
  const std::string file = folder / "short.txt";
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
      {{}, "score needs a FILE, --lines FILE, --tokens FILE or --text TEXT"},
      {{file, "--text", "x"}, "--tokens and --text are for one text alone"},
      {{file, "--top", "2"}, "--top is for one text"},
      {{"--text", "x", "--stride", "2"}, "--stride is for files"},
      {{file, "--ctx", "100", "--stride", "100"}, "--stride 100: must be less than the context of 100 tokens"},
      {{file, "--stride", "0"}, "--stride"}};
  for (auto [arguments, why] : wrong) {
    arguments.insert(arguments.begin(), {"score", "demo"});
    const Ran ran = run_mxpath(arguments);
    EXPECT_EQ(ran.code, 2);
    EXPECT_NE(ran.err.find(why), std::string::npos) << ran.err;
  }
  EXPECT_EQ(run_mxpath({"score", "demo", folder / "none"}).code, 1);
}

TEST_F(ScoreMany, CtrlCKeepsWhatIsScored) {
  std::string lines;
  for (int i = 0; i < 30000; ++i) lines += "Add " + std::to_string(i) + " and 7, then add 20 more and tell me.\n";
  folder.write("lines", lines);
  const Ran ran = run_mxpath({"score", "demo", "--lines", folder / "lines"}, "", 1000);
  EXPECT_NE(ran.err.find("stopped by Ctrl-C after "), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find("perplexity "), std::string::npos);
}

}  // namespace
}  // namespace mxpath
