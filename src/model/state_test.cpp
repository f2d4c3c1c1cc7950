// The memory plan against what a state takes of a GPU: sizes only, so that none is needed.
#include <gtest/gtest.h>

#include "checkpoint/random_checkpoint.h"
#include "kernels/catalogue.h"
#include "machine/known_machines.h"
#include "model/model.h"
#include "plan/memory.h"

namespace mxpath {
namespace {

constexpr double mib = 1 << 20;
/// What the plan's scratch on a GPU has beside a state: the tables of the key/value cache, a recorded step, whole pages.
constexpr double beside_state = 8 + 2 + 2 + 2 + 2;

Plan planned(const ModelConfig& config, const Policy& policy) {
  return make_plan(manifest_from_config(config, "test"), catalogue_of_full_build(), known_machine("h200").value(), policy).value();
}

TEST(State, OnAGpuTakesWhatThePlanSays) {
  for (const ModelConfig& config : {gpt_oss_20b_config(), gpt_oss_120b_config()})
    for (const int chunk : {0, 1, 7, 64, 512, 4096})
      for (const int cpu_experts : {0, 5}) {
        Policy policy;
        policy.device = DeviceChoice::cuda, policy.chunk = chunk, policy.cpu_experts = cpu_experts;
        const Plan plan = planned(config, policy);
        ASSERT_TRUE(plan.placement.uses(cuda_device(0)));
        const double state = double(State::bytes(config, plan, plan.chunk, cuda_device(0))) / mib,
                     scratch = double(plan.gpu_memory().scratch) / mib;
        EXPECT_LE(state, scratch) << "chunk " << plan.chunk;
        EXPECT_LE(scratch, state + beside_state) << "chunk " << plan.chunk;
      }
}

TEST(State, OnEachOfSeveralGpusTakesWhatThePlanSays) {
  const ModelConfig config = gpt_oss_120b_config();
  const Plan plan =
      make_plan(manifest_from_config(config, "test"), catalogue_of_full_build(), known_machine("4x rtx_3090").value(), {}).value();
  ASSERT_EQ(plan.placement.gpus.size(), 4u) << plan.placement.to_string();
  ASSERT_TRUE(plan.fits());
  for (const DevicePlan& device : plan.devices) {
    const double state = double(State::bytes(config, plan, plan.chunk, device.id)) / mib, scratch = double(device.memory.scratch) / mib;
    EXPECT_LE(state, scratch) << to_string(device.id);
    if (device.id.is_gpu()) {
      EXPECT_LE(scratch, state + beside_state) << to_string(device.id);
    }
  }
}

TEST(State, WithoutAGpuTakesNothingOfIt) {
  Policy policy;
  policy.device = DeviceChoice::cpu;
  const Plan plan = planned(gpt_oss_20b_config(), policy);
  EXPECT_EQ(State::bytes(gpt_oss_20b_config(), plan, plan.chunk, cuda_device(0)), 0u);
  EXPECT_GT(State::bytes(gpt_oss_20b_config(), plan, plan.chunk, cpu_device), 0u);
}

}  // namespace
}  // namespace mxpath
