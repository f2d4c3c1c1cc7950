// Layers that store one matrix in different formats take the same arithmetic.
#include "plan/agreement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

const Machine machine = test::cpu_machine({CpuFeature::avx2, CpuFeature::avx512});

/// gate_up for BF16 with inputs as they are, and for MXFP4 both ways: rounding them is faster by `share`.
Catalogue rows(double share) {
  static KernelPath rounding;
  static const KernelPath plain = {.name = "moe_gate_up.cpu.avx512.bf16_f32",
                                   .op = Op::moe_gate_up,
                                   .weights = Layout::bf16_rows16,
                                   .needs = {.cpu = {CpuFeature::avx512}},
                                   .unit = Unit::avx512,
                                   .efficiency = .7};
  rounding = {.name = "moe_gate_up.cpu.avx512.mxfp4_bf16",
              .op = Op::moe_gate_up,
              .weights = Layout::mxfp4_rows16,
              .arithmetic = Arithmetic::bf16_inputs,
              .needs = {.cpu = {CpuFeature::avx512}},
              .unit = Unit::avx512,
              .efficiency = .5 * share};
  Catalogue all = test::catalogue();
  all.paths.push_back(&plain);
  all.paths.push_back(&rounding);
  return all;
}

Manifest mixed() {
  Manifest mixed = manifest_from_config(test::small_config(), "mixed");
  for (TensorRecord& t : mixed.tensors)
    if (t.role == Role::gate_up_weight && t.layer == 1) t.encoding = Encoding::bf16;
  return mixed;
}

std::vector<std::string_view> gate_up_paths(const Manifest& manifest, double share, const Policy& policy = {}) {
  return make_plan(manifest, rows(share), machine, policy).value().paths_of(SiteId::gate_up, 1);
}

TEST(Agreement, LayersTakeTheSameArithmetic) {
  EXPECT_EQ(gate_up_paths(mixed(), 1.12),
            (std::vector<std::string_view>{"moe_gate_up.cpu.avx512.mxfp4_f32", "moe_gate_up.cpu.avx512.bf16_f32"}))
      << "layer 0 took rows with rounded inputs beside layer 1 without";
}

TEST(Agreement, HoldsWhateverTheRoundingRowWouldSpare) {
  for (const double share : {1.3, 1.5, 2.0})
    EXPECT_EQ(gate_up_paths(mixed(), share).front(), "moe_gate_up.cpu.avx512.mxfp4_f32") << share;
}

TEST(Agreement, AModelThatIsStoredAlikeTakesTheFastestRow) {
  const Manifest alike = manifest_from_config(test::small_config(), "alike");
  EXPECT_EQ(gate_up_paths(alike, 1.12), (std::vector<std::string_view>{"moe_gate_up.cpu.avx512.mxfp4_bf16"}));
}

TEST(Agreement, ForcedMeansForced) {
  Policy policy;
  policy.only = {"moe_gate_up.cpu.avx512.mxfp4_bf16", "moe_gate_up.cpu.avx512.bf16_f32"};
  EXPECT_EQ(gate_up_paths(mixed(), 1.12, policy).front(), "moe_gate_up.cpu.avx512.mxfp4_bf16");
}

TEST(Agreement, IsSaidAndIsNoConcession) {
  const Plan plan = make_plan(mixed(), rows(1.12), machine, {}).value();
  EXPECT_TRUE(plan.concessions.empty()) << plan.concessions.front().text;
  const SitePlan* site = plan.find(SiteId::gate_up, 0, cpu_device);
  ASSERT_NE(site, nullptr);
  const auto& all = site->decisions.front().all;
  const auto lost =
      std::ranges::find(all, "moe_gate_up.cpu.avx512.mxfp4_bf16", [](const Candidate& c) { return c.path->name; });
  ASSERT_NE(lost, all.end());
  ASSERT_EQ(lost->why_not.size(), 1u);
  EXPECT_EQ(to_string(lost->why_not[0]),
            "needs inputs that may be rounded to bf16, and other layers of moe.gate_up keep theirs");
}

/// Rows that the batch does not change: one for few tokens, one for many, one for all, which is slow.
Catalogue rows_by_tokens() {
  static std::vector<KernelPath> copies;
  Catalogue all = test::catalogue();
  copies.clear();
  copies.reserve(all.paths.size());
  for (const KernelPath*& path : all.paths) {
    copies.push_back(*path);
    copies.back().batch_invariant = path->device == DeviceKind::cpu;
    path = &copies.back();
  }
  static KernelPath few, many;
  few = {.name = "linear.cpu.avx2.few", .weights = Layout::any, .needs = {.tokens = {1, 15}}, .unit = Unit::avx2};
  few.efficiency = .9, few.batch_invariant = true;
  many = few;
  many.name = "linear.cpu.avx2.many", many.needs.tokens = {16};
  all.paths.push_back(&few);
  all.paths.push_back(&many);
  return all;
}

TEST(Deterministic, TakesOneRowWhereSeveralWouldBeFaster) {
  const Manifest manifest = manifest_from_config(test::small_config(), "small");
  Policy policy;
  policy.deterministic = true;
  const Plan plan = make_plan(manifest, rows_by_tokens(), machine, policy).value();
  int lost = 0;
  for (const SitePlan& site : plan.sites)
    for (const Decision& decision : site.decisions) {
      EXPECT_EQ(decision.chosen, site.decisions.front().chosen) << site.site.name();
      for (const Candidate& c : decision.all)
        lost +=
            c.path->name == "linear.cpu.avx2.few" && std::ranges::count(c.why_not, Check::determinism, &Refusal::check);
    }
  EXPECT_GT(lost, 0) << "the row for few tokens was not refused for this";
}

TEST(Deterministic, IsAnErrorWhereNoRowServesAllTokenCounts) {
  Policy policy;
  policy.deterministic = true, policy.only = {"linear.cpu.avx2.few", "linear.cpu.avx2.many"};
  const auto plan = make_plan(manifest_from_config(test::small_config(), "small"), rows_by_tokens(), machine, policy);
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(in_words(plan.error().message).find("no path serves all token counts, as deterministic asks"),
            std::string::npos)
      << in_words(plan.error().message);
}

}  // namespace
}  // namespace mxpath
