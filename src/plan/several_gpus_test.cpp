// Layers over several GPUs: equal and unequal ones, those that cannot be used, and what the user may ask for.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/hint.h"
#include "base/json.h"
#include "base/text.h"
#include "plan/explain.h"
#include "plan/memory.h"
#include "plan/placement.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

Manifest manifest(int layers = 12) {
  ModelConfig config = test::small_config();
  config.layers = layers;
  config.sliding.clear();
  for (int layer = 0; layer < layers; ++layer) config.sliding.push_back(layer % 2 == 0);
  return manifest_from_config(config, "test");
}

/// A computer with GPUs of so many gigabytes.
Machine gpus_of(const std::vector<double>& gigabytes) {
  Machine machine = test::gpu_machine(90);
  const Gpu one = machine.gpus.front();
  machine.gpus.clear();
  for (const double size : gigabytes) {
    machine.gpus.push_back(one);
    machine.gpus.back().memory = machine.gpus.back().free_memory = static_cast<uint64_t>(size * 1e9);
    machine.gpus.back().uuid = fmt::format("GPU-{}{}", machine.gpus.size() - 1, "0000000-1111-2222-3333-444444444444");
  }
  return machine;
}

Result<Plan> plan_of(const Machine& machine, const Policy& policy = {}, const Failures& failures = {}) {
  return make_plan(manifest(), test::catalogue(), machine, policy, failures);
}

Plan planned(const Machine& machine, const Policy& policy = {}, const Failures& failures = {}) {
  auto plan = plan_of(machine, policy, failures);
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  return plan.ok() ? std::move(plan).value() : Plan();
}

/// Gigabytes that all of the model takes on one GPU, the driver's part included.
double whole_gigabytes() { return double(planned(gpus_of({80})).memory(cuda_device(0)).total()) / 1e9 + 0.54; }

Policy on(const char* device, const char* split = nullptr) {
  Policy policy;
  EXPECT_TRUE(set_device(policy, device).ok());
  if (split) {
    EXPECT_TRUE(set_split(policy, split).ok());
  }
  return policy;
}

void expect_every_layer_once(const Plan& plan) {
  std::map<SiteId, int> counts;
  for (const SitePlan& site : plan.sites)
    if (site.site.op() != Op::sample) counts[site.site.id] += site.site.count;
  EXPECT_EQ(counts[SiteId::norm], 25);
  for (const SiteId id : {SiteId::qkv, SiteId::attention_output, SiteId::rope, SiteId::router, SiteId::gate_up,
                          SiteId::swiglu, SiteId::down})
    EXPECT_EQ(counts[id], 12) << row_of(id).name;
  EXPECT_EQ(counts[SiteId::embed], 1);
  EXPECT_EQ(counts[SiteId::head], 1);
  for (int layer = 0; layer < 12; ++layer) {
    EXPECT_NE(plan.find(SiteId::qkv, layer, plan.placement.attention(layer)), nullptr) << layer;
    EXPECT_NE(plan.find(SiteId::down, layer, plan.placement.experts(layer)), nullptr) << layer;
  }
}

TEST(SeveralGpus, OneIsEnoughWhereAllFits) {
  for (const char* device : {"auto", "cuda"}) {
    const Plan plan = planned(gpus_of({80, 80, 80}), on(device));
    EXPECT_EQ(plan.placement.to_string(), "cuda:0");
    EXPECT_EQ(plan.devices.size(), 2u);
    EXPECT_EQ(planned(gpus_of({1, 80, 1}), on(device)).placement.to_string(), "cuda:1") << "the one that it fits on";
  }
}

