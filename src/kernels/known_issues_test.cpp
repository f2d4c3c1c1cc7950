#include "kernels/known_issues.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/text.h"
#include "checkpoint/random_checkpoint.h"
#include "kernels/catalogue.h"
#include "plan/plan.h"

namespace mxpath {
namespace {

Machine card(int capability) {
  Machine machine;
  machine.name = "test", machine.memory = uint64_t{64} << 30;
  machine.cpu.features = {CpuFeature::avx2, CpuFeature::fma}, machine.cpu.cores = 8, machine.cpu.bandwidth = 4e10;
  assume_cpu_flops(machine.cpu);
  machine.gpus.push_back({.name = "card",
                          .arch = {capability},
                          .driver = 13020,
                          .shared_memory = 100 << 10,
                          .memory = uint64_t{32} << 30,
                          .free_memory = uint64_t{31} << 30,
                          .bandwidth = 1.8e12,
                          .cuda_flops = 1e14});
  return machine;
}

/// The real rows and issues, as if nvcc of that version had compiled all of them.
Catalogue compiled_by(int nvcc) {
  Catalogue all = catalogue_of_full_build();
  all.nvcc = nvcc;
  return all;
}

/// The facts of a row that the issues may look at; its name says nothing.
struct Facts {
  Unit unit = Unit::cuda_cores;
  ArchSet arch = from(75);
  NumberFormat format = NumberFormat::bf16;
};

/// Whether the issues of today refuse a row like that in a program of that compiler, on a card of that capability.
std::vector<Refusal> ask(const Facts& facts, int capability, int nvcc) {
  const KernelPath path{.name = "a.row",
                        .op = Op::moe_gate_up,
                        .device = DeviceKind::cuda,
                        .weights = Layout::any,
                        .needs = {.arch = facts.arch},
                        .unit = facts.unit};
  const Catalogue rows = compiled_by(nvcc);
  const Machine machine = card(capability);
  const Site site{.id = SiteId::gate_up, .device = cuda_device(0), .n = 5760, .k = 2880, .format = facts.format};
  const Policy policy;
  const Failures failures;
  return refusals(path, {site, plain_layout(site.format), {1, 1}, rows, machine, policy, failures});
}

void expect_refused(const std::vector<Refusal>& all, std::string_view reason, std::string_view link) {
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].check, Check::known_issue);
  EXPECT_NE(all[0].have.find(reason), std::string::npos) << all[0].have;
  EXPECT_NE(all[0].have.find(link), std::string::npos) << all[0].have;
}

TEST(KnownIssues, TheByteThatNvcc132Mistakes) {
  for (const NumberFormat format : {NumberFormat::mxfp4, NumberFormat::int4, NumberFormat::nf4})
    for (const Unit unit : {Unit::cuda_cores, Unit::tensor_cores}) {
      for (const int nvcc : {nvcc_version(13, 2, 51), nvcc_version(13, 2, 78)})
        expect_refused(ask({unit, from(80), format}, 90, nvcc), "wrong byte of a packed word",
                       "llama.cpp/issues/28581");
      for (const int nvcc : {0, nvcc_version(13, 1, 115), nvcc_version(13, 2, 86), nvcc_version(13, 4, 92)})
        EXPECT_TRUE(ask({unit, from(80), format}, 90, nvcc).empty()) << nvcc;
    }
  for (const NumberFormat format : {NumberFormat::bf16, NumberFormat::fp32, NumberFormat::int8})
    EXPECT_TRUE(ask({.format = format}, 90, nvcc_version(13, 2, 51)).empty());
}

TEST(KnownIssues, GeForceBlackwellUnderNvcc130) {
  const int nvcc = nvcc_version(13, 0, 88);
  expect_refused(ask({Unit::tensor_cores, at(120)}, 120, nvcc), "GB202", "issues/360");
  EXPECT_EQ(ask({Unit::tensor_cores, at(120)}, 121, nvcc).front().check, Check::cuda_arch);  // GB10 is another chip
  EXPECT_TRUE(ask({Unit::tensor_cores, at(120)}, 120, nvcc_version(13, 1, 115)).empty());
  EXPECT_TRUE(ask({Unit::tensor_cores, from(80)}, 120, nvcc).empty());  // the driver compiles that one for the card
  EXPECT_TRUE(ask({Unit::cuda_cores, at(120)}, 120, nvcc).empty());
}

