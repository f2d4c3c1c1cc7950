#include "app/reports/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <tuple>

#include "app/reports/scatter_plot.h"
#include "app/test_model.h"
#include "base/hint.h"
#include "base/json.h"

namespace mxpath {
namespace {

std::string prompts_error(std::string_view text) {
  const auto prompts = parse_prompts(text, "p.txt");
  return prompts.ok() ? "" : prompts.error().message;
}

TEST(ComparePrompts, LinesAndObjects) {
  const auto prompts = parse_prompts("What is 2 + 2?\r\n\n{\"text\": \"one two\"}\n{\"prompt\": \"Hi\"}", "p.txt");
  ASSERT_TRUE(prompts.ok());
  ASSERT_EQ(prompts->size(), 3u);
  EXPECT_EQ((*prompts)[0].text, "What is 2 + 2?");
  EXPECT_TRUE((*prompts)[1].plain);
  EXPECT_EQ((*prompts)[2].text, "Hi");
  EXPECT_FALSE((*prompts)[2].plain);
}

TEST(ComparePrompts, EveryDefectIsNamedWithItsLine) {
  EXPECT_EQ(prompts_error("\n \n"), "p.txt: no prompts; write one per line");
  EXPECT_EQ(prompts_error("hello\n{\"prompt\": "), "p.txt:2: not valid JSON at byte 11: it ends too early");
  EXPECT_NE(prompts_error("{\"prompt\": \"a\", \"text\": \"b\"}").find("p.txt:1: expected either"), std::string::npos);
  EXPECT_NE(prompts_error("{\"question\": \"a\"}").find("p.txt:1: expected either"), std::string::npos);
  EXPECT_NE(prompts_error("{\"text\": 3}").find("a text under \"text\""), std::string::npos);
  EXPECT_NE(prompts_error("{\"prompt\": \"\"}").find("a text under \"prompt\""), std::string::npos);
}

TEST(CompareProblems, AreReadBesideTheModel) {
  const TestFolder folder;
  EXPECT_TRUE(read_problems(folder / "").value().empty());
  std::ofstream(folder / "problems.jsonl") << R"({"kind": "sum", "prompt": "1 + 1", "pattern": "= 2"})"
                                              "\n"
                                              R"({"kind": "sum", "prompt": "1 + 2", "pattern": "= 3"})"
                                              "\n"
                                              R"({"kind": "product", "prompt": "2 * 2", "pattern": "= 4"})"
                                              "\n";
  const auto problems = read_problems(folder / "").value();
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(some_of_each_kind(problems, 1).size(), 2u);
  EXPECT_EQ(some_of_each_kind(problems, 1)[1].prompt, "2 * 2");
  std::ofstream(folder / "problems.jsonl") << "{\"kind\": \"sum\", \"prompt\": \"1 + 1\"}\n";
  EXPECT_NE(read_problems(folder / "")
                .error()
                .message.find("problems.jsonl:1: expected an object with a text under \"pattern\""),
            std::string::npos);
}

const ComparedFormat& row(const CompareReport& report, std::string_view name) {
  const auto found = std::ranges::find(report.formats, name, &ComparedFormat::weights);
  EXPECT_NE(found, report.formats.end()) << name;
  return found == report.formats.end() ? report.formats.front() : *found;
}

Machine machine() {
  Machine here = probe_machine();
  here.gpus.clear();
  return here;
}

TEST(Compare, MoreBitsAreCloserToTheFp32Forward) {
  const TestFolder folder;
  const ModelFiles files = open_model_files(write_chat_model(folder), {}).value();
  CompareOptions options;
  options.prompts = {{"one two three four five", true}, {"What is this?", false}}, options.positions = 24,
  options.speed_tokens = 4;
  options.problems = {{"any", "1 + 1", ".*"}, {"none", "1 + 1", "no model says this"}};
  Policy policy;
  policy.context = 1024;
  const auto report = compare(files, machine(), policy, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->formats.front().weights, "fp32 forward");
  EXPECT_EQ(report->formats.front().top1, 1);
  EXPECT_LT(report->formats.front().kl, 1e-12);
  EXPECT_LE(report->positions, 24);
  EXPECT_GE(report->positions, 12);
  for (const ComparedFormat& f : report->formats) {
    if (f.weights == "int4-g64" || f.weights == "nf4") {  // 96 columns are no groups of 64
      EXPECT_NE(f.problem.find("groups of 64"), std::string::npos) << f.weights;
      continue;
    }
    EXPECT_EQ(f.problem, "") << f.weights;
    EXPECT_EQ(f.right, 1) << f.weights;  // of any and none
    EXPECT_GT(f.tokens_per_second, 0) << f.weights;
  }
  EXPECT_EQ(std::ranges::count(report->formats, "mxfp4", &ComparedFormat::weights), 0) << "the same as as-stored";
  EXPECT_LT(row(*report, "fp32").kl, row(*report, "int8").kl);
  EXPECT_LT(row(*report, "int8").kl, row(*report, "int4").kl);
  EXPECT_LT(row(*report, "as-stored").bytes, row(*report, "int8").bytes);
  EXPECT_LT(row(*report, "int8").bytes, row(*report, "bf16").bytes);
  const Json json = compare_json(*report);
  EXPECT_EQ(json["formats"].size(), report->formats.size());
  EXPECT_NE(compare_text(*report).find("problems right"), std::string::npos);
}

TEST(Compare, WhatCannotBeMeasuredSaysWhy) {
  const TestFolder folder;
  const ModelFiles files = open_model_files(write_chat_model(folder), {}).value();
  CompareOptions options;
  options.prompts = {{"one two three", true}}, options.speed_tokens = 2;
  Policy policy;
  policy.context = 256;
  options.weights = {"bf17"};
  EXPECT_EQ(compare(files, machine(), policy, options).error().kind, ErrorKind::wrong_use);
  options.weights = {"as-stored"}, options.prompts[0].text = "x";
  EXPECT_NE(compare(files, machine(), policy, options).error().message.find("too short"), std::string::npos);
  options.prompts[0].text = "one two three", options.problems = {{"k", "1 + 1", "("}};
  EXPECT_NE(compare(files, machine(), policy, options).error().message.find("not a regular expression"),
            std::string::npos);
}

/// A short comparison of the chat model.
class CompareChat : public testing::Test {
 protected:
  CompareChat() {
    options.prompts = {{"one two three", true}}, options.speed_tokens = 2;
    policy.context = 1024;
  }
  Error error_of(std::vector<std::string> weights) {
    options.weights = std::move(weights);
    const auto report = compare(files, machine(), policy, options);
    return report.ok() ? Error{"no error"} : report.error();
  }
  const TestFolder folder;
  const ModelFiles files = open_model_files(write_chat_model(folder), {}).value();
  CompareOptions options;
  Policy policy;
};

TEST_F(CompareChat, TheYardstickIsTheCheckpointAsStored) {
  options.weights = {"as-stored"}, policy.only = {"*.cpu.portable.f32"};  // nothing but the weights differs
  const auto exact = compare(files, machine(), policy, options);
  policy.dense_weights = NumberFormat::int8;
  const auto rounded = compare(files, machine(), policy, options);
  ASSERT_TRUE(exact.ok() && rounded.ok());
  EXPECT_EQ(rounded->formats.front().bytes, exact->formats.front().bytes);
  EXPECT_GT(row(*rounded, "as-stored").kl, 1e-7);
  EXPECT_GT(row(*rounded, "as-stored").kl, 20 * row(*exact, "as-stored").kl);
}

TEST_F(CompareChat, WhatStrictRefusesIsTheVerdictAfterTheTable) {
  policy.strict = true, options.weights = {"fp32", "as-stored"};
  const auto strict = compare(files, machine(), policy, options);
  ASSERT_TRUE(strict.ok()) << strict.error().message;
  EXPECT_NE(row(*strict, "fp32").problem.find(mention(Knob::strict)), std::string::npos);
  EXPECT_EQ(row(*strict, "as-stored").problem, "");
  EXPECT_NE(compare_text(*strict).find("fp32: " + mention(Knob::strict)), std::string::npos);
  const Status verdict = check_compare(*strict, options);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().kind, ErrorKind::refused);
  EXPECT_TRUE(verdict.error().message.starts_with("fp32: " + mention(Knob::strict))) << verdict.error().message;
  options.weights.clear();  // nobody asked for fp32 by name
  EXPECT_TRUE(check_compare(*strict, options).ok());
}

TEST_F(CompareChat, NothingToCompareIsAnErrorBeforeLoading) {
  bool loaded = false;
  options.progress = [&](std::string_view) { return loaded = true, Progress(); };
  policy.strict = true;
  EXPECT_EQ(error_of({"int8"}).kind, ErrorKind::refused);
  policy.strict = false, policy.only = {"nothing*"};
  EXPECT_EQ(error_of({}).kind, ErrorKind::wrong_use);
  policy.only = {"moe_gate_up.cuda.*"};
  EXPECT_EQ(error_of({}).kind, ErrorKind::failed);
  EXPECT_NE(in_words(error_of({"int8", "as-stored"}).message).find("none of the paths selected by only can run"),
            std::string::npos);
  EXPECT_FALSE(loaded);
}

TEST_F(CompareChat, AFormatThatCannotBePlannedIsALineAmongOthers) {
  options.weights = {"int4-g64", "as-stored"};
  const auto report = compare(files, machine(), policy, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(row(*report, "as-stored").problem, "");
  EXPECT_TRUE(check_compare(*report, options).ok());
  CompareReport none = *report;
  std::erase_if(none.formats, [](const ComparedFormat& f) { return f.weights == "as-stored"; });
  EXPECT_TRUE(check_compare(none, options).error().message.starts_with("int4-g64: "));
}

TEST_F(CompareChat, KvFormatsStandBesideKeysAndValuesInFp32) {
  options.kv = {"fp32", "bf16", "int8"}, options.prompts[0].text = "one two three four five six seven eight nine ten";
  policy.only = {"*.cpu.portable.f32"};  // nothing but keys and values differs
  const auto report = compare(files, machine(), policy, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  ASSERT_EQ(report->formats.size(), 4u);
  const auto& [exact, fp32, bf16, int8] =
      std::tie(report->formats[0], report->formats[1], report->formats[2], report->formats[3]);
  EXPECT_EQ(name_of(exact), "fp32 forward, kv fp32");
  EXPECT_EQ(name_of(int8), "as-stored, kv int8");
  for (const ComparedFormat& f : report->formats) EXPECT_EQ(f.bytes, exact.bytes);
  EXPECT_EQ(fp32.kv_bytes, 2 * bf16.kv_bytes);
  EXPECT_LT(int8.kv_bytes, bf16.kv_bytes);
  EXPECT_LT(fp32.kl, 1e-9);
  EXPECT_LT(fp32.delta, bf16.delta);
  EXPECT_LT(bf16.delta, int8.delta);
  const std::string text = compare_text(*report);
  EXPECT_NE(text.find("weights       in memory    kv  in memory"), std::string::npos) << text;
  EXPECT_EQ(compare_json(*report)["formats"][3]["kv"], "int8");
  EXPECT_NE(compare_svg(*report).find("as-stored, kv int8"), std::string::npos);
}

TEST_F(CompareChat, KvFormatsAreMeasuredWithEachOfTheWeights) {
  options.kv = {"fp16", "int8"};
  EXPECT_EQ(error_of({"as-stored", "int8"}).message, "no error");
  const auto report = compare(files, machine(), policy, options);
  ASSERT_TRUE(report.ok());
  std::vector<std::string> names;
  for (const ComparedFormat& f : report->formats) names.push_back(name_of(f));
  EXPECT_EQ(names, (std::vector<std::string>{"fp32 forward, kv fp32", "as-stored, kv fp16", "as-stored, kv int8",
                                             "int8, kv fp16", "int8, kv int8"}));
  options.kv = {"int9"};
  EXPECT_EQ(error_of({"as-stored"}).kind, ErrorKind::wrong_use);
}

TEST_F(CompareChat, AnswersAreNotCutByTheContext) {
  options.problems = {{"any", "1 + 1", ".*"}};
  policy.context = 512;
  const Error error = error_of({"as-stored"});
  EXPECT_EQ(error.kind, ErrorKind::wrong_use);
  const std::vector<Hint> hints = hints_in(error.message);
  ASSERT_EQ(hints.size(), 3u) << error.message;
  EXPECT_EQ(hints[0], (Hint{Knob::context, "512"}));
  EXPECT_EQ(hints[2], (Hint{Knob::problems, "0"}));
  policy.context = std::stoi(hints[1].value);
  EXPECT_EQ(error_of({"as-stored"}).message, "no error");
  policy.context -= 1;
  EXPECT_NE(error_of({"as-stored"}).message, "no error");
}

TEST(Compare, AVocabularyWithoutTheTokensOfAConversation) {
  const TestFolder folder;
  const ModelFiles files = open_model_files(write_chat_model(folder, 2047), {}).value();
  bool loaded = false;
  CompareOptions options;
  options.prompts = {{"one two three", true}},
  options.progress = [&](std::string_view) { return loaded = true, Progress(); };
  const auto report = compare(files, machine(), {}, options);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("2047 entries"), std::string::npos);
  EXPECT_TRUE(hints_in(report.error().message).empty()) << "compare takes no tokens";
  EXPECT_FALSE(loaded);
}

TEST(ScatterPlot, TicksAreRoundAndHoldAllPoints) {
  EXPECT_EQ(linear_ticks(27.3), (std::vector<double>{0, 5, 10, 15, 20, 25, 30}));
  EXPECT_EQ(linear_ticks(0), (std::vector<double>{0, 1}));
  for (double most : {0.3, 1.0, 9.99, 13800.0}) {
    EXPECT_GE(linear_ticks(most).back(), most);
    EXPECT_LE(linear_ticks(most).size(), 9u);
  }
  EXPECT_EQ(decade_ticks(3e-4, 0.02), (std::vector<int>{-4, -3, -2, -1}));
  EXPECT_EQ(decade_ticks(1e-14, 0.02).front(), -9);
  EXPECT_EQ(decade_ticks(1e300, 0).size(), 2u);
}

TEST(ScatterPlot, DrawsEveryPointInsideAndEscapesText) {
  const std::string svg =
      to_svg({.title = "a < b & c",
              .subtitle = "s",
              .x_label = "x",
              .y_label = "y",
              .points = {{1, 0.1, "<one>"}, {1.01, 0.1, "two"}, {40, 0, "zero"}, {40, 1e-3, "three"}}});
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_NE(svg.find(">&lt;one&gt;<"), std::string::npos);
  EXPECT_NE(svg.find("zero (0e+00)"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme: dark"), std::string::npos);
  size_t circles = 0;
  for (size_t at = svg.find("<circle"); at != svg.npos; at = svg.find("<circle", at + 1)) {
    ++circles;
    const double x = std::stod(svg.substr(svg.find("cx=\"", at) + 4)),
                 y = std::stod(svg.substr(svg.find("cy=\"", at) + 4));
    EXPECT_TRUE(x >= 84 && x <= 732 && y >= 66 && y <= 422) << x << " " << y;
  }
  EXPECT_EQ(circles, 4u);
}

}  // namespace
}  // namespace mxpath
