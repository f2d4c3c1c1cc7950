#include "plan/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hint.h"
#include "plan/explain.h"
#include "plan/memory.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

using test::gpu_machine;

Manifest manifest() { return manifest_from_config(test::small_config(), "test"); }

Machine gpu_of(double gigabytes) {
  Machine machine = gpu_machine(90);
  machine.gpus.front().memory = machine.gpus.front().free_memory = static_cast<uint64_t>(gigabytes * 1e9);
  return machine;
}

Plan planned(const Machine& machine, const Policy& policy = {}, const Failures& failures = {}) {
  auto plan = make_plan(manifest(), test::catalogue(), machine, policy, failures);
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  return plan.ok() ? std::move(plan).value() : Plan();
}

/// How often each site runs, both devices together, must not depend on the placement.
void expect_every_layer_once(const Plan& plan) {
  std::map<SiteId, int> counts;
  for (const SitePlan& site : plan.sites)
    if (site.site.id != SiteId::sample) counts[site.site.id] += site.site.count;
  EXPECT_EQ(counts[SiteId::norm], 9);
  for (const SiteId id : {SiteId::qkv, SiteId::attention_output, SiteId::rope, SiteId::router, SiteId::gate_up,
                          SiteId::swiglu, SiteId::down})
    EXPECT_EQ(counts[id], 4) << name_of(id);
  EXPECT_EQ(counts[SiteId::embed], 1);
  EXPECT_EQ(counts[SiteId::head], 1);
  EXPECT_EQ(counts[SiteId::attention_sliding] + counts[SiteId::attention_full], 4);
}

TEST(Placement, EverythingOnTheGpuWhereItFits) {
  const Plan plan = planned(gpu_of(80));
  EXPECT_TRUE(plan.placement.all_on_gpus());
  EXPECT_EQ(plan.device.kind, DeviceKind::cuda);
  EXPECT_EQ(plan.placement.to_string(), "cuda:0");
  EXPECT_EQ(plan.placement.crossings().size(), 0u);
  EXPECT_EQ(plan.memory().kv_cache, 0u);
  EXPECT_EQ(plan.chunk, 2048);
  expect_every_layer_once(plan);
}

TEST(Placement, WhatFitsThereAndTheRestOnTheCpu) {
  // The model takes about 0.9 GB; half a gigabyte of a card is the driver's.
  const double whole = double(planned(gpu_of(80)).gpu_memory().total());
  int last_on_gpu = 1 << 30;
  for (double share : {1.1, 0.9, 0.6, 0.3, 0.0}) {
    const Plan plan = planned(gpu_of(0.54 + share * whole / 1e9));
    EXPECT_TRUE(plan.fits()) << share;
    expect_every_layer_once(plan);
    const int on_gpu = 2 * plan.placement.gpu_layers() - plan.placement.cpu_experts;
    EXPECT_LE(on_gpu, last_on_gpu) << share;
    if (share < 1) {
      EXPECT_FALSE(plan.placement.all_on_gpus());
      EXPECT_NE(plan.device_reason.find("all of it would need"), std::string::npos) << plan.device_reason;
    }
    last_on_gpu = on_gpu;
  }
  EXPECT_EQ(last_on_gpu, 0);
}

/// Layers 1 and 2 store their experts as BF16, layer 3 its q as FP32; layer 0 is as the config says.
Manifest mixed_manifest() {
  Manifest mixed = manifest();
  for (TensorRecord& t : mixed.tensors) {
    const bool experts = t.role == Role::gate_up_weight || t.role == Role::down_weight;
    if (experts && (t.layer == 1 || t.layer == 2)) t.encoding = Encoding::bf16;
    if (t.role == Role::q_weight && t.layer == 3) t.encoding = Encoding::f32;
  }
  return mixed;
}

