#include "plan/expectation.h"

#include <gtest/gtest.h>

#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

constexpr CpuFeatures avx512{CpuFeature::avx2, CpuFeature::avx512},
    amx{CpuFeature::avx2, CpuFeature::avx512, CpuFeature::amx_bf16};

Plan plan_on(const Machine& machine, const Policy& policy = {}) {
  return make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), machine, policy).value();
}

TEST(Expectation, AStepInTheMiddleOfTheContextIsWhatThePlanPredicts) {
  const Machine machine = test::cpu_machine(avx512);
  const Plan plan = plan_on(machine);
  const Expectation step = expect_step(plan, machine, plan.context / 2);
  EXPECT_NEAR(step.predicted, plan.decode_seconds, 1e-9 * plan.decode_seconds);
  EXPECT_GT(step.bytes, plan.decode_bytes);
  EXPECT_NEAR(step.memory_seconds, step.bytes / machine.cpu.bandwidth, 1e-9);
}

TEST(Expectation, APromptOfOneChunkIsWhatThePlanPredicts) {
  const Machine machine = test::cpu_machine(avx512);
  const Plan plan = plan_on(machine);
  ASSERT_EQ(plan.chunk, 512);
  EXPECT_NEAR(expect_prompt(plan, machine, 512).predicted, plan.prefill_seconds, 1e-9 * plan.prefill_seconds);
}

TEST(Expectation, RoofsAreInOrder) {
  const Machine machine = test::cpu_machine(amx);
  const Plan plan = plan_on(machine);
  for (const Expectation& e :
       {expect_step(plan, machine, 100), expect_prompt(plan, machine, 1), expect_prompt(plan, machine, 2000)}) {
    EXPECT_LE(e.best_roof, e.roof);
    EXPECT_LT(e.roof, e.predicted);
    EXPECT_LE(std::max(e.memory_seconds, e.compute_seconds), e.roof * (1 + 1e-12));
    EXPECT_GE(e.memory_seconds + e.compute_seconds, e.roof * (1 - 1e-12));
  }
}

TEST(Expectation, TheFastestUnitCountsWhereAPathLeavesItIdle) {
  const Machine machine = test::cpu_machine(amx);
  Policy without_amx;
  without_amx.exclude = {"*.amx.*"};
  const Plan plan = plan_on(machine, without_amx);
  const Expectation prompt = expect_prompt(plan, machine, 512);
  EXPECT_LT(prompt.best_roof, prompt.roof / 5) << "12 Tflop/s stand beside 0.8";
}

TEST(Expectation, KeysCostInFullLayersAndUpToTheWindowInSlidingOnes) {
  const Machine machine = test::cpu_machine(avx512);
  const Plan plan = plan_on(machine);
  const double two_bytes = 2 * 2 * 8 * 64;  // key and value, BF16, of 8 heads of 64
  const auto bytes = [&](int64_t keys) { return expect_step(plan, machine, keys).bytes; };
  EXPECT_NEAR(bytes(3000) - bytes(2000), 1000 * two_bytes * 2, 1) << "two full layers";
  EXPECT_NEAR(bytes(100) - bytes(60), 40 * two_bytes * 4, 1) << "all four layers, below the window of 128";
}

TEST(Expectation, WeightsAreReadOnceForEachChunk) {
  const Machine machine = test::cpu_machine(avx512);
  const Plan plan = plan_on(machine);
  const Expectation one = expect_prompt(plan, machine, 512), two = expect_prompt(plan, machine, 1024),
                    more = expect_prompt(plan, machine, 1025);
  EXPECT_NEAR(two.bytes / one.bytes, 2, 0.1);
  EXPECT_GT(more.bytes - two.bytes, plan.decode_bytes * 0.9) << "the rest of one token reads its experts again";
  EXPECT_NEAR(two.flops / one.flops, 2, 0.1);
}

TEST(Expectation, OnAGpuItsOwnRoofCounts) {
  const Machine machine = test::gpu_machine(90);
  const Plan plan = plan_on(machine);
  ASSERT_TRUE(plan.placement.all_on_gpus());
  const Expectation step = expect_step(plan, machine, plan.context / 2);
  EXPECT_NEAR(step.memory_seconds, step.bytes / machine.gpus[0].bandwidth, 1e-9);
  EXPECT_NEAR(step.predicted, plan.decode_seconds, 1e-9 * plan.decode_seconds) << "the GPU picks the token";
  const Expectation prompt = expect_prompt(plan, machine, 2048);
  EXPECT_LT(prompt.best_roof, prompt.roof) << "tensor cores stand idle";
}

TEST(Expectation, BetweenTwoDevicesTheWayCountsToo) {
  Machine machine = test::gpu_machine(90);
  machine.gpus[0].memory = machine.gpus[0].free_memory = 1'000'000'000;
  const Plan plan = plan_on(machine);
  ASSERT_GT(plan.placement.crossings().size(), 0u);
  EXPECT_NEAR(expect_step(plan, machine, plan.context / 2).predicted, plan.decode_seconds, 1e-9 * plan.decode_seconds);
  double sites = 0;
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site)) sites += site.site.count * site.decisions.front().all.front().seconds;
  EXPECT_GE(expect_step(plan, machine, plan.context / 2).predicted - sites,
            static_cast<double>(plan.placement.crossings().size()) * 25e-6);
}

TEST(StepPrices, AreThePlansAndNeverFall) {
  for (const Machine& machine : {test::cpu_machine({CpuFeature::avx2}), test::gpu_machine(90, 12080)}) {
    const Plan plan =
        make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), machine, {}).value();
    const StepPrices prices(plan);
    EXPECT_EQ(prices.seconds(0, 0), 0);
    EXPECT_NEAR(prices.seconds(1, 1), plan.decode_seconds, 1e-9 * plan.decode_seconds);
    EXPECT_NEAR(prices.seconds(4096, 1), 2 * prices.seconds(2048, 1), prices.seconds(1, 1)) << "at the last rate";
    double last = 0;
    for (int tokens = 1; tokens < 3000; ++tokens) {
      const double now = prices.seconds(tokens, std::min(tokens, 64));
      EXPECT_GE(now, last) << tokens;
      last = now;
    }
  }
}

}  // namespace
}  // namespace mxpath