TEST(KnownIssues, TensorCoreTailsUnderNvcc128) {
  for (const int nvcc : {nvcc_version(12, 8, 61), nvcc_version(12, 8, 93), nvcc_version(12, 9, 41)})
    for (const ArchSet arch : {at(90), from(80)})
      expect_refused(ask({Unit::tensor_cores, arch}, 90, nvcc), "NVBUG 5218000", "cublasdx");
  EXPECT_TRUE(ask({Unit::tensor_cores, at(90)}, 90, nvcc_version(12, 9, 86)).empty());
  EXPECT_TRUE(ask({Unit::cuda_cores, at(90)}, 90, nvcc_version(12, 8, 93)).empty());
}

Result<Plan> planned(int nvcc, const Policy& policy = {}) {
  return make_plan(manifest_from_config(gpt_oss_20b_config(), "20b"), compiled_by(nvcc), card(90), policy);
}

TEST(KnownIssues, RefuseTheRowsOfThisProgramThatTheyMeet) {
  const auto sound = planned(nvcc_version(13, 0, 88)), faulty = planned(nvcc_version(13, 2, 51));
  ASSERT_TRUE(sound.ok() && faulty.ok());
  ASSERT_TRUE(sound->placement.all_on_gpus());
  EXPECT_EQ(sound->device_reason, "");
  for (const SiteId id : {SiteId::gate_up, SiteId::down}) {
    EXPECT_EQ(sound->site(id).site.device.kind, DeviceKind::cuda);
    EXPECT_EQ(faulty->site(id).site.device.kind, DeviceKind::cpu);
    EXPECT_EQ(faulty->find(id, 0, cuda_device(0)), nullptr);
  }
  // And says why, whatever else may stay on the GPU.
  EXPECT_NE(faulty->device_reason.find(
                "moe.gate_up on cuda:0: no path can run: moe_gate_up.cuda.portable.f32 (has a known fault here: "),
            std::string::npos)
      << faulty->device_reason;
  EXPECT_NE(faulty->device_reason.find("wrong byte of a packed word"), std::string::npos) << faulty->device_reason;
  // With weights that are not packed nothing is amiss.
  for (const auto& [weights, device] :
       {std::pair{"int8", DeviceKind::cuda}, {"int4", DeviceKind::cpu}, {"nf4", DeviceKind::cpu}}) {
    Policy policy;
    ASSERT_TRUE(set_weights(policy, weights).ok());
    EXPECT_EQ(planned(nvcc_version(13, 2, 51), policy)->site(SiteId::down).site.device.kind, device) << weights;
  }
}

TEST(KnownIssues, OfThisBuildRefuseNothingThatTheyShouldNot) {
  if (catalogue().nvcc >= nvcc_version(13, 2, 0) && catalogue().nvcc < nvcc_version(13, 2, 86))
    GTEST_SKIP() << "it is the faulty one";
  const auto with = planned(catalogue().nvcc), without = planned(0);
  ASSERT_TRUE(with.ok() && without.ok());
  EXPECT_EQ(with->placement, without->placement);
}

TEST(KnownIssues, NeverTakeTheFloorOfTheCpuAway) {
  Catalogue rows = catalogue();
  rows.known_issues = {{.reason = "everything is wrong", .link = "https://example.org"}};
  const Machine machine = card(90);
  Policy policy;
  policy.device = DeviceChoice::cpu;
  const auto plan = make_plan(manifest_from_config(gpt_oss_20b_config(), "20b"), rows, machine, policy);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  for (const SitePlan& site : plan->sites)
    for (const Decision& decision : site.decisions) EXPECT_TRUE(is_floor(*decision.chosen)) << decision.chosen->name;
}

TEST(KnownIssues, CanBeLookedUp) {
  EXPECT_GE(known_issues().size(), 2u);
  EXPECT_EQ(catalogue().known_issues.size(), known_issues().size());
  for (const KnownIssue& issue : known_issues()) {
    EXPECT_TRUE(issue.link.starts_with("https://")) << issue.link;
    EXPECT_FALSE(issue.reason.empty());
  }
}

}  // namespace
}  // namespace mxpath
