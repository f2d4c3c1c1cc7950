#include "plan/block.h"

#include <gtest/gtest.h>

#include "base/hint.h"
#include "base/json.h"
#include "plan/explain.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

using test::cpu_machine, test::gpu_machine;

constexpr CpuFeatures avx2{CpuFeature::avx2}, avx512{CpuFeature::avx2, CpuFeature::avx512};
constexpr FusedPart gate_up_and_swiglu[] = {{SiteId::gate_up, Layout::mxfp4_rows16, "moe_gate_up.cpu.avx512.mxfp4_f32"},
                                            {SiteId::swiglu, Layout::none, "swiglu.cpu.portable.f32"}};
constexpr FusedPart in_plain_rows[] = {{SiteId::gate_up, Layout::mxfp4_rows, ""}, {SiteId::swiglu, Layout::none, ""}};

constexpr KernelPath fused{.name = "experts_block.cpu.avx512.fused",
                           .op = Op::experts_block,
                           .needs = {.cpu = {CpuFeature::avx512}},
                           .unit = Unit::avx512,
                           .efficiency = .6,
                           .fuses = gate_up_and_swiglu};

Manifest manifest() { return manifest_from_config(test::small_config(), "test"); }

Catalogue with(const KernelPath& row) {
  Catalogue rows = test::catalogue();
  rows.paths.insert(rows.paths.begin(), &row);
  return rows;
}

Plan planned(const Catalogue& rows, const Machine& machine, const Policy& policy = {}, const Failures& failures = {}) {
  auto plan = make_plan(manifest(), rows, machine, policy, failures);
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  return plan.ok() ? *plan : Plan{};
}

std::string parts_text(const Plan& plan, const BlockPlan& block) {
  std::string text;
  for (const SitePlan* part : plan.parts_of(block)) text += (text.empty() ? "" : " ") + std::string(part->site.name());
  return text;
}

const BlockPlan& experts_of(const Plan& plan) { return *plan.find_block(SiteId::experts_block, 0); }

std::vector<Refusal> refusals_of(const BlockPlan& block, std::string_view path) {
  for (const Candidate& c : block.plan.decisions.front().all)
    if (c.path->name == path) return c.why_not;
  ADD_FAILURE() << path << " is not among the candidates";
  return {};
}

TEST(Blocks, StandAboveThePartsOfTheirLayers) {
  const Plan plan = planned(test::catalogue(), cpu_machine(avx2));
  ASSERT_EQ(plan.blocks.size(), 3u);  // sliding layers, full layers, the experts of all
  const BlockPlan &sliding = *plan.find_block(SiteId::attention_block, 0),
                  &full = *plan.find_block(SiteId::attention_block, 1);
  EXPECT_EQ(parts_text(plan, sliding), "norm attention.qkv rope attention.sliding attention.output");
  EXPECT_EQ(parts_text(plan, full), "norm attention.qkv rope attention.full attention.output");
  EXPECT_EQ(parts_text(plan, experts_of(plan)), "norm router moe.gate_up swiglu moe.down");
  EXPECT_EQ(title_of(sliding.plan.site), "attention_block (layers 0, 2)");
  EXPECT_EQ(sliding.plan.site.count, 2);
  EXPECT_EQ(title_of(experts_of(plan).plan.site), "experts_block");
}

TEST(Blocks, OfOnePlacementLieWhereTheirPartsLie) {
  Policy policy;
  policy.device = DeviceChoice::cuda, policy.gpu_layers = 3, policy.cpu_experts = 2;
  const Plan plan = planned(test::catalogue(), gpu_machine(90), policy);
  for (int layer = 0; layer < 4; ++layer) {
    const BlockPlan &attention = *plan.find_block(SiteId::attention_block, layer),
                    &experts = *plan.find_block(SiteId::experts_block, layer);
    EXPECT_EQ(attention.plan.site.device, plan.placement.attention(layer)) << layer;
    EXPECT_EQ(experts.plan.site.device, plan.placement.experts(layer)) << layer;
    for (const BlockPlan* block : {&attention, &experts})
      for (const SitePlan* part : plan.parts_of(*block)) {
        EXPECT_EQ(part->site.device, block->plan.site.device);
        EXPECT_TRUE(part->site.layers.contains(layer)) << part->site.name();
      }
  }
}

