// What the self-check makes of a device that fails.
#include "kernels/self_check.h"

#include <algorithm>

#include "checkpoint/random_checkpoint.h"
#include "kernels/lying_rows.h"

namespace mxpath {
namespace {

Machine with_gpu() {
  Machine machine = test_machine();
  machine.gpus = {{.name = "card",
                   .arch = {90},
                   .driver = 13020,
                   .shared_memory = 200 << 10,
                   .memory = uint64_t{80} << 30,
                   .free_memory = uint64_t{79} << 30,
                   .bandwidth = 3e12,
                   .cuda_flops = 6e13}};
  return machine;
}

/// The model on a GPU, and the results of a self-check that --inject-failure disturbs.
std::vector<SelfCheckResult> checked(const std::vector<std::string>& inject, Placement& placement) {
  Policy policy;
  policy.device = DeviceChoice::cuda, policy.inject_failure = inject;
  const ModelConfig config = narrow_config();
  const auto plan = make_plan(manifest_from_config(config, "test"), catalogue_of_full_build(), with_gpu(), policy);
  EXPECT_TRUE(plan.ok());
  placement = plan->placement;
  ThreadPool threads(2);
  return self_check(*plan, config, policy, threads);
}

TEST(SelfCheckOfADevice, ThatFailsBlamesNoRow) {
  Placement placement;
  const auto results = checked({"*.cuda.*:device"}, placement);
  ASSERT_TRUE(placement.all_on_gpus());
  std::vector<std::string> found;
  for (const SelfCheckResult& result : results)
    if (!result.finding.empty()) found.push_back(to_string(result.suspect()));
  ASSERT_EQ(found, std::vector<std::string>{"cuda:0"});
  const auto device = std::ranges::find(results, Check::device_failed, &SelfCheckResult::check);
  ASSERT_NE(device, results.end());
  EXPECT_EQ(device->check, Check::device_failed);
  EXPECT_NE(device->finding.find("it failed in the self-check of embed.cuda.portable.f32"), std::string::npos)
      << device->finding;
  // The rest of its rows was not asked; the rows of the CPU were.
  EXPECT_EQ(std::ranges::count(results, cuda_device(0), &SelfCheckResult::device), 1);
  EXPECT_TRUE(std::ranges::any_of(
      results, [](const SelfCheckResult& result) { return result.path.find(".cpu.") != result.path.npos; }));
}

TEST(SelfCheckOfARouter, HasAnEndHoweverManyExpertsThereAre) {
  ModelConfig config = narrow_config();
  config.experts = 1 << 16, config.experts_per_token = 1024;
  const auto plan = make_plan(manifest_from_config(config, "test"), catalogue(), test_machine(), {});
  ASSERT_TRUE(plan.ok());
  ThreadPool threads(2);
  const auto results = self_check(*plan, config, {}, threads);
  const auto router =
      std::ranges::find_if(results, [](const SelfCheckResult& result) { return result.site == SiteId::router; });
  ASSERT_NE(router, results.end());
  EXPECT_EQ(router->finding, "");
  EXPECT_LT(router->work,
            uint64_t{2000} * 2048 * static_cast<uint64_t>(config.hidden));  // with all experts, 32 times as much
}

/// For a model of 2^24 columns and little else one problem took 13 GB: 69 rows of weights and 129 of inputs.
TEST(SelfCheckOfAWideModel, TriesAPartOfItsWidth) {
  for (const int hidden : {(1 << 24) - 32, 16384 + 96}) {
    ModelConfig config = narrow_config();
    config.hidden = hidden;
    const auto plan = make_plan(manifest_from_config(config, "test"), catalogue(), test_machine(), {});
    ASSERT_TRUE(plan.ok());
    ThreadPool threads(2);
    uint64_t work = 0;
    for (const SelfCheckResult& result : self_check(*plan, config, {}, threads)) {
      EXPECT_EQ(result.finding, "") << result.path;
      work += result.work;
    }
    EXPECT_LT(work, uint64_t{1'000'000} * 16384) << hidden;
  }
}

TEST(HostRunner, KeepsWhatBrokeADevice) {
  int asked = 0;
  HostRunner runner(cuda_device(9), [&](DeviceId device) {
    ++asked;
    return to_string(device) + " is gone";
  });
  const KernelPath& row = *catalogue().find("embed.cuda.portable.f32");
  const KernelPath& cpu_row = *catalogue().find("embed.cpu.portable.f32");
  Random random(1);
  const TestMatrix table = pack_test_matrix(Layout::fp32_rows, 1, 3, 8, activations(random, 24, false));
  const int32_t id = 1;
  std::vector<float> y(8);
  const EmbedArgs args{.table = &table.view, .tokens = &id, .count = 1, .y = y.data()};
  EXPECT_TRUE(runner.run(cpu_row, args).ok());
  EXPECT_EQ(runner.device_failure(), "");
  EXPECT_FALSE(runner.run(row, args).ok());  // there is no device 9
  EXPECT_EQ(runner.device_failure(), "cuda:9 is gone");
  const Status again = runner.run(row, args);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().message, "cuda:9 is gone");
  EXPECT_EQ(asked, 1) << "what is broken stays broken";
  EXPECT_TRUE(runner.run(cpu_row, args).ok());
}

TEST(HostRunner, GoesOnAfterAnErrorThatLeavesTheDeviceWhole) {
  HostRunner runner(cuda_device(9), [](DeviceId) { return std::string(); });
  const KernelPath& row = *catalogue().find("norm.cuda.portable.f32");
  float x = 1, scale = 1, y = 0;
  const NormArgs args{.x = &x, .scale = &scale, .y = &y, .width = 1, .tokens = 1};
  for (int round = 0; round < 2; ++round) {
    const Status status = runner.run(row, args);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message, "");
    EXPECT_EQ(runner.device_failure(), "");
  }
}

}  // namespace
}  // namespace mxpath
