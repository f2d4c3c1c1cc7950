#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "app/dirs.h"
#include "app/machine_here.h"
#include "app/manifest_of.h"
#include "app/model_files.h"
#include "app/planner.h"
#include "app/pretty_json.h"
#include "app/reports/plan_summary.h"
#include "app/reports/score_report.h"
#include "app/speed.h"
#include "app/test_model.h"
#include "app/token_file.h"
#include "base/hint.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"

namespace mxpath {
namespace {

std::string token_error(std::string_view json) {
  const auto tokens = parse_token_file(json, "t.json", 100);
  return tokens.ok() ? "" : tokens.error().message;
}

TEST(TokenFile, BothForms) {
  EXPECT_EQ(parse_token_file("[1, 2, 99]", "t", 100).value(), (std::vector<int32_t>{1, 2, 99}));
  EXPECT_EQ(parse_token_file("{\"tokens\": [0], \"text\": \"x\"}", "t", 100).value(), std::vector<int32_t>{0});
}

TEST(TokenFile, EveryDefectIsNamed) {
  EXPECT_EQ(token_error("[1, 2"), "t.json: not valid JSON at byte 6: it ends too early");
  EXPECT_EQ(token_error("[]"), "t.json: the list of tokens is empty; give at least one id");
  EXPECT_EQ(token_error("{\"ids\": [1]}"),
            "t.json: expected a list of token ids, or an object with one under \"tokens\"");
  EXPECT_EQ(token_error("7"), "t.json: expected a list of token ids, or an object with one under \"tokens\"");
  EXPECT_EQ(token_error("[1, 2.5]"), "t.json: entry 1 of the tokens is 2.5, not an integer");
  EXPECT_EQ(token_error("[\"a\"]"), "t.json: entry 0 of the tokens is \"a\", not an integer");
  EXPECT_EQ(token_error("[1, 100]"), "t.json: entry 1 of the tokens is 100, outside the model's vocabulary of 100");
  EXPECT_EQ(token_error("[-1]"), "t.json: entry 0 of the tokens is -1, outside the model's vocabulary of 100");
  EXPECT_NE(token_error("[18446744073709551615]"), "");
  EXPECT_NE(token_error("[4294967297]"), "");
}

Plan plan_of_bytes(double bytes) {
  Plan plan;
  plan.decode_bytes = bytes;
  return plan;
}

TEST(Speed, TheLineSaysAll) {
  Generation g;
  g.prompt_tokens = 83, g.tokens.resize(41), g.prompt_seconds = 0.5, g.answer_seconds = 4;
  Machine machine;
  machine.cpu.bandwidth = 20e9, machine.cpu.bandwidth_measured = true;
  EXPECT_EQ(to_text(speed_of(g, plan_of_bytes(1e9), machine)),
            "prompt 83 tokens, 166 tok/s | answer 41 tokens, 10.0 tok/s | 10.0 GB/s, 50% of this machine's 20.0 GB/s");
  g.reused_tokens = 80;
  machine.cpu.bandwidth_measured = false;
  EXPECT_EQ(to_text(speed_of(g, plan_of_bytes(1e8), machine)),
            "prompt 83 tokens (80 kept), 6.00 tok/s | answer 41 tokens, 10.0 tok/s | 1.00 GB/s");
}

TEST(Speed, OneTokenHasNoRate) {
  Generation g;
  g.prompt_tokens = 1, g.tokens.resize(1), g.prompt_seconds = 0.25;
  EXPECT_EQ(to_text(speed_of(g, plan_of_bytes(1e9), {})), "prompt 1 token, 4.00 tok/s | answer 1 token");
  EXPECT_TRUE(to_json(speed_of(g, plan_of_bytes(1e9), {}))["answer_tokens_per_second"].is_null());
}

TEST(ScoreReport, PerplexityAndJson) {
  Score score;
  score.logprobs = {std::log(0.5), std::log(0.125)};
  EXPECT_NEAR(perplexity(score).value(), 4, 1e-12);
  const std::vector<Token> tokens = {5, 6, 7};
  EXPECT_FALSE(score_json(tokens, score).contains("top"));
  score.top = {{{6, -0.5}}, {{7, -0.25}}, {{8, -0.125}}};
  EXPECT_EQ(score_json(tokens, score)["top"].dump(), "[[[6,-0.5]],[[7,-0.25]],[[8,-0.125]]]");
  EXPECT_EQ(score_json(tokens, score)["tokens"].dump(), "[5,6,7]");
  EXPECT_FALSE(perplexity({}).has_value());
  EXPECT_TRUE(score_json(std::vector<Token>{5}, {})["perplexity"].is_null());
}

TEST(PrettyJson, NumbersStayOnOneLine) {
  const Json json = {
      {"a", {1, 2}}, {"b", {{"c", Json::array({Json::array({1, 2}), Json::array({3, 4})})}}}, {"d", Json::object()}};
  EXPECT_EQ(pretty(json), "{\n  \"a\": [1,2],\n  \"b\": {\n    \"c\": [[1,2],[3,4]]\n  },\n  \"d\": {}\n}");
  const Json again = Json::parse(pretty({{"list", Json::array({{{"x", 1}}, {{"y", "a\"b"}}})}}));
  EXPECT_EQ(again["list"][1]["y"], "a\"b");
}

TEST(GenerationConfig, FieldsBecomeSampling) {
  const auto parsed =
      parse_generation_config(
          R"({"do_sample": true, "temperature": 0.6, "top_p": 0.95, "top_k": null, "eos_token_id": [1]})", "g")
          .value();
  EXPECT_FLOAT_EQ(parsed.temperature, 0.6f);
  EXPECT_FLOAT_EQ(parsed.top_p, 0.95f);
  EXPECT_EQ(parsed.top_k, 0);
  EXPECT_EQ(parse_generation_config(R"({"do_sample": false, "temperature": 0.6})", "g").value().temperature, 0.0f);
  EXPECT_FALSE(parse_generation_config(R"({"temperature": "hot"})", "g").ok());
  EXPECT_FALSE(parse_generation_config(R"({"top_p": 2})", "g").ok());
  EXPECT_EQ(parse_generation_config(R"({"top_k": 50})", "g").value().top_k, 50);
  for (const char* top_k : {"50.7", "4294967297", "1e300", "-1", "\"50\""})
    EXPECT_NE(parse_generation_config(fmt::format(R"({{"top_k": {}}})", top_k), "g").error().message.find("top_k is"),
              std::string::npos)
        << top_k;
  EXPECT_FALSE(parse_generation_config("[]", "g").ok());
}

TEST(MachineHere, BandwidthIsMeasuredOnceAndKept) {
  const TestFolder folder;
  const std::string file = folder / "deep/bandwidth.json";
  EXPECT_FALSE(machine_here(Measure::never, file).cpu.bandwidth_measured);
  const Machine first = machine_here(Measure::if_unknown, file);
  if (!first.cpu.bandwidth_measured) GTEST_SKIP() << "no memory to measure with";
  const Machine again = machine_here(Measure::never, file);
  EXPECT_TRUE(again.cpu.bandwidth_measured);
  EXPECT_NEAR(again.cpu.bandwidth, first.cpu.bandwidth, 1);
}

/// A cache file whose entry for this machine holds the given readings.
class RememberedBandwidth : public testing::Test {
 protected:
  void SetUp() override {
    if (!machine_here(Measure::if_unknown, file).cpu.bandwidth_measured) GTEST_SKIP() << "no memory to measure with";
  }
  struct Reading {
    double gb_per_second, load;
  };
  void remember(const std::vector<Reading>& readings) {
    Json list = Json::array();
    for (const Reading& r : readings)
      list.push_back({{"gb_per_second", r.gb_per_second}, {"spread", 0}, {"load_per_core", r.load}});
    put({{"readings", list}});
  }
  void put(const Json& entry) {
    Json cache = stored();
    for (auto& [key, old] : cache.items()) old = entry;
    folder.write("bandwidth.json", cache.dump());
  }
  Json stored() const { return parse_json(read_text_file(file, 65536).value(), file).value(); }
  size_t count() const { return stored().begin()->at("readings").size(); }

