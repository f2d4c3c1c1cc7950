// Predictions are for the threads that were asked for, and never fall with the tokens.
#include <fmt/format.h>
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
  EXPECT_NE(two.machine.find("2 threads, avx2+avx512, 24.0 GB/s (assumed, 2 of 16 cores)"), std::string::npos)
      << two.machine;
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
    return make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), machine, {})
        .value()
        .machine;
  };
  EXPECT_NE(line().find("100.0 GB/s (measured, unsteady: ±20 %)"), std::string::npos) << line();
  machine.cpu.bandwidth_spread = 0.05;
  EXPECT_NE(line().find("100.0 GB/s (measured)"), std::string::npos) << line();
}

TEST(Predictions, MoreThreadsThanCoresAreSaidToBeSlower) {
  const Machine machine = server();
  const auto line = [&](int threads) {
    Policy policy;
    policy.threads = threads;
    return make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), machine, policy)
        .value()
        .machine;
  };
  const int cores = machine.cpu.cores;
  const std::string said = fmt::format(", {} threads on {} cores, slower than {}, ", cores + 1, cores, cores);
  EXPECT_NE(line(cores + 1).find(said), std::string::npos) << line(cores + 1);
  EXPECT_NE(line(cores).find(fmt::format(", {} threads, ", cores)), std::string::npos) << line(cores);
}

TEST(Predictions, ABandwidthFromABusyMachineSaysItsLoad) {
  Machine machine = server();
  machine.cpu.bandwidth_measured = true;
  const auto line = [&] {
    return make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), machine, {})
        .value()
        .machine;
  };
  machine.cpu.bandwidth_load = machine.cpu.cores;
  EXPECT_NE(line().find(fmt::format("100.0 GB/s (measured at load {}.0)", machine.cpu.cores)), std::string::npos)
      << line();
  machine.cpu.bandwidth_load = 0.2 * machine.cpu.cores;
  EXPECT_NE(line().find("100.0 GB/s (measured)"), std::string::npos) << line();
}

TEST(Work, ManyTokensOfAttentionCostNoLessThanFew) {
  const Site site{.id = SiteId::attention_full, .keys = 4096, .heads = 64, .kv_heads = 8, .head_dim = 64};
  for (int tokens = 1; tokens < 2048; ++tokens) {
    const Work few = work_of(site, Layout::none, {tokens}), more = work_of(site, Layout::none, {tokens + 1});
    EXPECT_LT(few.bytes, more.bytes);
    EXPECT_LT(few.flops, more.flops);
  }
  EXPECT_EQ(work_of(site, Layout::none, {64}).flops, 8 * work_of(site, Layout::none, {8}).flops);
}

TEST(Work, AQuerySeesTheKeysOfTheCallAndASlidingOneItsWindow) {
  Site site{.id = SiteId::attention_full, .keys = 4096, .heads = 64, .kv_heads = 8, .head_dim = 64};
  EXPECT_EQ(keys_seen(site, {}), 4096) << "what is expected, where the call does not say";
  EXPECT_EQ(keys_seen(site, {.tokens = 512, .keys = mean_keys(512)}), 256)
      << "a prompt that begins with them sees half of itself";
  site.id = SiteId::attention_sliding;
  site.keys = 128;
  EXPECT_EQ(keys_seen(site, {.keys = 256}), 128);
  EXPECT_EQ(keys_seen(site, {.keys = 100}), 100);
}

// 8 answers that are made at once read 8 caches; one chunk of 8 tokens reads one.
TEST(Work, TheCacheOfEachSequenceIsRead) {
  const Site site{.id = SiteId::attention_full, .heads = 64, .kv_heads = 8, .head_dim = 64};
  const Work chunk = work_of(site, Layout::none, {.tokens = 8, .sequences = 1, .keys = 1000}),
             answers = work_of(site, Layout::none, {.tokens = 8, .sequences = 8, .keys = 1000});
  EXPECT_EQ(chunk.flops, answers.flops);
  EXPECT_EQ(answers.bytes - chunk.bytes, 7.0 * 1000 * 2 * 2 * 8 * 64);
}

KernelPath row_with(Efficiency efficiency, DeviceKind device = DeviceKind::cpu) {
  return {
      .name = "linear.cpu.test", .op = Op::linear, .device = device, .weights = Layout::any, .efficiency = efficiency};
}

TEST(Efficiencies, AreKeptApartForOneTokenAndForMany) {
  const Machine machine = server();
  const Site site{.id = SiteId::head, .n = 4096, .k = 4096};
  const auto seconds = [&](Efficiency efficiency, int tokens) {
    return predicted_seconds(row_with(efficiency), load_of(site, Layout::bf16_rows, {tokens}), machine);
  };
  EXPECT_EQ(seconds({0.8, 0.4}, 1), seconds(0.8, 1));
  EXPECT_EQ(seconds({0.8, 0.4}, 512), seconds(0.4, 512));
  EXPECT_EQ(seconds({0.2, 0.8}, 2), seconds(0.2, 1)) << "two tokens take no less than one";
  for (const Efficiency efficiency : {Efficiency(0.8, 0.1), Efficiency(0.1, 0.8), Efficiency(0, 0.5)})
    for (int tokens = 1; tokens < 1024; ++tokens)
      EXPECT_LE(seconds(efficiency, tokens), seconds(efficiency, tokens + 1)) << tokens;
}

TEST(Launches, ArePricedByTheRow) {
  const Machine machine = test::gpu_machine(90);
  const Load load =
      load_of({.id = SiteId::head, .device = cuda_device(0), .n = 4096, .k = 4096}, Layout::bf16_rows, {});
  KernelPath row = row_with(0.5, DeviceKind::cuda);
  const double one = predicted_seconds(row, load, machine);
  row.launches = 3;
  EXPECT_NEAR(predicted_seconds(row, load, machine) - one, 2 * 2e-6, 1e-12);
  row.device = DeviceKind::cpu;
  EXPECT_EQ(predicted_seconds(row, load, machine), predicted_seconds(row_with(0.5), load, machine))
      << "a CPU launches nothing";
}

// A batch of answers may want another row than a chunk of a prompt with as many tokens.
TEST(Regimes, AreFoundByTheTokensOfEachSequenceToo) {
  const KernelPath decode{.name = "decode"}, prompt{.name = "prompt"};
  const SitePlan plan{{},
                      Layout::none,
                      {{{.tokens = {2, 64}, .typical = {8, 8}, .per_sequence = {1, 1}}, &decode, {}},
                       {{.tokens = {2, 64}, .typical = {8, 1}, .per_sequence = {2}}, &prompt, {}}}};
  EXPECT_EQ(plan.path_for({.tokens = 8, .sequences = 8}).name, "decode");
  EXPECT_EQ(plan.path_for({.tokens = 8, .sequences = 1}).name, "prompt");
}

}  // namespace
}  // namespace mxpath