TEST(Blocks, TheCompositeRowCostsItsPartsAndNothingElse) {
  const Plan plan = planned(test::catalogue(), cpu_machine(avx512));
  double decode = plan.crossing_seconds.front();
  for (const SitePlan& site : plan.sites) decode += site.site.count * site.decisions.front().all.front().seconds;
  EXPECT_EQ(plan.decode_seconds, decode);
  for (const BlockPlan& block : plan.blocks)
    for (size_t r = 0; r < block.plan.decisions.size(); ++r) {
      EXPECT_TRUE(is_floor(*block.plan.decisions[r].chosen));
      EXPECT_EQ(saved_seconds(block.plan, plan.parts_of(block), r), 0);
    }
}

TEST(Blocks, ARowThatComputesPartsItselfWinsWhereItIsCheaper) {
  const Plan before = planned(test::catalogue(), cpu_machine(avx512)), plan = planned(with(fused), cpu_machine(avx512));
  const BlockPlan& block = experts_of(plan);
  for (const Decision& decision : block.plan.decisions) EXPECT_EQ(decision.chosen->name, fused.name);
  const double saved = block.plan.site.count * saved_seconds(block.plan, plan.parts_of(block), 0);
  EXPECT_GT(saved, 0);
  EXPECT_NEAR(plan.decode_seconds, before.decode_seconds - saved, 1e-15);
  EXPECT_LT(cost_of(plan, Goal::balanced), cost_of(before, Goal::balanced));
  KernelPath slow = fused;
  slow.efficiency = .01;
  const Plan dear = planned(with(slow), cpu_machine(avx512));
  for (const Decision& decision : experts_of(dear).plan.decisions)
    EXPECT_EQ(decision.chosen->name, "experts_block.cpu.composite");
}

TEST(Blocks, ARowIsRefusedWhereARowWhoseResultsItGivesIs) {
  const Plan plan = planned(with(fused), cpu_machine(avx2));
  EXPECT_EQ(refusals_of(experts_of(plan), fused.name).front().check, Check::cpu_feature);
  Policy policy;
  policy.exclude = {"moe_gate_up.cpu.avx512.*"};
  const Plan excluded = planned(with(fused), cpu_machine(avx512), policy);
  EXPECT_EQ(refusals_of(experts_of(excluded), fused.name).front().check, Check::layout);  // held in plain rows now
  EXPECT_EQ(refusals_of(experts_of(excluded), fused.name).back().check, Check::excluded);
  const Failures failures = {
      {{"moe_gate_up.cpu.avx512.mxfp4_f32", cpu_device}, {Check::self_check, "token 3 differs"}}};
  const Plan failed = planned(with(fused), cpu_machine(avx512), {}, failures);
  EXPECT_EQ(refusals_of(experts_of(failed), fused.name).back().have, "token 3 differs");
  policy = {};
  policy.weights = NumberFormat::bf16;
  EXPECT_EQ(refusals_of(experts_of(planned(with(fused), cpu_machine(avx512), policy)), fused.name).front().check,
            Check::layout);
}

TEST(Blocks, ARowOfAnotherArithmeticThanItsPartsAgreedOnIsRefused) {
  // Two formats of one site: the MXFP4 layers gave their rounding rows up, and so does the row above them.
  static constexpr KernelPath rounding{.name = "moe_gate_up.cpu.avx512.mxfp4_bf16",
                                       .op = Op::moe_gate_up,
                                       .weights = Layout::mxfp4_rows16,
                                       .arithmetic = Arithmetic::bf16_inputs,
                                       .needs = {.cpu = {CpuFeature::avx512}},
                                       .unit = Unit::avx512,
                                       .efficiency = .55};
  static constexpr KernelPath plain{.name = "moe_gate_up.cpu.avx512.bf16_f32",
                                    .op = Op::moe_gate_up,
                                    .weights = Layout::bf16_rows16,
                                    .needs = {.cpu = {CpuFeature::avx512}},
                                    .unit = Unit::avx512,
                                    .efficiency = .5};
  static constexpr FusedPart like_rounding[] = {{SiteId::gate_up, Layout::mxfp4_rows16, rounding.name}};
  KernelPath row = fused;
  row.fuses = like_rounding, row.arithmetic = Arithmetic::bf16_inputs;
  Catalogue rows = with(row);
  rows.paths.push_back(&rounding), rows.paths.push_back(&plain);
  Manifest mixed = manifest();
  EXPECT_TRUE(refusals_of(experts_of(make_plan(mixed, rows, cpu_machine(avx512), {}).value()), row.name).empty());
  for (TensorRecord& t : mixed.tensors)
    if (t.role == Role::gate_up_weight && t.layer == 1) t.encoding = Encoding::bf16;
  const Plan plan = make_plan(mixed, rows, cpu_machine(avx512), {}).value();
  EXPECT_EQ(refusals_of(experts_of(plan), row.name).front().check, Check::arithmetic);
}