  TestFolder folder;
  const std::string file = folder / "bandwidth.json";
};

TEST_F(RememberedBandwidth, IsTheMedianOfSeveralReadings) {
  remember({{30, 0}, {1e6, 0}, {31, 0}, {32, 0}, {0.001, 0}});
  EXPECT_EQ(machine_here(Measure::never, file).cpu.bandwidth, 31e9);
  EXPECT_GT(machine_here(Measure::never, file).cpu.bandwidth_spread, 0.04);
  EXPECT_LT(machine_here(Measure::never, file).cpu.bandwidth_spread, 0.1) << "one outlier on each side is none";
}

// One reading of 1e15 bytes/s stayed for ever, because the higher one won.
TEST_F(RememberedBandwidth, AnOutlierDoesNotStay) {
  remember({{1e6, 1e9}});
  for (int start = 0; start < 2; ++start)
    EXPECT_LT(machine_here(Measure::if_unknown, file).cpu.bandwidth, 1e12) << start;
  put({{"gb_per_second", 1e6}, {"load_per_core", 1e9}});  // as version 0.1 wrote it
  EXPECT_LT(machine_here(Measure::if_unknown, file).cpu.bandwidth, 1e12);
}

TEST_F(RememberedBandwidth, AFigureFromABusyMachineIsMeasuredAgain) {
  remember({{0.001, 1e9}, {0.001, 1e9}, {0.001, 1e9}});
  EXPECT_EQ(machine_here(Measure::never, file).cpu.bandwidth, 1e6);
  EXPECT_GT(machine_here(Measure::if_unknown, file).cpu.bandwidth, 1e7);
}

TEST_F(RememberedBandwidth, SaysAtWhichLoadItWasRead) {
  const auto cpu = [&] { return machine_here(Measure::never, file).cpu; };
  remember({{20, 2}, {20, 2}, {20, 2}});
  EXPECT_EQ(cpu().bandwidth_load, 2.0 * cpu().cores) << "programs that want to run, not a share of the cores";
  EXPECT_TRUE(measured_while_busy(cpu()));
  remember({{20, 0.1}, {20, 0.1}, {5, 4}});
  EXPECT_FALSE(measured_while_busy(cpu())) << "what a quieter machine has replaced does not count";
}

TEST_F(RememberedBandwidth, EnoughReadingsThatAgreeAreNotMeasuredAgain) {
  remember({{20, 1e9}, {20.1, 1e9}, {20.2, 1e9}});
  EXPECT_GT(std::abs(machine_here(Measure::if_unknown, file).cpu.bandwidth - 20.1e9), 1) << "this machine is quieter";
  remember({{20, 0}, {20.1, 0}, {20.2, 0}});  // nothing can be quieter
  EXPECT_EQ(machine_here(Measure::if_unknown, file).cpu.bandwidth, 20.1e9);
  EXPECT_EQ(count(), 3u);
  remember({{10, 0}, {20, 0}, {30, 0}, {10, 0}, {20, 0}, {30, 0}, {10, 0}});
  EXPECT_EQ(machine_here(Measure::if_unknown, file).cpu.bandwidth, 20e9);
  EXPECT_EQ(count(), 7u) << "an unsteady machine is not measured for ever";
  EXPECT_GT(machine_here(Measure::never, file).cpu.bandwidth_spread, unsteady_spread);
}

TEST_F(RememberedBandwidth, EachNumberOfThreadsHasItsOwn) {
  const Machine all = machine_here(Measure::never, file);
  if (all.cpu.cores < 2) GTEST_SKIP() << "one core";
  remember({{20, 0}, {20, 0}, {20, 0}});
  EXPECT_EQ(machine_here(Measure::never, file, 1).cpu.bandwidth, 20e9) << "all cores are the best known";
  EXPECT_EQ(machine_here(Measure::never, file, 1).cpu.bandwidth_threads, 0);
  const Machine one = machine_here(Measure::again, file, 1);
  EXPECT_EQ(one.cpu.bandwidth_threads, 1);
  EXPECT_EQ(machine_here(Measure::never, file, 1).cpu.bandwidth, one.cpu.bandwidth);
  EXPECT_EQ(machine_here(Measure::never, file).cpu.bandwidth, 20e9);
  EXPECT_EQ(machine_here(Measure::never, file, all.cpu.cores).cpu.bandwidth, 20e9);
}

TEST(MachineHere, ABrokenCacheCostsNothing) {
  const TestFolder folder;
  for (const char* text : {"", "[1]", "{\"x\": 3", "\xff\xfe"}) {
    folder.write("bandwidth.json", text);
    EXPECT_FALSE(machine_here(Measure::never, folder / "bandwidth.json").cpu.bandwidth_measured) << text;
  }
}

TEST(MachineNamed, AFileFirstThenWhatIsBuiltIn) {
  EXPECT_EQ(machine_named("h100").value().gpus.at(0).name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(machine_named("DGX Spark").value().gpus.at(0).arch, Arch{121});
  EXPECT_EQ(machine_named(MXPATH_SOURCE_DIR "/tests/machines/zen4.json").value().name, "Zen 4 desktop");
  const auto none = machine_named("pdp11");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(in_words(none.error().message).substr(0, 13), "machine pdp11");
  EXPECT_NE(none.error().message.find("haswell"), std::string::npos);
}

TEST(MachineNamed, AMachineInsideAnotherReport) {
  const TestFolder folder;
  const Machine machine = machine_named("haswell").value();
  folder.write("report.json", "{\"when\": 1, \"machine\": " + machine_to_json(machine).dump() + "}");
  EXPECT_EQ(machine_named(folder / "report.json").value(), machine);
}

TEST(ManifestOf, AConfigAloneIsEnoughToPlan) {
  const TestFolder folder;
  const std::string model = write_chat_model(folder);
  std::filesystem::remove(model + "/model.safetensors");
  for (const std::string& name : {model, model + "/config.json"}) {
    EXPECT_TRUE(manifest_of(name, {}).value().header_only);
    EXPECT_TRUE(plan_for(name, {}, "h100", {}).ok());
  }
  EXPECT_FALSE(manifest_of(folder / "nothing", {}).ok());
  // What one has who looked at a model's page before the download: an index of files that are not there.
  folder.write("model.safetensors.index.json",
               R"({"weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}})");
  std::filesystem::rename(folder / "model.safetensors.index.json", model + "/model.safetensors.index.json");
  EXPECT_TRUE(manifest_of(model, {}).value().header_only);
  EXPECT_NE(open_manifest(model).error().message.find("1 of 1 weight file is missing"), std::string::npos);
}

TEST(CheckPlan, AMachineThatMxpathIsNotBuiltForIsRefused) {
  const TestFolder folder;
  const auto plan = plan_for(write_chat_model(folder), {}, "gb10", {});
  ASSERT_TRUE(plan.ok());
  ASSERT_FALSE(check_plan(*plan, {}).ok());
  EXPECT_NE(check_plan(*plan, {}).error().message.find("built for x86-64 only"), std::string::npos);
}

TEST(CheckPlan, MemoryComesBeforeStrictness) {
  const TestFolder folder;
  const std::string model = write_chat_model(folder);
  Policy policy;
  policy.memory_budget = 1 << 10;
  const auto plan = plan_for(model, {}, "h100", policy);
  ASSERT_TRUE(plan.ok());
  const Status status = check_plan(*plan, policy);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::failed);
}

