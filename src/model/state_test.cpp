// What the plan counts for a forward is what a state takes, to the byte, on every device.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "checkpoint/random_checkpoint.h"
#include "kernels/catalogue.h"
#include "kernels/linear/linear.h"
#include "machine/known_machines.h"
#include "model/model.h"
#include "plan/memory.h"

namespace mxpath {
namespace {

struct Case {
  const char* machine;
  DeviceChoice device;
  int cpu_experts;
};
constexpr Case cases[] = {{"zen5", DeviceChoice::cpu, 0},
                          {"h200", DeviceChoice::automatic, 0},
                          {"h200", DeviceChoice::cuda, 5},
                          {"rtx_4090", DeviceChoice::automatic, 0},
                          {"4x rtx_3090", DeviceChoice::automatic, 0},
                          {"gb10", DeviceChoice::automatic, 0}};

/// Calls what(config, plan) for models, chunks and placements.
template <class What>
void for_plans(const What& what) {
  for (const ModelConfig& config : {gpt_oss_20b_config(), gpt_oss_120b_config()})
    for (const Case& one : cases)
      for (const int chunk : {0, 1, 7, 16, 64, 512, 4096}) {
        Policy policy;
        policy.device = one.device;
        policy.chunk = chunk;
        if (one.cpu_experts) policy.cpu_experts = one.cpu_experts;
        const auto machine = known_machine(one.machine);
        ASSERT_TRUE(machine.ok()) << one.machine;
        const auto plan = make_plan(manifest_from_config(config, "test"), catalogue_of_full_build(), *machine, policy);
        ASSERT_TRUE(plan.ok()) << plan.error().message;
        SCOPED_TRACE(fmt::format("{}, chunk {}, {}", one.machine, chunk, plan->placement.to_string()));
        what(config, *plan);
      }
}

TEST(Workspace, IsWhatThePlanCountsAsScratch) {
  for_plans([](const ModelConfig& config, const Plan& plan) {
    for (const DevicePlan& device : plan.devices) {
      const Workspace workspace = workspace_of(config, plan, device.id);
      if (device.id.is_gpu()) {
        const GpuTerms terms = gpu_terms(workspace, config, plan.kv, device.id, plan);
        EXPECT_EQ(device.memory.scratch, terms.total()) << to_string(device.id);
        EXPECT_GE(terms.workspace, workspace.bytes);
        EXPECT_LT(terms.workspace, workspace.bytes + (2 << 20)) << "less than a page is lost";
      } else if (plan.placement.gpus.empty()) {
        EXPECT_EQ(device.memory.scratch, workspace.bytes);
      } else {
        EXPECT_GE(device.memory.scratch, workspace.bytes) << "matrices for a GPU are packed here first";
      }
    }
  });
}

/// The arrays lie one after another, whole lines apart, and none beyond the end.
TEST(Workspace, ArraysDoNotOverlap) {
  for_plans([](const ModelConfig& config, const Plan& plan) {
    for (const DevicePlan& device : plan.devices) {
      const Workspace workspace = workspace_of(config, plan, device.id);
      uint64_t end = 0;
      for (const WorkPart& part : workspace.parts) {
        EXPECT_EQ(part.at % workspace_line, 0u);
        EXPECT_GE(part.at, end);
        end = part.at + part.element * static_cast<uint64_t>(part.count);
      }
      EXPECT_LE(end, workspace.bytes);
    }
  });
}

/// What the run looks up, call by call, against what was counted: the rows of every regime, any number of tokens.
TEST(Workspace, HoldsTheScratchOfEveryRowThatACallTakes) {
  for_plans([](const ModelConfig& config, const Plan& plan) {
    for (const DevicePlan& device : plan.devices) {
      const Workspace workspace = workspace_of(config, plan, device.id);
      const WorkPart* scratch = workspace.find(WorkArray::scratch);
      size_t most = 0;
      for (const SitePlan* planned : plan.all_sites()) {
        const SitePlan& site = *planned;
        if (site.site.device != device.id || site.decisions.empty()) continue;
        const int limit = site.site.id == SiteId::head     ? logit_rows_of(plan)
                          : site.site.id == SiteId::sample ? plan.sequences
                                                           : plan.chunk;
        for (const int tokens : {1, 2, 7, 8, 15, 16, 17, 127, 128, 500, limit}) {
          if (tokens > limit) continue;
          const KernelPath& path = site.path_for({.tokens = tokens});
          most = std::max(most, scratch_bytes(path, site.site, {.tokens = tokens}, plan.threads));
        }
      }
      EXPECT_EQ(scratch ? static_cast<size_t>(scratch->count) : 0, most) << to_string(device.id);
    }
  });
}

/// A row that rounds its inputs to BF16 keeps them once more; one that does not keeps panels alone. The old state took
/// both for all.
TEST(Workspace, CountsTheRowsThatWereChosenAndNoOthers) {
  const ModelConfig config = gpt_oss_20b_config();
  Policy rounding, exact;
  rounding.device = exact.device = DeviceChoice::cpu;
  rounding.chunk = exact.chunk = 512;
  exact.exclude = {"*.bf16_bf16", "*.mxfp4_bf16"};
  const auto scratch_under = [&](const Policy& policy) {
    const Plan plan = make_plan(manifest_from_config(config, "test"), catalogue_of_full_build(),
                                known_machine("zen5").value(), policy)
                          .value();
    return kernel_scratch(plan.sites, cpu_device, most_of(plan), plan.threads);
  };
  EXPECT_EQ(scratch_under(rounding), 16 * 49152u + 2 * 512 * 4 * 2880)
      << "16 panels, and the inputs of moe.down as BF16";
  EXPECT_EQ(scratch_under(exact), 12u * 201088) << "the vocabulary as it is sorted takes more than the panels";
}

void expect_rooms_as_planned(const ModelConfig& config, const Plan& plan) {
  const auto state = State::create(config, plan);
  ASSERT_TRUE(state.ok()) << state.error().message;
  ASSERT_EQ(state->rooms.size(), plan.devices.size());
  for (size_t i = 0; i < plan.devices.size(); ++i) {
    EXPECT_EQ(state->rooms[i].device, plan.devices[i].id);
    EXPECT_EQ(state->rooms[i].memory.size(), workspace_of(config, plan, plan.devices[i].id).bytes);
  }
}

TEST(State, TakesItsWorkspaceOfTheCpu) {
  for (const int chunk : {1, 7, 64, 512}) {
    Policy policy;
    policy.device = DeviceChoice::cpu;
    policy.chunk = chunk;
    const ModelConfig config = gpt_oss_20b_config();
    const Plan plan = make_plan(manifest_from_config(config, "test"), catalogue(), probe_machine(), policy).value();
    expect_rooms_as_planned(config, plan);
    const State state = State::create(config, plan).value();
    EXPECT_EQ(state.rooms.front().memory.size(), plan.memory().scratch) << "chunk " << chunk;
  }
}

TEST(State, TakesItsWorkspaceOfEachGpu) {
  const Machine here = probe_machine();
  if (here.gpus.empty()) GTEST_SKIP() << "no GPU: " << here.no_gpu_reason;
  for (const int cpu_experts : {0, 5}) {
    Policy policy;
    policy.device = DeviceChoice::cuda;
    policy.cpu_experts = cpu_experts;
    const ModelConfig config = gpt_oss_20b_config();
    const auto plan = make_plan(manifest_from_config(config, "test"), catalogue(), here, policy);
    if (!plan.ok()) GTEST_SKIP() << plan.error().message;
    expect_rooms_as_planned(config, *plan);
  }
}

TEST(State, TakesNothingOfAGpuThatThePlanDoesNotUse) {
  Policy policy;
  policy.device = DeviceChoice::cpu;
  const ModelConfig config = gpt_oss_20b_config();
  const Plan plan =
      make_plan(manifest_from_config(config, "test"), catalogue_of_full_build(), known_machine("h200").value(), policy)
          .value();
  EXPECT_EQ(workspace_of(config, plan, cuda_device(0)).bytes, 0u);
  EXPECT_GT(workspace_of(config, plan, cpu_device).bytes, 0u);
}

}  // namespace
}  // namespace mxpath