TEST(SeveralGpus, ShareTheLayersWhereNoneHoldsAll) {
  const double part = whole_gigabytes() / 4 + 1;  // what a chunk takes is there on each
  const Plan plan = planned(gpus_of({part, part, part, part}));
  EXPECT_TRUE(plan.fits());
  ASSERT_EQ(plan.placement.gpus.size(), 4u) << plan.placement.to_string();
  EXPECT_TRUE(plan.placement.all_on_gpus());
  EXPECT_FALSE(plan.placement.all_on_one_gpu());
  EXPECT_EQ(plan.placement.crossings().size(), 3u);
  EXPECT_EQ(plan.placement.embedding(), cuda_device(0));
  EXPECT_EQ(plan.placement.head(), cuda_device(3));
  for (const auto& [gpu, layers] : plan.placement.gpus) EXPECT_NEAR(layers, 3, 1);
  expect_every_layer_once(plan);
  ASSERT_EQ(plan.devices.size(), 5u);
  const std::string text = explain(plan, false);
  for (const char* line :
       {"\non cuda:0 ", "\non cuda:3 ", "; 4 × gpu", "\ncrossings 3 per token", "through the computer's memory"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  const Json json = plan_to_json(plan);
  EXPECT_EQ(json["devices"].size(), 5u);
  EXPECT_EQ(json["devices"][4]["device"], "cuda:3");
}

TEST(SeveralGpus, ASlowOneIsNotTakenWhereTheFasterOnesAreEnough) {
  const double half = whole_gigabytes() / 2 + 1;
  Machine machine = gpus_of({half, half, half});
  EXPECT_EQ(planned(machine).placement.gpus.size(), 3u) << "equal ones share";
  machine.gpus[1].bandwidth /= 20;
  machine.gpus[1].cuda_flops /= 20;
  EXPECT_EQ(planned(machine).placement.to_string().substr(0, 17), "cuda:0 and cuda:2");
}

TEST(SeveralGpus, UnequalOnesGetSharesByTheirMemory) {
  const double whole = whole_gigabytes();
  const Plan plan = planned(gpus_of({whole * 0.3 + 0.6, whole * 0.8}));
  ASSERT_EQ(plan.placement.gpus.size(), 2u) << plan.placement.to_string();
  EXPECT_TRUE(plan.fits());
  EXPECT_LT(plan.placement.gpus[0].layers, plan.placement.gpus[1].layers);
  expect_every_layer_once(plan);
}

TEST(SeveralGpus, WhatDoesNotFitOnAllGoesToTheCpuAsOnOne) {
  const double part = whole_gigabytes() / 3;
  const Plan plan = planned(gpus_of({part, part}));
  EXPECT_TRUE(plan.fits());
  EXPECT_FALSE(plan.placement.all_on_gpus());
  EXPECT_EQ(plan.placement.gpus.size(), 2u) << plan.placement.to_string();
  EXPECT_NE(plan.device_reason.find("of 2 GPUs together, but only"), std::string::npos) << plan.device_reason;
  expect_every_layer_once(plan);
}

TEST(SeveralGpus, OneThatCannotBeUsedIsLeftOutWithASentence) {
  const double half = whole_gigabytes() / 2 + 1;
  Machine machine = gpus_of({half, half, half});
  machine.gpus[1].problem = "cuda:1 cannot be used: busy";
  machine.gpus[1].name = "the other";
  const Plan plan = planned(machine);
  EXPECT_EQ(plan.placement.to_string().substr(0, 17), "cuda:0 and cuda:2") << plan.placement.to_string();
  EXPECT_NE(plan.device_reason.find("cuda:1 is left out: "), std::string::npos) << plan.device_reason;
  EXPECT_NE(plan.device_reason.find("busy"), std::string::npos) << plan.device_reason;
  EXPECT_NE(plan.machine.find("cuda:0: gpu, cuda:1: the other, cuda:2: gpu"), std::string::npos) << plan.machine;
  const auto asked = plan_of(machine, on("cuda:0,cuda:1"));
  ASSERT_FALSE(asked.ok());
  EXPECT_NE(asked.error().message.find(mention(Knob::device, "cuda:1") + ": "), std::string::npos)
      << asked.error().message;
}

TEST(SeveralGpus, AreUsedAsTheUserNamesThem) {
  const Machine machine = gpus_of({80, 80, 80});
  EXPECT_EQ(planned(machine, on("cuda:1")).placement.to_string(), "cuda:1");
  const Plan two = planned(machine, on("cuda:2,cuda:0"));
  EXPECT_EQ(two.placement.to_string().substr(0, 17), "cuda:2 and cuda:0");
  EXPECT_EQ(two.placement.embedding(), cuda_device(2));
  expect_every_layer_once(two);
  const Plan split = planned(machine, on("cuda:0,cuda:1", "8,4"));
  EXPECT_EQ(split.placement.to_string(), "cuda:0 and cuda:1 (8 and 4 layers)");
  expect_every_layer_once(split);
  EXPECT_EQ(planned(machine, on("auto", "4,4,4")).placement.gpus.size(), 3u);
  Policy fewer = on("cuda", "3,2");
  fewer.gpu_layers = 5;
  fewer.cpu_experts = 4;
  const Plan part = planned(machine, fewer);
  EXPECT_EQ(part.placement.to_string(),
            "cuda:0 and cuda:1 (3 and 2 layers), 7 of 12 layers on the CPU, the experts of 4 of 5 layers on the CPU");
  expect_every_layer_once(part);
  EXPECT_EQ(planned(machine, on("GPU-1")).placement.to_string(), "cuda:1");
  EXPECT_EQ(planned(machine, on("GPU-2,GPU-00000000-1111")).placement.to_string().substr(0, 17), "cuda:2 and cuda:0");
}

TEST(SeveralGpus, NumbersAndUuidsMayStandInOneList) {
  const Machine machine = gpus_of({80, 80});
  for (const auto& [text, first, second] : {std::tuple("cuda:1,GPU-0", 1, 0), std::tuple("GPU-1000,cuda:0", 1, 0),
                                            std::tuple("GPU-0,cuda:1", 0, 1), std::tuple("GPU-0,GPU-1", 0, 1)}) {
    const auto policy = named_gpus(on(text), machine);
    ASSERT_TRUE(policy.ok()) << text << policy.error().message;
    EXPECT_EQ(policy->gpus, (std::vector<DeviceId>{cuda_device(first), cuda_device(second)})) << text;
  }
}

TEST(SeveralGpus, WhatCannotBeMeantIsASentence) {
  const Machine machine = gpus_of({80, 80});
  const auto message = [&](const Policy& policy) {
    const auto plan = plan_of(machine, policy);
    return plan.ok() ? std::string() : in_words(plan.error().message);
  };
  EXPECT_EQ(message(on("cuda:0,cuda:1", "8,5")),
            "split=8,5: the numbers sum to 13, but 12 layers must be placed on GPUs");
  EXPECT_EQ(message(on("cuda:0,cuda:1", "12")), "split=12: device names 2 GPUs; give the layers of each");
  EXPECT_EQ(message(on("auto", "4,4,4")), "split=4,4,4: there are 2 GPUs to use");
  EXPECT_EQ(message(on("cpu", "6,6")), "split=6,6: device=cpu has no GPU to split layers over");
  EXPECT_EQ(message(on("cuda:2")), "device=cuda:2: there is no CUDA device 2; use device=cpu or auto");
  EXPECT_EQ(message(on("cuda:0,GPU-0")), "device=GPU-0: that GPU is there twice, it is cuda:0 here");
  EXPECT_EQ(message(on("GPU-9")), "device=GPU-9: no GPU here has that UUID");
  EXPECT_EQ(message(on("GPU-")), "device=GPU-: 2 GPUs here have a UUID that begins so");
  Machine visible = machine;
  visible.visible_gpus = "2,3";
  EXPECT_EQ(in_words(make_plan(manifest(), test::catalogue(), visible, on("cuda:2")).error().message),
            "device=cuda:2: there is no CUDA device 2 (CUDA_VISIBLE_DEVICES=2,3); use device=cpu or auto");
  EXPECT_NE(planned(visible).machine.find("2 × gpu (CUDA_VISIBLE_DEVICES=2,3)"), std::string::npos);
  Policy policy;
  for (const char* text :
       {"cuda:", "cuda:-1", "cuda:64", "cuda:0,", "cuda:0,cuda:0", "cuda:0,GPU-1,gpu", "gpu", "cuda,cuda:1", ""})
    EXPECT_FALSE(set_device(policy, text).ok()) << text;
  for (const char* text : {"", "0", "1,", "-1", "1,0", "a", "1.5", "99999999999"})
    EXPECT_FALSE(set_split(policy, text).ok()) << text;
}

TEST(SeveralGpus, AFailureOnOneLeavesTheRowToTheOthers) {
  const Failure failure{Check::self_check, "token 0, output 1 is 2, expected 1"};
  const Suspect row{"moe_gate_up.cuda.portable.f32", cuda_device(0)};
  const Plan elsewhere = planned(gpus_of({80, 80}), {}, {{row, failure}});
  EXPECT_EQ(elsewhere.placement.to_string(), "cuda:1");
  EXPECT_NE(elsewhere.concessions.back().text.find("because of moe_gate_up.cuda.portable.f32 on cuda:0: token 0"),
            std::string::npos)
      << elsewhere.concessions.back().text;
  const Plan device = planned(gpus_of({80, 80}), {}, {{{"", cuda_device(0)}, failure}});
  EXPECT_EQ(device.placement.to_string(), "cuda:1");
}

TEST(SeveralGpus, TheirLinksArePriced) {
  const double half = whole_gigabytes() / 2 + 1;
  Machine machine = gpus_of({half, half});
  const Plan assumed = planned(machine);
  machine.links = {{.a = cuda_device(0),
                    .b = cuda_device(1),
                    .bandwidth = 2e11,
                    .latency = 5e-6,
                    .peer = true,
                    .nvlink = true,
                    .measured = true}};
  const Plan measured = planned(machine);
  EXPECT_DOUBLE_EQ(measured.crossing_seconds.front(), 5e-6 + 4 * 2880 / 2e11);
  EXPECT_LT(measured.crossing_seconds.front(), assumed.crossing_seconds.front());
  EXPECT_EQ(measured.crossing_note, "NVLink, 200 GB/s measured");
}

TEST(Shares, FillTheFullestAsLittleAsCanBe) {
  EXPECT_EQ(shares({.layers = std::vector<uint64_t>(12, 10), .room = {100, 100}}), (std::vector<int>{6, 6}));
  EXPECT_EQ(shares({.layers = std::vector<uint64_t>(12, 10), .room = {50, 100}}), (std::vector<int>{4, 8}));
  EXPECT_EQ(shares({.layers = std::vector<uint64_t>(12, 10), .last = 40, .room = {100, 100}}),
            (std::vector<int>{8, 4}));
  EXPECT_EQ(shares({.layers = std::vector<uint64_t>(3, 10), .room = {0, 100}}), (std::vector<int>{0, 3}));
  EXPECT_EQ(shares({.layers = std::vector<uint64_t>(3, 10), .room = {0, 0}}), (std::vector<int>{0, 3}));
}

}  // namespace
}  // namespace mxpath