TEST(CheckPlan, AContextTooShortForThePromptIsNoAdvice) {
  Plan plan;
  plan.devices = {{cpu_device, {.weights = 2, .available = 1}}};
  plan.suggestions = {mention(Knob::context, 1024), mention(Knob::weights, "int8"),
                      mention(Knob::weights, "int4") + " " + mention(Knob::context, 128)};
  const auto advice = [&](const LeastContext& least) {
    const std::string message = in_words(check_plan(plan, {}, least).error().message);
    return message.substr(message.find("; ") + 2);
  };
  EXPECT_EQ(advice({}), "it would fit with context=1024, with weights=int8 or with weights=int4 context=128");
  EXPECT_EQ(advice({128, "a prompt"}),
            "it would fit with context=1024, with weights=int8 or with weights=int4 context=128");
  EXPECT_EQ(advice({2000, "a prompt"}),
            "it would fit with context=1024 and a prompt of at most 1024 tokens, with weights=int8 or with "
            "weights=int4 context=128 and a "
            "prompt of "
            "at most 128 tokens");
}

TEST(ModelFiles, AVocabularyTooSmallForItsTokenizer) {
  const TestFolder folder;
  EXPECT_TRUE(check_vocabulary(open_model_files(write_chat_model(folder), {}).value()).ok());
  const TestFolder small;
  const auto files = open_model_files(write_chat_model(small, 2047), {}).value();
  ASSERT_FALSE(check_vocabulary(files).ok());
  EXPECT_NE(check_vocabulary(files).error().message.find("2047 entries"), std::string::npos);
  EXPECT_TRUE(raw_stop_tokens(files).empty());
}