TEST(Blocks, AFailedRowLeavesTheCompositeOneAndIsSaid) {
  const Failures failures = {{{std::string(fused.name), cpu_device}, {Check::self_check, "token 3 differs"}}};
  const Plan plan = planned(with(fused), cpu_machine(avx512), {}, failures);
  for (const Decision& decision : experts_of(plan).plan.decisions)
    EXPECT_EQ(decision.chosen->name, "experts_block.cpu.composite");
  ASSERT_EQ(plan.concessions.size(), 1u);
  EXPECT_NE(plan.concessions.front().text.find("experts_block runs on experts_block.cpu.composite"), std::string::npos)
      << plan.concessions.front().text;
  EXPECT_NE(plan.concessions.front().text.find("token 3 differs"), std::string::npos) << plan.concessions.front().text;
}

TEST(Blocks, PartsAreHeldAsTheCheapestRowAboveThemWants) {
  // Alone the product takes rows of 16, and together with the activation plain rows are far cheaper.
  KernelPath row = fused;
  row.name = "experts_block.cpu.avx512.plain", row.fuses = in_plain_rows, row.efficiency = 1;
  const Plan plan = planned(with(row), cpu_machine(avx512));
  EXPECT_EQ(plan.site(SiteId::gate_up).layout, Layout::mxfp4_rows);
  EXPECT_EQ(experts_of(plan).plan.decisions.front().chosen->name, row.name);
  row.efficiency = .3;
  const Plan dear = planned(with(row), cpu_machine(avx512));
  EXPECT_EQ(dear.site(SiteId::gate_up).layout, Layout::mxfp4_rows16);
  EXPECT_EQ(refusals_of(experts_of(dear), row.name).front(), (Refusal{Check::layout, "mxfp4_rows", "mxfp4_rows16"}));
}

TEST(Blocks, WithoutAnyPathAreOneSentence) {
  Policy policy;
  policy.exclude = {"experts_block.*"};
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx2), policy);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(in_words(plan.error().message).substr(0, 59),
            "experts_block: exclude leaves no path for 1 token; keep one");
  policy.exclude.clear(), policy.only = {std::string(fused.name)};
  const auto forced = make_plan(manifest(), with(fused), cpu_machine(avx2), policy);
  ASSERT_FALSE(forced.ok());
  EXPECT_NE(forced.error().message.find("Paths that can: experts_block.cpu.composite"), std::string::npos)
      << forced.error().message;
}

TEST(Blocks, AreShownWithTheirPartsAndAsData) {
  const Plan plan = planned(with(fused), cpu_machine(avx512));
  const std::string text = explain(plan, false);
  EXPECT_NE(text.find("made of norm, router, moe.gate_up, swiglu, moe.down"), std::string::npos) << text;
  EXPECT_NE(text.find("computes moe.gate_up and swiglu itself"), std::string::npos) << text;
  const Json json = plan_to_json(plan);
  ASSERT_EQ(json["blocks"].size(), 3u);
  EXPECT_EQ(json["blocks"][2]["parts"], Json({"norm", "router", "moe.gate_up", "swiglu", "moe.down"}));
  EXPECT_EQ(json["blocks"][2]["regimes"][0]["chosen"], fused.name);
}

}  // namespace
}  // namespace mxpath
