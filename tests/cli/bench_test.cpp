// `mxpath bench` as a user starts it.
#include <gtest/gtest.h>

#include <chrono>

#include "app/test_model.h"
#include "run_program.h"

namespace mxpath {
namespace {

class BenchCommand : public testing::Test {
 protected:
  TestFolder folder;

  Ran bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "bench");
    return run_mxpath(arguments);
  }
  void expect_error(const Ran& ran, int code, const std::string& part) {
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  }
};

TEST_F(BenchCommand, AConfigAloneIsEnough) {
  write_tiny(folder / "tiny");
  std::filesystem::remove(folder / "tiny/model.safetensors");
  for (const auto& subject :
       std::vector<std::vector<std::string>>{{"--shape", folder / "tiny/config.json", "--random-weights"},
                                             {"--shape", folder / "tiny"},
                                             {folder / "tiny", "--random-weights"}}) {
    auto arguments = subject;
    arguments.insert(arguments.end(),
                     {"--prompt", "40,9", "--tokens", "6", "--depth", "0,12", "--repeat", "2", "--json"});
    const Ran ran = bench(arguments);
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    const Json json = Json::parse(ran.out);
    EXPECT_EQ(json["model"]["random_seed"], 1);
    ASSERT_EQ(json["prefill"].size(), 2u);
    EXPECT_EQ(json["prefill"][0]["tokens"], 40);
    EXPECT_EQ(json["prefill"][0]["seconds"].size(), 2u);
    ASSERT_EQ(json["decode"].size(), 2u);
    EXPECT_EQ(json["decode"][1]["depth"], 12);
    EXPECT_EQ(json["decode"][1]["seconds"].size(), 6u);
    for (const char* field :
         {"tokens_per_second", "low", "high", "predicted", "roof_share", "gb_per_second", "roof_gb_per_second"})
      EXPECT_GT(json["decode"][0][field].get<double>(), 0) << field;
    EXPECT_GT(json["load"]["seconds"].get<double>(), json["load"]["self_check_seconds"].get<double>());
    EXPECT_FALSE(json["machine"]["cpu"]["name"].get<std::string>().empty());
    EXPECT_TRUE(json["bandwidth_measured"].get<bool>());
    EXPECT_EQ(json["paths"]["decode"]["norm.cpu.portable.f32"], 5);
  }
}

TEST_F(BenchCommand, ATableForPeopleAndAFileForTools) {
  write_tiny(folder / "tiny");
  const std::string file = folder / "report.json";
  const Ran ran = bench({folder / "tiny", "--prompt", "16", "--tokens", "4", "--repeat", "1", "--out", file, "-v"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* part :
       {"share of the roof", "prefill 16 ", "decode ", "predicted", "self-check", "sample.cpu.portable.f32 x1"})
    EXPECT_NE(ran.out.find(part), std::string::npos) << part << "\n" << ran.out;
  const Json json = Json::parse(folder.read("report.json"));
  EXPECT_TRUE(json["model"]["random_seed"].is_null());
  EXPECT_TRUE(json["load"]["random_weights_seconds"].is_null());
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"report.json", "tiny"})) << "no unfinished file stays";
}

TEST_F(BenchCommand, OneSentenceForEachWrongUse) {
  expect_error(bench({"--shape", "7b"}), 2, "--shape 7b: choose 20b, 120b, demo, tiny, or give a config.json");
  expect_error(bench({"demo", "--shape", "20b"}), 2, "both given");
  expect_error(bench({"demo", "--stored", "bf16"}), 2, "--random-weights");
  expect_error(bench({"--shape", "tiny", "--stored", "int4"}), 2, "mxfp4|bf16");
  expect_error(bench({"--shape", "tiny", "--prompt", "200000"}), 2, "200001 tokens, but the model was made for 131072");
  expect_error(bench({"--shape", "tiny", "--prompt", "100", "--ctx", "100"}), 2,
               "--ctx 100: the longest measurement takes");
  expect_error(bench({"--shape", "tiny", "--prompt", "100", "--ctx", "100"}), 2,
               "leave out --ctx, or choose --prompt 99 or less");
  expect_error(bench({"demo", "--depth", "4093"}), 2, "the model was made for 4096; choose --depth 3964 or less");
  expect_error(bench({"demo", "--tokens", "4093"}), 2,
               "the model was made for 4096; choose --tokens 4091 or less with --depth 0");
  expect_error(bench({"--shape", "tiny", "--prompt", "many"}), 2, "--prompt");
  expect_error(bench({"--shape", folder / "none.json"}), 1, "none.json: no such file");
  expect_error(bench({"--shape", "tiny", "--out", folder / "none/report.json"}), 1, "none/report.json");
}

TEST_F(BenchCommand, TooLargeIsSaidBeforeAnythingIsFilled) {
  const auto start = std::chrono::steady_clock::now();
  expect_error(bench({"--shape", "120b", "--memory", "20"}), 1, "the model needs 6");
  expect_error(bench({"--shape", "20b", "--memory", "12.5", "--device", "cpu"}), 1,
               "random weights need 1.34 GiB of memory beside");
  const Ran little = bench({"--shape", "20b", "--memory", "12.5", "--device", "cpu"});
  const bool more = little.err.find("choose --memory 13.3 or more, or a smaller --shape") != std::string::npos;
  EXPECT_TRUE(more || little.err.find("choose a smaller --shape") != std::string::npos) << little.err;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20))
      << "filling would take far longer under a sanitizer, and page in 14 GB";
}

TEST_F(BenchCommand, Bf16ExpertsAndFallbacks) {
  const Ran ran = bench({"--shape", "tiny", "--stored", "bf16", "--prompt", "0", "--tokens", "3", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(Json::parse(ran.out)["model"]["stored"].get<std::string>().find("unquantised"), std::string::npos)
      << ran.out;
  const Ran fell_back =
      bench({"--shape", "tiny", "--prompt", "0", "--tokens", "3", "--exclude", "moe_gate_up.cpu.a*", "--json"});
  ASSERT_EQ(fell_back.code, 0) << fell_back.err;
  EXPECT_EQ(Json::parse(fell_back.out)["paths"]["decode"]["moe_gate_up.cpu.portable.f32"], 2);
}

}  // namespace
}  // namespace mxpath