TEST(Placement, LayersAreGroupedByWhatTheyStoreAndWhereTheyLie) {
  for (int gpu_layers = 0; gpu_layers <= 4; ++gpu_layers)
    for (int cpu_experts = 0; cpu_experts <= gpu_layers; ++cpu_experts) {
      Policy policy;
      policy.gpu_layers = gpu_layers, policy.cpu_experts = cpu_experts;
      const auto plan = make_plan(mixed_manifest(), test::catalogue(), gpu_of(80), policy);
      ASSERT_TRUE(plan.ok()) << plan.error().message;
      EXPECT_TRUE(plan->conversions.empty());
      expect_every_layer_once(*plan);
      for (int layer = 0; layer < 4; ++layer) {
        const SitePlan* experts = plan->find(SiteId::down, layer, plan->placement.experts(layer));
        const SitePlan* qkv = plan->find(SiteId::qkv, layer, plan->placement.attention(layer));
        ASSERT_TRUE(experts && qkv) << layer;
        EXPECT_EQ(experts->site.stored, layer == 1 || layer == 2 ? NumberFormat::bf16 : NumberFormat::mxfp4) << layer;
        EXPECT_EQ(qkv->site.stored, layer == 3 ? NumberFormat::fp32 : NumberFormat::bf16) << layer;
        EXPECT_EQ(plan->find(SiteId::down, layer, experts->site.device == cpu_device ? cuda_device(0) : cpu_device),
                  nullptr);
        EXPECT_EQ(held_in(experts->layout), WeightFormat(experts->site.stored));
      }
    }
}

TEST(Placement, WhatOnlyAGpuCanObeyIsSaidWhereThereIsNone) {
  Machine machine = test::cpu_machine({CpuFeature::avx2});
  machine.no_gpu_reason = "no driver";
  const auto reason = [&](std::optional<int> gpu_layers, std::optional<int> cpu_experts, DeviceChoice device) {
    Policy policy;
    policy.gpu_layers = gpu_layers, policy.cpu_experts = cpu_experts, policy.device = device;
    return in_words(make_plan(manifest(), test::catalogue(), machine, policy).value().device_reason);
  };
  EXPECT_EQ(reason(3, {}, DeviceChoice::automatic), "no driver; gpu_layers=3 is without effect");
  EXPECT_EQ(reason({}, 2, DeviceChoice::automatic), "no driver; cpu_experts=2 is without effect");
  EXPECT_EQ(reason(3, 2, DeviceChoice::cpu),
            "asked for by device=cpu; gpu_layers=3 and cpu_experts=2 are without effect");
  EXPECT_EQ(reason(0, 0, DeviceChoice::automatic), "") << "that is obeyed";
  machine = gpu_of(80);
  EXPECT_EQ(reason(3, {}, DeviceChoice::cpu), "asked for by device=cpu; gpu_layers=3 is without effect");
}

TEST(Placement, GroupsOfLayersAreToldApart) {
  Policy policy;
  policy.gpu_layers = 2;
  ASSERT_TRUE(set_weights(policy, "int8").ok());
  const Plan plan = make_plan(mixed_manifest(), test::catalogue(), gpu_of(80), policy).value();
  std::vector<std::string> titles;
  for (const SitePlan& site : plan.sites)
    if (site.site.has_weights()) titles.push_back(title_of(site.site) + (site.site.device.is_gpu() ? " on cuda" : ""));
  EXPECT_EQ(titles, (std::vector<std::string>{
                        "embed", "attention.qkv (layer 2) on cuda", "attention.qkv (layers 0-1)",
                        "attention.qkv (layer 3) on cuda", "attention.output on cuda", "attention.output",
                        "router on cuda", "router", "moe.gate_up (layer 3) on cuda", "moe.gate_up (layer 0)",
                        "moe.gate_up (layer 2) on cuda", "moe.gate_up (layer 1)", "moe.down (layer 3) on cuda",
                        "moe.down (layer 0)", "moe.down (layer 2) on cuda", "moe.down (layer 1)", "head on cuda"}));
  ASSERT_EQ(plan.conversions.size(), 2u);
  EXPECT_EQ(plan.conversions[0].matrices + plan.conversions[1].matrices, 4u * 2 * 8);
  EXPECT_EQ(plan.conversions[0].from, NumberFormat::mxfp4);
  EXPECT_EQ(plan.conversions[1].from, NumberFormat::bf16);
  const auto holds = [](const Concession& c) {
    return c.text.find(" holds its weights as int8, stored as ") != c.text.npos;
  };
  EXPECT_EQ(std::ranges::count_if(plan.concessions, holds), 8) << "each group on each device";
}

