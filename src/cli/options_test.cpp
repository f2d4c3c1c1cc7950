#include "cli/options.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "cli/choice.h"
#include "cli/knob_flags.h"
#include "cli/run_options.h"

namespace mxpath::cli {
namespace {

/// What a command line makes of the shared options; the error's text where it does not parse.
struct Parsed {
  CommonOptions common;
  Program program;
  std::string error;
};

Parsed parse_common(std::vector<std::string> words) {
  Parsed out;
  CLI::App app("test", "mxpath");
  add_model(app, out.common.model, false);
  add_common_options(app, out.common, out.program);
  std::ranges::reverse(words);  // CLI11 takes a vector from its end
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    out.error = in_flags(error.what());
  }
  return out;
}

RunOptions parse_run(std::vector<std::string> words) {
  RunOptions out;
  CLI::App app("test", "mxpath");
  add_run_options(app, out);
  std::ranges::reverse(words);
  app.parse(words);
  return out;
}

TEST(Options, DefaultsLeaveThePolicyAlone) {
  const auto p = parse_common({});
  EXPECT_EQ(p.error, "");
  EXPECT_EQ(p.common.model, "demo");
  EXPECT_EQ(p.common.policy.context, 0);
  EXPECT_EQ(p.common.policy.threads, 0);
  EXPECT_FALSE(p.common.policy.strict);
  EXPECT_FALSE(p.common.policy.weights.has_value());
  EXPECT_EQ(p.common.policy.device, DeviceChoice::automatic);
}

TEST(Options, EveryWordReachesThePolicy) {
  const auto p = parse_common({"m",
                               "--device",
                               "cuda:2",
                               "--weights",
                               "bf16",
                               "--dense-weights",
                               "int8",
                               "--only",
                               "a*",
                               "--only",
                               "b",
                               "--exclude",
                               "c,d",
                               "--strict",
                               "--threads",
                               "3",
                               "--ctx",
                               "512",
                               "--numerics",
                               "fast",
                               "--for",
                               "prefill",
                               "--memory",
                               "1.5",
                               "--inject-failure",
                               "e",
                               "--json",
                               "-v"});
  ASSERT_EQ(p.error, "");
  const Policy& policy = p.common.policy;
  EXPECT_EQ(p.common.model, "m");
  EXPECT_EQ(policy.device, DeviceChoice::cuda);
  EXPECT_EQ(policy.gpus, std::vector<DeviceId>{cuda_device(2)});
  EXPECT_EQ(policy.weights, NumberFormat::bf16);
  EXPECT_EQ(policy.dense_weights, NumberFormat::int8);
  EXPECT_EQ(policy.only, (std::vector<std::string>{"a*", "b"}));
  EXPECT_EQ(policy.exclude, (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(policy.inject_failure, std::vector<std::string>{"e"});
  EXPECT_TRUE(policy.strict);
  EXPECT_EQ(policy.threads, 3);
  EXPECT_EQ(policy.context, 512);
  EXPECT_EQ(policy.numerics, Numerics::fast);
  EXPECT_EQ(policy.goal, Goal::prefill);
  EXPECT_EQ(policy.memory_budget, uint64_t{3} << 29);
  EXPECT_TRUE(p.program.json);
  EXPECT_TRUE(p.common.verbose);
}

TEST(Options, AGlobDoesNotSwallowTheModel) {
  const auto p = parse_common({"--only", "a*", "folder"});
  EXPECT_EQ(p.common.model, "folder");
  EXPECT_EQ(p.common.policy.only, std::vector<std::string>{"a*"});
}

TEST(Options, WrongValuesSayWhatIsPossible) {
  EXPECT_NE(parse_common({"--device", "gpu"}).error.find("choose auto, cpu, cuda, cuda:N or a GPU's UUID"),
            std::string::npos);
  EXPECT_NE(parse_common({"--weights", "nf5"}).error.find("--weights nf5"), std::string::npos);
  EXPECT_NE(parse_common({"--numerics", "exact"}).error, "");
  EXPECT_NE(parse_common({"--threads", "0"}).error, "");
  EXPECT_NE(parse_common({"--threads", "99999"}).error, "");
  EXPECT_NE(parse_common({"--ctx", "-1"}).error, "");
  EXPECT_NE(parse_common({"--memory", "0"}).error, "");
  EXPECT_NE(parse_common({"--memory", "nan"}).error, "");
}

TEST(Options, WholeNumbersAreDecimalDigitsInRange) {
  const auto seed = whole_number(0, std::numeric_limits<uint64_t>::max());
  const auto takes = [](const CLI::Validator& validator, std::string text) { return validator(text).empty(); };
  for (const char* good : {"0", "7", "10", "18446744073709551615"}) EXPECT_TRUE(takes(seed, good)) << good;
  for (const char* bad : {"", "-1", "-0", "+1", "18446744073709551616", "99999999999999999999", "0x10", "010", "00",
                          "1e3", "1.0", " 1", "1 ", "1'0"})
    EXPECT_FALSE(takes(seed, bad)) << bad;
  std::string text = "x\x1b";
  EXPECT_EQ(seed(text), "a whole number from 0 to 18446744073709551615, not \"x\\x1b\"");
  EXPECT_TRUE(takes(whole_number(-5, 5), "-5"));
  EXPECT_FALSE(takes(whole_number(-5, 5), "-6"));
  EXPECT_FALSE(takes(whole_number(2, 5), "1"));
  EXPECT_FALSE(takes(whole_number(2, 5), "6"));
}

TEST(Options, DecimalNumbersAreFinite) {
  const auto takes = [](std::string text) { return decimal_number()(text).empty(); };
  for (const char* good : {"0", "0.7", "-1", "1e-3", ".5", "100."}) EXPECT_TRUE(takes(good)) << good;
  for (const char* bad : {"", "nan", "inf", "-inf", "1e999", "0x1p3", "1,5", " 1", "1 ", "+1", "one"})
    EXPECT_FALSE(takes(bad)) << bad;
}

TEST(RunOptions, SamplingIsTheModelsUnlessGiven) {
  const SamplingOptions model{.temperature = 0.5f, .top_p = 0.9f, .min_p = 0.1f, .top_k = 7, .seed = 0};
  const SamplingOptions as_is = sampling_of(parse_run({"demo", "hello"}), model);
  EXPECT_EQ(as_is.temperature, 0.5f);
  EXPECT_EQ(as_is.top_k, 7);
  const SamplingOptions given = sampling_of(parse_run({"demo", "hello", "--temperature", "0", "--top-p", "0.3",
                                                       "--top-k", "2", "--min-p", "0", "--seed", "11"}),
                                            model);
  EXPECT_EQ(given.temperature, 0.0f);
  EXPECT_EQ(given.top_p, 0.3f);
  EXPECT_EQ(given.min_p, 0.0f);
  EXPECT_EQ(given.top_k, 2);
  EXPECT_EQ(given.seed, 11u);
}

TEST(RunOptions, TwoRunsDrawTwoSeeds) {
  const RunOptions options = parse_run({});
  EXPECT_NE(sampling_of(options, {}).seed, sampling_of(options, {}).seed);
}

TEST(RunOptions, ContradictionsAreWrongUse) {
  const auto kind = [](const RunOptions& o, bool json = false) {
    const Status status = check_run_options(o, json);
    return status.ok() ? "fine" : status.error().kind == ErrorKind::wrong_use ? "wrong use" : "failed";
  };
  EXPECT_STREQ(kind(parse_run({"demo", "hello"})), "fine");
  EXPECT_STREQ(kind(parse_run({"demo", "hello", "--tokens", "f"})), "wrong use");
  EXPECT_STREQ(kind(parse_run({"demo", "hello", "--show", "all"}), true), "wrong use");
  EXPECT_STREQ(kind(parse_run({"demo", "hello", "--temperature", "-1"})), "wrong use");
  EXPECT_THROW(parse_run({"--raw", "--tokens", "f"}), CLI::ParseError);
  EXPECT_THROW(parse_run({"--date", "2025-13-01"}), CLI::ParseError);
  EXPECT_THROW(parse_run({"--no-date", "--date", "2025-12-01"}), CLI::ParseError);
  EXPECT_THROW(parse_run({"--reasoning-effort", "extreme"}), CLI::ParseError);
}

TEST(RunOptions, ConversationWords) {
  const RunOptions o = parse_run({"demo", "-", "--reasoning-effort", "HIGH", "--system", "You are a lamp.",
                                  "--developer", "Shine.", "--date", "2024-02-29"});
  EXPECT_EQ(o.prompt, "-");
  EXPECT_EQ(o.conversation.effort, harmony::Effort::high);
  EXPECT_EQ(o.conversation.identity, "You are a lamp.");
  EXPECT_EQ(o.conversation.developer, "Shine.");
  EXPECT_EQ(o.conversation.date, "2024-02-29");
}

}  // namespace
}  // namespace mxpath::cli
