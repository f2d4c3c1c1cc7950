// Every format of weights that --weights and --dense-weights know, and every row that reads it, on a small checkpoint.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/hint.h"
#include "base/text.h"
#include "engine/load.h"
#include "engine/session.h"
#include "golden.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

using test::Golden, test::GoldenPrompt;

const Machine& here() {
  static const Machine machine = probe_machine();
  return machine;
}

/// Widths 128 and 64: groups of 64 divide both.
const Golden& golden() {
  static const Golden read = test::read_golden("sharded");
  return read;
}

struct Outcome {
  double difference = 0;         // mean |Δ log-prob| against the FP32 forward of transformers
  std::vector<double> logprobs;  // of the prompt's own tokens
  std::vector<int32_t> greedy;
  std::vector<std::string> notices;
  std::vector<std::string_view> ran;  // rows of matrix products
};

std::unique_ptr<LoadedModel> load(const std::string& folder, const Policy& policy, std::vector<std::string>& notices) {
  auto loaded = load_model(folder, catalogue(), here(), policy,
                           {.progress = {}, .notice = [&](const std::string& text) { notices.push_back(text); }});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  return loaded.ok() ? std::move(loaded).value() : nullptr;
}

double mean_difference(const Score& score, const GoldenPrompt& prompt) {
  const size_t vocab = prompt.logprobs.size() / prompt.tokens.size();
  double sum = 0;
  for (size_t i = 0; i < score.top.size(); ++i)
    for (const auto& [id, logprob] : score.top[i])
      sum += std::abs(logprob - static_cast<double>(prompt.logprobs[i * vocab + static_cast<size_t>(id)]));
  return sum / static_cast<double>(prompt.logprobs.size());
}

Outcome run(const Policy& policy, const Golden& model = golden()) {
  Outcome out;
  const GoldenPrompt& prompt = model.prompts.front();
  const auto loaded = load(model.folder, policy, out.notices);
  if (!loaded) return out;
  auto session = Session::create(loaded->model, *loaded->threads).value();
  Trace trace;
  session.set_trace(&trace);
  const auto score = session.score(prompt.tokens, static_cast<int>(prompt.logprobs.size() / prompt.tokens.size()));
  EXPECT_TRUE(score.ok());
  out.difference = mean_difference(*score, prompt), out.logprobs = score->logprobs;
  GenerateOptions greedy;
  greedy.max_new_tokens = 12, greedy.sampling.temperature = 0;
  out.greedy = session.generate(prompt.tokens, greedy)->tokens;
  for (const KernelPath* path : trace)
    if (path->op == Op::linear || path->op == Op::moe_gate_up || path->op == Op::moe_down)
      out.ran.push_back(path->name);
  return out;
}

Policy portable(const char* weights, const char* dense = "as-stored") {
  Policy policy;
  policy.device = DeviceChoice::cpu, policy.only = {"*.cpu.portable.*"};
  EXPECT_TRUE(set_weights(policy, weights).ok() && set_dense_weights(policy, dense).ok());
  return policy;
}

TEST(Formats, MoreBitsComeCloserToTheFp32Forward) {
  std::map<std::string, Outcome> runs;
  for (const char* format : {"as-stored", "fp32", "fp16", "bf16", "fp8-e4m3", "fp8-e5m2", "int8", "int4", "int4-g64",
                             "nf4", "nf4-g32", "mxfp4"})
    runs[format] = run(portable(format));
  const Outcome& stored = runs["as-stored"];
  for (const char* same :
       {"fp32", "bf16", "mxfp4", "fp16"}) {  // fp16 too: the scales of this checkpoint are within its reach
    EXPECT_EQ(runs[same].logprobs, stored.logprobs) << same << " changes what the portable path computes";
    EXPECT_EQ(runs[same].greedy, stored.greedy) << same;
  }
  const auto closer = [&](const char* a, const char* b) {
    EXPECT_LT(runs[a].difference, runs[b].difference) << a << " against " << b;
  };
  closer("as-stored", "int8"), closer("int8", "fp8-e4m3"), closer("fp8-e4m3", "fp8-e5m2"),
      closer("fp8-e5m2", "int4-g64");
  closer("int8", "int4"), closer("int4", "int4-g64"), closer("int8", "nf4-g32"), closer("nf4-g32", "nf4");
}

