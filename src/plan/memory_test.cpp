// What a plan may count on: memory that other programs hold is not there.
#include "plan/memory.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "plan/explain.h"
#include "plan/test_catalogue.h"
#include "plan/what_fits.h"

namespace mxpath {
namespace {

constexpr CpuFeatures avx2{CpuFeature::avx2};
constexpr uint64_t gib = uint64_t{1} << 30, mib = uint64_t{1} << 20;

Manifest manifest() { return manifest_from_config(test::small_config(), "test"); }

/// So many GiB, of which other programs hold some.
Machine shared_machine(double gigabytes, double held) {
  Machine machine = test::cpu_machine(avx2);
  machine.memory = static_cast<uint64_t>(gigabytes * double(gib)),
  machine.held_memory = static_cast<uint64_t>(held * double(gib));
  return machine;
}

Plan planned(const Machine& machine, const Policy& policy = {}) {
  return make_plan(manifest(), test::catalogue(), machine, policy).value();
}

TEST(FreeMemory, BoundsWhatIsAvailable) {
  EXPECT_EQ(planned(shared_machine(8, 0)).memory().available, 8 * gib - 512 * mib) << "idle: what machine files mean";
  const MemoryPlan little = planned(shared_machine(8, 0.25)).memory();
  EXPECT_EQ(little.available, 8 * gib - 512 * mib) << "the system's own part was taken off before";
  EXPECT_EQ(little.held, 0u);
  const MemoryPlan much = planned(shared_machine(8, 5)).memory();
  EXPECT_EQ(much.available, 3 * gib - 128 * mib);
  EXPECT_EQ(much.held, 8 * gib - 512 * mib - much.available);
  EXPECT_EQ(planned(shared_machine(8, 9)).memory().available, 0u);
}

TEST(FreeMemory, ABudgetAboveItIsKeptAndToldBeside) {
  Policy policy;
  policy.memory_budget = 64 * gib;
  const Plan plan = planned(shared_machine(8, 5), policy);
  EXPECT_EQ(plan.memory().available, 64 * gib);
  EXPECT_NE(explain(plan, false).find("; only 2.88 GiB is free now"), std::string::npos) << explain(plan, false);
  policy.memory_budget = 2 * gib;
  EXPECT_EQ(planned(shared_machine(8, 5), policy).memory().available, 2 * gib);
  EXPECT_EQ(planned(shared_machine(8, 5), policy).memory().free, 0u);
}

TEST(FreeMemory, TheSentenceSaysWhoHoldsIt) {
  Policy policy;
  policy.context = 131072;
  const Plan fits = planned(shared_machine(8, 0), policy);
  EXPECT_TRUE(check_memory(fits).ok());
  const Plan plan = planned(shared_machine(8, 6.75), policy);
  ASSERT_FALSE(plan.fits());
  const std::string message = check_memory(plan).error().message;
  EXPECT_NE(message.find("; other programs hold 6.38 GiB: close some of them"), std::string::npos) << message;
  EXPECT_NE(explain(plan, false).find("other programs hold 6.38 GiB"), std::string::npos) << explain(plan, false);
  EXPECT_EQ(plan_to_json(plan)["devices"][0]["memory"]["held_by_others"], plan.memory().held);
  EXPECT_EQ(plan_to_json(plan)["memory"], plan_to_json(plan)["devices"][0]["memory"]);
  // What would fit is asked of the same memory.
  EXPECT_LT(plan.fitting_context, 131072);
  ASSERT_GT(plan.fitting_context, 0);
  policy.context = plan.fitting_context;
  EXPECT_TRUE(planned(shared_machine(8, 6.75), policy).fits());
}

TEST(FreeMemory, OnlyClosingProgramsMayHelp) {
  const Plan plan = planned(shared_machine(8, 7.5));
  ASSERT_TRUE(plan.suggestions.empty());
  const std::string message = check_memory(plan).error().message;
  EXPECT_TRUE(message.ends_with(": close some of them; nothing else would make it fit")) << message;
  const std::string small = check_memory(planned(shared_machine(0.5, 0.4))).error().message;
  EXPECT_NE(small.find("a machine with more memory"), std::string::npos) << small;
}

TEST(FreeMemory, OfAGpuToo) {
  Machine machine = test::gpu_machine(90);
  machine.gpus[0].memory = 80 * gib, machine.gpus[0].free_memory = 60 * gib;
  const Plan plan = planned(machine);
  EXPECT_EQ(plan.gpu_memory().available, 60 * gib - 512 * mib);
  EXPECT_EQ(plan.gpu_memory().held, 20 * gib);
  machine.gpus[0].free_memory = 80 * gib - 600 * mib;
  EXPECT_EQ(planned(machine).gpu_memory().held, 0u) << "a context alone takes so much";
}

TEST(FreeMemory, APaddedLayoutIsJudgedByTheDeviceThatHoldsIt) {
  const Catalogue rows = test::catalogue();
  Machine machine = test::gpu_machine(90);
  // 5761 rows are padded to 5776. A computer that could hold the plain layout only says nothing about a GPU.
  const Site site{.id = SiteId::head, .device = cuda_device(0), .n = 5761, .k = 2880};
  machine.memory = layout_bytes(Layout::bf16_rows, 1, site.n, site.k);
  const auto refused_for_memory = [&] {
    for (const Refusal& r : refusals(*rows.find("linear.cuda.sm90a.bf16.wgmma"),
                                     {site, Layout::bf16_rows16, {64, 64}, rows, machine, Policy{}, Failures{}}))
      if (r.check == Check::memory_budget) return true;
    return false;
  };
  EXPECT_FALSE(refused_for_memory()) << "80 GiB of the GPU hold 32 MiB, whatever the computer has";
  machine.memory = 64 * gib, machine.gpus[0].free_memory = layout_bytes(Layout::bf16_rows, 1, site.n, site.k);
  EXPECT_TRUE(refused_for_memory());
}

}  // namespace
}  // namespace mxpath