TEST(Placement, ASiteThatIsNotThereIsNobody) {
  const Plan plan = planned(gpu_of(80));
  ModelConfig config = test::small_config();
  config.sliding.assign(config.sliding.size(), false);
  const Plan full = make_plan(manifest_from_config(config, "full"), test::catalogue(), gpu_of(80), {}).value();
  EXPECT_TRUE(full.site(SiteId::attention_sliding).decisions.empty());
  EXPECT_EQ(full.site(SiteId::attention_sliding).path_for({1}).name, "");
  EXPECT_EQ(plan.find(SiteId::down, 4, cuda_device(0)), nullptr);
  EXPECT_EQ(plan.find(SiteId::down, LayerSet::outside, cuda_device(0)), nullptr);
  EXPECT_NE(plan.find(SiteId::head, LayerSet::outside, cuda_device(0)), nullptr);
}

TEST(LayerSet, SaysItsLayersInRuns) {
  EXPECT_EQ(LayerSet::range(3, 3).to_string(), "layer 3");
  EXPECT_EQ(LayerSet::range(1, 23).to_string(), "layers 1-23");
  EXPECT_EQ(LayerSet::range(LayerSet::outside, LayerSet::outside).to_string(), "");
  LayerSet some;
  for (int layer : {0, 2, 3, 7}) some.add(layer);
  EXPECT_EQ(some.to_string(), "layers 0, 2-3, 7");
  EXPECT_TRUE(some.contains(3) && !some.contains(4));
}

TEST(Placement, FollowsTheUser) {
  Policy policy;
  policy.gpu_layers = 3;
  EXPECT_EQ(planned(gpu_of(80), policy).placement.gpu_layers(), 3);
  policy.cpu_experts = 2;
  const Plan plan = planned(gpu_of(80), policy);
  EXPECT_EQ(plan.placement.cpu_experts, 2);
  EXPECT_EQ(plan.placement.to_string(), "cuda:0, 1 of 4 layers on the CPU, the experts of 2 of 3 layers on the CPU");
  EXPECT_EQ(plan.find(SiteId::gate_up, 3, cuda_device(0))->site.count, 1);
  EXPECT_EQ(plan.find(SiteId::gate_up, 0, cpu_device)->site.count, 3);
  EXPECT_EQ(plan.find(SiteId::qkv, 3, cuda_device(0))->site.count, 3);
  expect_every_layer_once(plan);
  policy.gpu_layers = 0, policy.cpu_experts.reset();
  EXPECT_EQ(in_words(planned(gpu_of(80), policy).device_reason), "asked for by gpu_layers=0");
  policy.gpu_layers.reset(), policy.device = DeviceChoice::cpu;
  EXPECT_EQ(in_words(planned(gpu_of(80), policy).device_reason), "asked for by device=cpu");
}

/// A card that is slower than the CPU at everything.
Machine slow_gpu() {
  Machine machine = gpu_of(80);
  machine.gpus.front().bandwidth = 1e9, machine.gpus.front().cuda_flops = 1e9;
  return machine;
}

TEST(Placement, TheGpuIsTakenWhereItIsFasterAndWhereTheUserNamesLayers) {
  EXPECT_EQ(planned(slow_gpu()).device.kind, DeviceKind::cpu);
  Policy policy;
  policy.gpu_layers = 4;
  EXPECT_EQ(planned(slow_gpu(), policy).placement.gpu_layers(), 4);
  policy.gpu_layers.reset(), policy.cpu_experts = 4;
  EXPECT_EQ(planned(slow_gpu(), policy).placement.to_string(), "cuda:0, the experts of 4 of 4 layers on the CPU");
  Machine none = gpu_of(80);
  none.gpus.clear(), none.no_gpu_reason = "there is no NVIDIA driver on this computer";
  EXPECT_EQ(planned(none, policy).device.kind, DeviceKind::cpu);
}