TEST(Formats, DenseWeightsToo) {
  std::map<std::string, Outcome> runs;
  for (const char* format : {"as-stored", "bf16", "fp8-e4m3", "int8"})
    runs[format] = run(portable("as-stored", format));
  EXPECT_EQ(runs["bf16"].logprobs, runs["as-stored"].logprobs);
  EXPECT_LT(runs["as-stored"].difference, runs["int8"].difference);
  EXPECT_LT(runs["int8"].difference, runs["fp8-e4m3"].difference);
  ASSERT_EQ(runs["int8"].notices.size(), 1u);
  EXPECT_NE(runs["int8"].notices[0].find("attention.qkv, attention.output, head: bf16 to int8"), std::string::npos)
      << runs["int8"].notices[0];
}

TEST(Formats, AConversionIsToldWithItsSizesAndStrictRefusesIt) {
  const Outcome run_int8 = run(portable("int8")), run_stored = run(portable("mxfp4"));
  EXPECT_TRUE(run_stored.notices.empty());
  ASSERT_EQ(run_int8.notices.size(), 1u);
  EXPECT_EQ(run_int8.notices[0].rfind("converted on load: moe.gate_up, moe.down: mxfp4 to int8, ", 0), 0u)
      << run_int8.notices[0];
  EXPECT_NE(run_int8.notices[0].find(", with loss: "), std::string::npos) << run_int8.notices[0];
  EXPECT_TRUE(run(portable("fp16")).notices.at(0).ends_with(", without loss")) << "counted: FP16 holds these scales";
  Policy strict;
  strict.device = DeviceChoice::cpu, strict.strict = true;
  for (auto set : {set_weights, set_dense_weights}) {
    Policy policy = strict;
    ASSERT_TRUE(set(policy, "int8").ok());
    const auto refused = load_model(golden().folder, catalogue(), here(), policy, {});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::refused);
    EXPECT_NE(refused.error().message.find("as int8, stored as"), std::string::npos) << refused.error().message;
  }
}

TEST(Formats, ABf16CheckpointIsQuantisedOnLoad) {
  const Golden model = test::read_golden("bf16_layout");  // 96 wide
  const Outcome stored = run(portable("as-stored"), model), mxfp4 = run(portable("mxfp4"), model),
                int8 = run(portable("int8"), model);
  EXPECT_NE(mxfp4.notices.at(0).find("bf16 to mxfp4"), std::string::npos);
  EXPECT_TRUE(mxfp4.notices.at(0).ends_with(", without loss")) << mxfp4.notices.at(0);
  EXPECT_EQ(mxfp4.logprobs, stored.logprobs) << "its values were MXFP4 before, and the ceil rule gives them back";
  EXPECT_LT(stored.difference, int8.difference);
  const auto refused = load_model(model.folder, catalogue(), here(), portable("nf4"), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(in_words(refused.error().message),
            "weights=nf4-g64: the 96 columns of moe.gate_up do not divide into groups of 64; choose nf4-g32 or int8");
}

/// Rows of matrix products that read one layout, and that this computer can run.
std::vector<const KernelPath*> rows_with_a_layout() {
  std::vector<const KernelPath*> rows;
  for (const KernelPath* path : catalogue().paths) {
    const bool product = path->op == Op::linear || path->op == Op::moe_gate_up || path->op == Op::moe_down;
    if (product && path->device == DeviceKind::cpu && path->weights != Layout::any && path->built &&
        here().cpu.features.contains(path->needs.cpu))
      rows.push_back(path);
  }
  return rows;
}

TEST(Formats, EveryRowOfAFormatComputesWhatThePortableOneDoes) {
  for (const KernelPath* row : rows_with_a_layout()) {
    const std::string format = name_of(held_in(row->weights));
    const bool dense = row->op == Op::linear;
    Policy policy = portable(dense ? "as-stored" : format.c_str(), dense ? format.c_str() : "as-stored");
    policy.numerics = Numerics::fast;
    const Outcome floor = run(policy);
    policy.only.push_back(std::string(row->name));
    policy.exclude = {fmt::format("{}.cpu.portable.f32", name_of(row->op))};
    const Outcome fast = run(policy);
    EXPECT_TRUE(std::ranges::count(fast.ran, row->name)) << row->name << " was not chosen";
    ASSERT_EQ(fast.logprobs.size(), floor.logprobs.size()) << row->name;
    double sum = 0;
    for (size_t i = 0; i < fast.logprobs.size(); ++i) sum += std::abs(fast.logprobs[i] - floor.logprobs[i]);
    // Another order of additions now and then turns the rounding of a cached key; BF16 activations are rounded always.
    const double mean = sum / static_cast<double>(fast.logprobs.size()),
                 noise = golden().prompts.front().bf16_mean_abs_delta;
    EXPECT_LT(mean, row->arithmetic == Arithmetic::f32 ? noise / 10 : noise) << row->name;
  }
}

}  // namespace
}  // namespace mxpath