TEST(PlanSummary, ThreeLinesAndASentence) {
  Machine machine = machine_named("h100").value();
  const Plan plan = plan_for_config(gpt_oss_20b_config(), "gpt-oss-20b", machine).value();
  for (const std::string& line : plan_in_three_lines(plan, diagnose::Language::ko)) {
    EXPECT_TRUE(line.find("토큰") != line.npos || line.find("메모리") != line.npos || line.find("경로") != line.npos)
        << line;
    for (const char* english : {"experts on", "long prompts", "available", "memory", "about", "tok/s", "answering"})
      EXPECT_EQ(line.find(english), line.npos) << line;
  }
  EXPECT_EQ(plan_in_three_lines(plan, diagnose::Language::en).size(), 3u);
  EXPECT_EQ(plan_in_three_lines(plan, diagnose::Language::ko).size(), 3u);
  EXPECT_NE(plan_in_a_sentence(plan, diagnose::Language::en).find("mxpath would run it there"), std::string::npos);
  EXPECT_NE(plan_in_a_sentence(plan, diagnose::Language::ko).find("실행합니다"), std::string::npos);
  EXPECT_NE(plan_in_a_sentence(plan, diagnose::Language::en).find("on the GPU"), std::string::npos);
  machine.memory = uint64_t{4} << 30, machine.gpus.clear(), machine.no_gpu_reason = "none";
  const Plan too_large = plan_for_config(gpt_oss_20b_config(), "gpt-oss-20b", machine).value();
  EXPECT_NE(plan_in_three_lines(too_large, diagnose::Language::en)[1].find("does not fit"), std::string::npos);
  EXPECT_NE(plan_in_three_lines(too_large, diagnose::Language::ko)[1].find("부족함"), std::string::npos);
  EXPECT_NE(plan_in_a_sentence(too_large, diagnose::Language::en).find("would refuse"), std::string::npos);
  const Plan elsewhere =
      plan_for_config(gpt_oss_20b_config(), "gpt-oss-20b", machine_named("DGX Spark").value()).value();
  for (const auto language : {diagnose::Language::en, diagnose::Language::ko}) {
    EXPECT_NE(plan_in_a_sentence(elsewhere, language).find("x86-64"), std::string::npos);
    ASSERT_EQ(plan_in_three_lines(elsewhere, language).size(), 1u);
    EXPECT_NE(plan_in_three_lines(elsewhere, language)[0].find("x86-64"), std::string::npos);
  }
}

}  // namespace
}  // namespace mxpath
