// `mxpath run --batch`: a file of questions, as a user gives it.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "run_program.h"
#include "scripted_model.h"

namespace mxpath {
namespace {

class BatchCommand : public testing::Test {
 protected:
  BatchCommand() {
    model = write_scripted_model(folder, "model", {"<|channel|>", "final", "<|message|>", "Nine", ".", "<|return|>"});
    folder.write("questions.jsonl", R"({"prompt": "hello", "id": "a"})"
                                    "\n"
                                    R"({"prompt": "hello", "wrong": 1})"
                                    "\n\n"
                                    R"({"messages": [{"role": "user", "content": "hello"}], "stop": "."})"
                                    "\n");
  }
  Ran answer(std::vector<std::string> more, const std::string& input = "") {
    std::vector<std::string> arguments = {"run", model, "--no-date", "--temperature", "0", "--seed", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_mxpath(arguments, input);
  }
  std::vector<Json> lines_of(const std::string& text) {
    std::vector<Json> lines;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
      lines.push_back(Json::parse(text.substr(begin, end - begin)));
    return lines;
  }
  void expect_answers(const std::string& text) {
    const auto lines = lines_of(text);
    ASSERT_EQ(lines.size(), 3u) << text;
    EXPECT_EQ(lines[0]["id"], "a");
    EXPECT_EQ(lines[0]["text"], "Nine.");
    EXPECT_EQ(lines[1]["error"], "line 2: unknown field \"wrong\"");
    EXPECT_EQ(lines[2]["text"], "Nine");
  }

  TestFolder folder;
  std::string model;
};

TEST_F(BatchCommand, PrintsALineForEachLine) {
  const Ran ran = answer({"--batch", folder / "questions.jsonl"});
  EXPECT_EQ(ran.code, 1);  // one of them is an error
  expect_answers(ran.out);
  EXPECT_NE(ran.err.find("1 of 3 lines ended in an error"), std::string::npos) << ran.err;
  const Ran piped = answer({"--batch", "-"}, folder.read("questions.jsonl"));
  EXPECT_EQ(piped.out, ran.out);
}

TEST_F(BatchCommand, GoesOnWhereItStopped) {
  const std::vector<std::string> how = {"--batch", folder / "questions.jsonl", "--out", folder / "answers.jsonl"};
  EXPECT_EQ(answer(how).code, 1);
  const std::string whole = folder.read("answers.jsonl");
  expect_answers(whole);
  folder.write("answers.jsonl", whole.substr(0, whole.size() - 5));
  const Ran ran = answer(how);
  EXPECT_EQ(ran.code, 1);  // what was left is answered, and the error of before is still there
  EXPECT_NE(ran.err.find("2 lines had been answered before"), std::string::npos) << ran.err;
  EXPECT_EQ(folder.read("answers.jsonl"), whole);
  folder.write("questions.jsonl", R"({"prompt": "another"})"
                                  "\n");
  EXPECT_EQ(answer(how).code, 1);
  EXPECT_EQ(folder.read("answers.jsonl"), whole);
}

TEST_F(BatchCommand, CtrlCLeavesWholeLines) {
  std::string many;
  for (int i = 0; i < 5000; ++i)
    many += R"({"prompt": "hello"})"
            "\n";
  folder.write("questions.jsonl", many);
  const Ran ran = run_mxpath({"run", model, "--batch", folder / "questions.jsonl"}, "", 2000);
  EXPECT_EQ(ran.code, 130);
  EXPECT_NE(ran.err.find("stopped by Ctrl-C"), std::string::npos) << ran.err;
  EXPECT_TRUE(ran.out.ends_with("}\n"));
  EXPECT_LT(lines_of(ran.out).size(), 5000u);
}

TEST_F(BatchCommand, ContradictionsAreWrongUse) {
  const std::string file = folder / "questions.jsonl";
  for (const std::vector<std::string>& more : {std::vector<std::string>{"hello", "--batch", file},
                                               {"--batch", file, "--raw"},
                                               {"--batch", file, "--json"},
                                               {"--batch", file, "--show", "all"},
                                               {"--batch", file, "--no-kv-cache"},
                                               {"--out", folder / "x"}})
    EXPECT_EQ(answer(more).code, 2) << more.back();
  EXPECT_EQ(answer({"--batch", folder / "missing"}).code, 1);
  EXPECT_EQ(answer({"--batch", "-"}, "\n \n").code, 1);
}

/// The old run took the answers' file for a prompt cache and wrote over it.
TEST_F(BatchCommand, WritesNothingWhereSomethingElseIsReadOrWritten) {
  const std::string answers = folder / "answers.jsonl", questions = folder / "questions.jsonl";
  const std::vector<std::vector<std::string>> wrong = {
      {"--batch", questions, "--out", answers, "--prompt-cache", answers},
      {"--batch", questions, "--out", questions},
      {"--batch", questions, "--prompt-cache", folder / "./questions.jsonl"}};
  for (const auto& how : wrong) {
    const Ran ran = answer(how);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_NE(ran.err.find("are the same file"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(answer({"--batch", questions, "--step-target", "-1"}).code, 2);
}

}  // namespace
}  // namespace mxpath