TEST(Placement, WhatCannotLieWhereItWasAskedForIsTheReason) {
  Policy policy;
  policy.cpu_experts = 0;
  const Plan plan = planned(gpu_of(80), policy,
                            {{{"moe_gate_up.cuda.portable.f32", cuda_device(0)}, {Check::self_check, "wrong sums"}}});
  EXPECT_EQ(plan.device.kind, DeviceKind::cpu);
  EXPECT_NE(plan.device_reason.find("moe_gate_up.cuda.portable.f32"), std::string::npos) << plan.device_reason;
  policy.cpu_experts.reset(), policy.gpu_layers = 3;
  EXPECT_NE(planned(gpu_of(0.6), policy).device_reason.find("the part that may go there would need"),
            std::string::npos);
}

TEST(Placement, WaysBetweenTheDevicesCountInEveryCall) {
  const Plan whole = planned(gpu_of(80)),
             apart = planned(gpu_of(0.54 + 0.6 * double(whole.gpu_memory().total()) / 1e9));
  ASSERT_GT(apart.placement.crossings().size(), 0u);
  EXPECT_EQ(whole.crossing_seconds, std::vector<double>(regimes().size(), 0.0));
  Plan nearer = apart;
  nearer.crossing_seconds.assign(regimes().size(), 0);
  EXPECT_GT(cost_of(apart, Goal::decode) - cost_of(nearer, Goal::decode), 256 * apart.crossing_seconds.front());
  EXPECT_GT(apart.crossing_seconds.back(), apart.crossing_seconds.front()) << "512 rows take longer than one";
}

TEST(Placement, MemoryThatBothShareIsCountedOnce) {
  const Plan apart = planned(gpu_of(80));
  const uint64_t both = apart.memory().total() + apart.gpu_memory().total(), reserves = uint64_t{1} << 30;
  Machine machine = gpu_of(80);
  machine.gpus.front().integrated = true;
  const auto with_memory = [&](uint64_t bytes) {
    machine.memory = machine.gpus.front().memory = machine.gpus.front().free_memory = bytes;
    return planned(machine);
  };
  EXPECT_TRUE(with_memory(both + reserves).placement.all_on_gpus());
  const Plan tight = with_memory(apart.gpu_memory().total() + reserves / 2 + 1);
  EXPECT_FALSE(tight.placement.all_on_gpus()) << "what lies on the CPU is taken from the same memory";
  EXPECT_LE(tight.memory().total() + tight.gpu_memory().total(), machine.memory);
}

TEST(Placement, TheEmbeddingAloneOnTheCpuIsSaid) {
  const Placement placement{.layers = 4, .gpus = {{cuda_device(0), 4}}};
  EXPECT_EQ(placement.to_string(), "cuda:0, the embedding on the CPU");
}

TEST(Placement, AFailedRowTakesItsPartToTheCpu) {
  const Failure failure{Check::self_check, "token 0, output 1 is 2, expected 1"};
  const Plan experts = planned(gpu_of(80), {}, {{{"moe_gate_up.cuda.portable.f32", cuda_device(0)}, failure}});
  EXPECT_EQ(experts.placement.gpu_layers(), 4);
  EXPECT_EQ(experts.placement.cpu_experts, 4);
  ASSERT_FALSE(experts.concessions.empty());
  EXPECT_NE(experts.concessions.back().text.find("token 0, output 1 is 2"), std::string::npos)
      << experts.concessions.back().text;
  const Plan embed = planned(gpu_of(80), {}, {{{"embed.cuda.portable.f32", cuda_device(0)}, failure}});
  EXPECT_EQ(embed.placement.gpu_layers(), 4);
  EXPECT_EQ(embed.placement.embedding(), cpu_device);
  const Plan all = planned(gpu_of(80), {}, {{{"norm.cuda.portable.f32", cuda_device(0)}, failure}});
  EXPECT_EQ(all.device.kind, DeviceKind::cpu);
  EXPECT_NE(all.device_reason.find("norm.cuda.portable.f32 (failed its self-check: "), std::string::npos)
      << all.device_reason;
  const Plan sample = planned(gpu_of(80), {}, {{{"sample.cuda.portable.f32", cuda_device(0)}, failure}});
  EXPECT_TRUE(sample.placement.all_on_gpus());  // logits come back instead
  EXPECT_EQ(sample.find(SiteId::sample, LayerSet::outside, cuda_device(0)), nullptr);
}

