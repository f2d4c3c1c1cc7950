// Checkpoints whose layers are stored in different formats: each layer is held as it is stored, or converted from what
// it is stored in.
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/load.h"
#include "engine/session.h"
#include "golden.h"
#include "kernels/catalogue.h"
#include "loose_checkpoint.h"
#include "machine/known_machines.h"
#include "plan/explain.h"

namespace mxpath {
namespace {

using test::LooseCheckpoint;

const std::vector<int32_t> text = {5, 17, 300, 2, 99, 411, 8, 8, 1, 63, 250, 7};
const std::string gate_up = "mlp.experts.gate_up_proj", down = "mlp.experts.down_proj";

std::string layer(int index, const std::string& name) { return "model.layers." + std::to_string(index) + "." + name; }

/// Off the grid of MXFP4, on that of BF16.
float finer(float value, size_t index) { return round_bf16(value * (1 + 0.01f * static_cast<float>(index % 9))); }
/// Off the grid of BF16, on that of FP16.
float finer_half(float value, size_t index) { return round_fp16(value * (1 + 0.001f * static_cast<float>(index % 7))); }
/// Off the grids of both.
float finest(float value, size_t index) { return value * (1 + 1e-5f * static_cast<float>(index % 11)); }

struct Mixture {
  const char* name;
  void (*make)(LooseCheckpoint&);
  size_t shards = 1;
};
void experts_finer(LooseCheckpoint& c, int at) {
  c.store(layer(at, gate_up), Dtype::bf16, finer), c.store(layer(at, down), Dtype::bf16, finer);
}
const Mixture mixtures[] = {
    {"bf16_experts_behind_mxfp4", [](LooseCheckpoint& c) { experts_finer(c, 1); }},
    {"bf16_experts_before_mxfp4", [](LooseCheckpoint& c) { experts_finer(c, 0); }},
    {"bf16_experts_in_shards", [](LooseCheckpoint& c) { experts_finer(c, 1); }, 3},
    {"one_expert_matrix_alone", [](LooseCheckpoint& c) { c.store(layer(1, down), Dtype::bf16, finer); }},
    {"fp32_experts", [](LooseCheckpoint& c) { c.store(layer(1, gate_up), Dtype::f32, finest); }},
    {"fp16_experts", [](LooseCheckpoint& c) { c.store(layer(1, gate_up), Dtype::f16, finer_half); }},
    {"fp32_query", [](LooseCheckpoint& c) { c.store(layer(1, "self_attn.q_proj.weight"), Dtype::f32, finest); }},
    {"fp16_key", [](LooseCheckpoint& c) { c.store(layer(1, "self_attn.k_proj.weight"), Dtype::f16, finer_half); }},
    {"fp16_output", [](LooseCheckpoint& c) { c.store(layer(1, "self_attn.o_proj.weight"), Dtype::f16, finer_half); }},
    {"fp32_output_first", [](LooseCheckpoint& c) { c.store(layer(0, "self_attn.o_proj.weight"), Dtype::f32, finest); }},
    {"fp32_router", [](LooseCheckpoint& c) { c.store(layer(1, "mlp.router.weight"), Dtype::f32, finest); }},
    {"fp32_head", [](LooseCheckpoint& c) { c.store("lm_head.weight", Dtype::f32, finest); }},
    {"fp16_embedding", [](LooseCheckpoint& c) { c.store("model.embed_tokens.weight", Dtype::f16, finer_half); }},
    {"vectors",
     [](LooseCheckpoint& c) {
       c.store(layer(1, "self_attn.q_proj.bias"), Dtype::f32, finest),
           c.store(layer(0, "self_attn.sinks"), Dtype::f16, finer_half);
       c.store(layer(1, "input_layernorm.weight"), Dtype::f32, finest),
           c.store(layer(1, "mlp.router.bias"), Dtype::f16, finer_half);
       c.store(layer(0, "mlp.experts.down_proj_bias"), Dtype::f32, finest);
     }},
};

Policy portable() {
  Policy policy;
  policy.only = {"*.cpu.portable.*"};
  return policy;
}

std::unique_ptr<LoadedModel> load(const std::string& folder, const Policy& policy,
                                  std::vector<std::string>* notices = nullptr) {
  auto loaded = load_model(folder, catalogue(), test::cpu_of_this_machine(), policy,
                           {.progress = {}, .notice = [&](const std::string& said) {
                              if (notices) notices->push_back(said);
                            }});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  return loaded.ok() ? std::move(loaded).value() : nullptr;
}

std::vector<double> logprobs(const std::string& folder, const Policy& policy) {
  const auto loaded = load(folder, policy);
  if (!loaded) return {};
  auto session = Session::create(loaded->model, *loaded->threads).value();
  return session.score(text, 0).value().logprobs;
}

class Mixed : public testing::TestWithParam<Mixture> {};

TEST_P(Mixed, EveryLayerIsHeldAsItIsStored) {
  LooseCheckpoint checkpoint;
  GetParam().make(checkpoint);
  const std::string mixed = checkpoint.write("mixed", GetParam().shards);
  checkpoint.widen();  // the same numbers, all of them in one format
  const auto expected = logprobs(checkpoint.write("wide"), portable());
  ASSERT_EQ(expected.size(), text.size() - 1);
  EXPECT_EQ(logprobs(mixed, portable()), expected);
}

TEST_P(Mixed, StoredAsTheyAreNothingIsGivenUp) {
  LooseCheckpoint checkpoint;
  GetParam().make(checkpoint);
  const auto loaded = load(checkpoint.write("mixed", GetParam().shards), {});
  ASSERT_NE(loaded, nullptr);
  EXPECT_TRUE(loaded->model.plan.conversions.empty());
  for (const SitePlan& site : loaded->model.plan.sites)
    if (site.site.has_weights()) {
      EXPECT_EQ(site.site.format, WeightFormat(site.site.stored)) << title_of(site.site);
    }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Mixed, testing::ValuesIn(mixtures),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(MixedFormats, AreConvertedEachFromItsOwn) {
  LooseCheckpoint checkpoint;
  experts_finer(checkpoint, 1);
  const std::string folder = checkpoint.write("mixed");
  Policy policy = portable();
  ASSERT_TRUE(set_weights(policy, "bf16").ok());
  EXPECT_EQ(logprobs(folder, policy), logprobs(folder, portable())) << "BF16 holds both";

  ASSERT_TRUE(set_weights(policy, "int8").ok());
  std::vector<std::string> notices;
  const auto loaded = load(folder, policy, &notices);
  ASSERT_NE(loaded, nullptr);
  const auto& conversions = loaded->model.plan.conversions;
  ASSERT_EQ(conversions.size(), 2u);
  EXPECT_EQ(conversions[0].from, NumberFormat::mxfp4);
  EXPECT_EQ(conversions[0].sites, (std::vector<std::string>{"moe.gate_up (layer 0)", "moe.down (layer 0)"}));
  EXPECT_EQ(conversions[1].from, NumberFormat::bf16);
  EXPECT_EQ(conversions[1].sites, (std::vector<std::string>{"moe.gate_up (layer 1)", "moe.down (layer 1)"}));
  EXPECT_EQ(conversions[1].matrices, 8u) << "two of each of four experts";
  EXPECT_EQ(conversions[1].values, 4u * (192 * 64 + 64 * 96));
  ASSERT_EQ(notices.size(), 2u);
  for (const std::string& notice : notices) EXPECT_NE(notice.find("with loss: "), std::string::npos) << notice;

  // What its own format holds already is not converted, and what it rounds is counted.
  ASSERT_TRUE(set_weights(policy, "mxfp4").ok());
  notices.clear();
  const auto rounded = load(folder, policy, &notices);
  ASSERT_EQ(rounded->model.plan.conversions.size(), 1u);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].rfind("converted on load: moe.gate_up (layer 1), moe.down (layer 1): bf16 to mxfp4", 0), 0u)
      << notices[0];
  EXPECT_GT(rounded_values(rounded->model.weights, rounded->model.plan, rounded->model.plan.conversions[0]), 1000u);
}

/// On a CPU with AVX-512 BF16 the MXFP4 layer rounded its inputs and the BF16 layer did not, so that widening the first
/// moved the answer.
TEST(MixedFormats, WideningALayerChangesNoArithmetic) {
  LooseCheckpoint checkpoint;
  experts_finer(checkpoint, 1);
  const std::string folder = checkpoint.write("mixed");
  const Manifest manifest = open_manifest(folder).value();
  Policy wide;
  ASSERT_TRUE(set_weights(wide, "bf16").ok());
  for (const char* name : {"sapphire_rapids", "zen4", "zen5", "epyc_zen5"})
    for (const Policy& policy : {Policy(), wide}) {
      const Plan plan = make_plan(manifest, catalogue(), known_machine(name).value(), policy).value();
      for (int layer = 0; layer < 2; ++layer)
        EXPECT_EQ(plan.find(SiteId::gate_up, layer, cpu_device)->path_for({1}).arithmetic, Arithmetic::f32)
            << name << " " << layer;
    }
  const auto stored = logprobs(folder, {}), widened = logprobs(folder, wide);
  ASSERT_EQ(stored.size(), widened.size());
  for (size_t i = 0; i < stored.size(); ++i) EXPECT_NEAR(stored[i], widened[i], 1e-3) << i;
}

TEST(MixedFormats, StrictRefusesWhatIsConverted) {
  LooseCheckpoint checkpoint;
  experts_finer(checkpoint, 1);
  const std::string folder = checkpoint.write("mixed");
  for (const char* format : {"mxfp4", "bf16"}) {
    Policy policy;
    policy.strict = true;
    ASSERT_TRUE(set_weights(policy, format).ok());
    const auto refused = load_model(folder, catalogue(), test::cpu_of_this_machine(), policy, {});
    ASSERT_FALSE(refused.ok()) << format;
    EXPECT_EQ(refused.error().kind, ErrorKind::refused);
    EXPECT_NE(refused.error().message.find("moe.gate_up (layer "), std::string::npos) << refused.error().message;
  }
}

TEST(MixedFormats, ThePlanShowsEachGroupOfLayers) {
  LooseCheckpoint checkpoint;
  experts_finer(checkpoint, 1);
  const auto loaded = load(checkpoint.write("mixed"), {});
  ASSERT_NE(loaded, nullptr);
  const Plan& plan = loaded->model.plan;
  const std::string whole = explain(plan, false), brief = explain_briefly(plan);
  for (const char* line : {"\n1 × moe.gate_up (layer 0)  ", "\n1 × moe.gate_up (layer 1)  ",
                           "\n1 × moe.down (layer 1)  ", "\n2 × attention.qkv  "})
    EXPECT_NE(whole.find(line), std::string::npos) << line << whole;
  EXPECT_NE(brief.find("moe.gate_up (layer 0): "), std::string::npos) << brief;
  EXPECT_NE(brief.find("moe.gate_up (layer 1): "), std::string::npos) << brief;
  int groups = 0;
  const Json json = plan_to_json(plan);
  for (const Json& site : json["sites"]) {
    if (site["site"] != "moe.gate_up") continue;
    EXPECT_EQ(site["layers"], Json::array({groups}));
    EXPECT_EQ(site["weights"]["stored"], groups == 0 ? "mxfp4" : "bf16");
    ++groups;
  }
  EXPECT_EQ(groups, 2);
}

/// The check of the packed weights believes the checkpoint, not what a plan says of it.
TEST(MixedFormats, WhatWasRoundedWithoutAWordIsFoundAfterPacking) {
  LooseCheckpoint checkpoint;
  experts_finer(checkpoint, 0), experts_finer(checkpoint, 1);
  Policy policy = portable();
  ASSERT_TRUE(set_weights(policy, "mxfp4").ok());
  const auto loaded = load(checkpoint.write("bf16"), policy);
  ASSERT_NE(loaded, nullptr);
  Plan plan = loaded->model.plan;
  EXPECT_TRUE(check_packing(loaded->model.weights, plan, loaded->checkpoint, 1).value().empty())
      << "the plan says the conversion";
  for (SitePlan& site : plan.sites)
    if (site.site.id == SiteId::down) site.site.stored = NumberFormat::mxfp4;
  const auto differences = check_packing(loaded->model.weights, plan, loaded->checkpoint, 1).value();
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].site->site.id, SiteId::down);
}

}  // namespace
}  // namespace mxpath
