// Predictions are for the threads that were asked for, and never fall with the tokens.
#include <gtest/gtest.h>

#include "plan/expectation.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

Machine server() {
  Machine machine = test::cpu_machine({CpuFeature::avx2, CpuFeature::avx512});
  machine.cpu.name = "Intel(R) Xeon(R) Platinum 8480+", machine.cpu.cores = 16, machine.cpu.bandwidth = 100e9;
  return machine;
}

Plan planned(int threads) {
  Policy policy;
  policy.threads = threads;
  return make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), server(), policy).value();
}

// With two threads of sixteen the plan promised 20 tok/s and 250 for a prompt; it ran 4.9 and 20.8.
TEST(Predictions, AreForTheThreadsThatWereAskedFor) {
  const Plan all = planned(0), two = planned(2);
  EXPECT_EQ(planned(16).decode_seconds, all.decode_seconds);
  EXPECT_EQ(planned(64).decode_seconds, all.decode_seconds) << "more threads than cores gain nothing";
  const auto head = [](const Plan& plan) { return plan.site(SiteId::head).decisions[0].all.front().seconds; };
  EXPECT_NEAR(head(two) / head(all), 100.0 / 24, 1e-9) << "one token reads weights, and two cores read 24 GB/s";
  EXPECT_GT(two.decode_seconds / all.decode_seconds, 4);
  EXPECT_NEAR(two.prefill_seconds / all.prefill_seconds, 8, 0.5) << "an eighth of the arithmetic";
  EXPECT_NE(two.machine.find("2 threads, avx2+avx512, 24.0 GB/s (assumed, 2 of 16 cores)"), std::string::npos) << two.machine;
  EXPECT_NEAR(expect_step(two, server(), two.context / 2).predicted, two.decode_seconds, 1e-9 * two.decode_seconds);
  EXPECT_NEAR(expect_prompt(two, server(), 512).predicted, two.prefill_seconds, 1e-9 * two.prefill_seconds);
}

TEST(Predictions, FallWithEveryThread) {
  double decode = 1e9, prefill = 1e9;
  for (int threads = 1; threads <= 20; ++threads) {
    const Plan plan = planned(threads);
    EXPECT_LE(plan.decode_seconds, decode) << threads;
    EXPECT_LE(plan.prefill_seconds, prefill) << threads;
    decode = plan.decode_seconds, prefill = plan.prefill_seconds;
  }
}

TEST(Predictions, AnUnsteadyBandwidthIsSaid) {
  Machine machine = server();
  machine.cpu.bandwidth_measured = true, machine.cpu.bandwidth_spread = 0.4;
  const auto line = [&] {
    return make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), machine, {}).value().machine;
  };
  EXPECT_NE(line().find("100.0 GB/s (measured, unsteady: ±20 %)"), std::string::npos) << line();
  machine.cpu.bandwidth_spread = 0.05;
  EXPECT_NE(line().find("100.0 GB/s (measured)"), std::string::npos) << line();
}

TEST(Work, ManyTokensOfAttentionCostNoLessThanFew) {
  Site site{.id = SiteId::attention_full, .keys = 4096, .heads = 64, .kv_heads = 8, .head_dim = 64};
  for (int tokens = 1; tokens < 2048; ++tokens) {
    const Work few = work_of(site, Layout::none, tokens), more = work_of(site, Layout::none, tokens + 1);
    EXPECT_LT(few.bytes, more.bytes);
    EXPECT_LT(few.flops, more.flops);
  }
  EXPECT_EQ(work_of(site, Layout::none, 64).flops, 8 * work_of(site, Layout::none, 8).flops);
  EXPECT_EQ(seeing(site, mean_keys(512)).keys, 256) << "a prompt that begins with them sees half of itself";
  site.id = SiteId::attention_sliding, site.keys = 128;
  EXPECT_EQ(seeing(site, mean_keys(512)).keys, 128);
}

}  // namespace
}  // namespace mxpath