TEST(Placement, ADeviceThatCannotBeUsedIsAReasonNotACrash) {
  Machine held = gpu_of(80);
  held.gpus.front().problem = "cuda:0 cannot be used: busy";
  Machine none = gpu_of(80);
  none.gpus.clear(), none.no_gpu_reason = "there is no NVIDIA driver on this computer";
  for (const auto& [machine, text] : {std::pair{held, "busy"}, {none, "no NVIDIA driver"}}) {
    const Plan plan = planned(machine);
    EXPECT_EQ(plan.device.kind, DeviceKind::cpu);
    EXPECT_NE(explain(plan, true).find(text), std::string::npos);
    Policy cuda;
    cuda.device = DeviceChoice::cuda;
    const auto forced = make_plan(manifest(), test::catalogue(), machine, cuda);
    ASSERT_FALSE(forced.ok());
    EXPECT_NE(forced.error().message.find(text), std::string::npos) << forced.error().message;
  }
}

TEST(Placement, ForcedOntoACardTooSmallSaysWhatWouldFit) {
  Policy policy;
  policy.device = DeviceChoice::cuda, policy.gpu_layers = 4, policy.cpu_experts = 0;
  const Plan plan = planned(gpu_of(0.9), policy);
  const Status status = check_memory(plan);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("memory on cuda:0"), std::string::npos) << status.error().message;
}

TEST(Placement, OnlyNamesPathsOfEitherDevice) {
  Policy policy;
  policy.only = {"linear.cpu.avx2.bf16_f32"};
  EXPECT_EQ(planned(gpu_of(80), policy).device.kind, DeviceKind::cpu);
  policy.only = {"linear.cuda.portable.*"};
  EXPECT_TRUE(planned(gpu_of(80), policy).placement.all_on_gpus());
}

TEST(Placement, OnlyTheGpuLeavesTheCpuToSampleBesideIt) {
  Policy policy;
  for (const char* glob : {"*cuda*", "sample.cuda*"})
    for (const DeviceChoice device : {DeviceChoice::automatic, DeviceChoice::cuda}) {
      policy.only = {glob}, policy.device = device;
      const Plan plan = planned(gpu_of(80), policy);
      ASSERT_NE(plan.find(SiteId::sample, LayerSet::outside, cuda_device(0)), nullptr) << glob;
      ASSERT_NE(plan.find(SiteId::sample, LayerSet::outside, cpu_device), nullptr) << glob;
      EXPECT_TRUE(check_strict(plan, policy).ok());
    }
  policy.only = {"*cuda*"};
  EXPECT_TRUE(planned(gpu_of(80), policy).placement.all_on_gpus());
  // Where no GPU is taken, forced still means forced.
  policy.only = {"sample.cuda*"}, policy.device = DeviceChoice::cpu;
  const auto none = make_plan(manifest(), test::catalogue(), gpu_of(80), policy);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("Paths that can: sample.cpu.portable.f32"), std::string::npos)
      << none.error().message;
  policy.device = DeviceChoice::automatic;
  EXPECT_FALSE(make_plan(manifest(), test::catalogue(), test::cpu_machine({CpuFeature::avx2}), policy).ok());
  // A GPU that may not sample does not keep such an `only`, so the CPU does not either.
  policy.exclude = {"sample.cuda*"}, policy.device = DeviceChoice::cuda;
  EXPECT_FALSE(make_plan(manifest(), test::catalogue(), gpu_of(80), policy).ok());
}

}  // namespace
}  // namespace mxpath
