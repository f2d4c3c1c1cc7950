#include "plan/fallback.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hint.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

constexpr const char* best = "linear.cpu.avx512.bf16_f32";

/// What a rehearsal ends with, and what was told on the way.
struct Rehearsed {
  Result<Plan> plan;
  std::vector<std::string> told;
};

Rehearsed rehearsed(const std::vector<std::string>& inject, bool strict = false,
                    const Machine& machine = test::cpu_machine({CpuFeature::avx2, CpuFeature::avx512})) {
  Policy policy;
  policy.inject_failure = inject, policy.strict = strict;
  std::vector<std::string> told;
  const Manifest manifest = manifest_from_config(test::small_config(), "test");
  auto plan = simulate_fallback(manifest, test::catalogue(), machine, policy, {},
                                [&](const std::string& text) { told.push_back(in_words(text)); });
  return {std::move(plan), std::move(told)};
}

TEST(Rehearse, EveryKindOfFailureEndsOnTheNextPath) {
  EXPECT_EQ(rehearsed({}).plan->site(SiteId::head).path_for({1}).name, best);
  for (const char* kind : {"", ":exact", ":random", ":packing"}) {
    const Rehearsed after = rehearsed({best + std::string(kind)});
    ASSERT_TRUE(after.plan.ok()) << kind;
    const std::string_view chosen = after.plan->site(SiteId::head).path_for({1}).name;
    // All rows that read the same packing are suspects of it.
    EXPECT_EQ(chosen, kind == std::string(":packing") ? "linear.cpu.portable.f32" : "linear.cpu.avx2.bf16_f32") << kind;
    ASSERT_FALSE(after.told.empty());
    EXPECT_TRUE(after.told.back().ends_with("by inject_failure")) << after.told.back();
    EXPECT_FALSE(after.plan->concessions.empty());
  }
}

TEST(Rehearse, OneFailureMayLeadToTheNext) {
  const Rehearsed after = rehearsed({"linear.cpu.avx*"});
  EXPECT_EQ(after.plan->site(SiteId::head).path_for({1}).name, "linear.cpu.portable.f32");
  EXPECT_EQ(after.told.size(), 2u);
}

TEST(Rehearse, BelowThePortablePathThereIsNothing) {
  const Rehearsed after = rehearsed({"norm.cpu.*"});
  ASSERT_FALSE(after.plan.ok());
  EXPECT_NE(after.plan.error().message.find("the portable path failed its own check"), std::string::npos);
}

TEST(Rehearse, WhatNoPathIsIsSaidAndChangesNothing) {
  const Rehearsed after = rehearsed({"linear.cuda.*:image", best});
  ASSERT_EQ(after.told.size(), 2u);
  EXPECT_EQ(after.told[1],
            "inject_failure=linear.cuda.*:image: no path of this plan is linear.cuda.*:image, so nothing failed");
  EXPECT_EQ(rehearsed({"linear.cpu.no*"}).plan.error().kind, ErrorKind::wrong_use);
}

TEST(Rehearse, ADeviceThatFailsIsOneFailureAndTheModelRunsOnTheCpu) {
  const Machine machine = test::gpu_machine(90);
  ASSERT_EQ(rehearsed({}, false, machine).plan->device.kind, DeviceKind::cuda);
  // Rows behind the one that broke it would fail too, but nobody asks them any more.
  const Rehearsed after = rehearsed({"norm.cuda.*:device", "moe_*.cuda.*:exact", "rope.cuda.*:device"}, false, machine);
  ASSERT_TRUE(after.plan.ok()) << after.plan.error().message;
  ASSERT_GE(after.told.size(), 1u);
  EXPECT_EQ(
      after.told[0],
      "cuda:0 is not used: it failed in the self-check of norm.cuda.portable.f32: made to fail by inject_failure");
  EXPECT_EQ(
      std::ranges::count_if(after.told, [](const std::string& text) { return text.find("is not used") != text.npos; }),
      1);
  EXPECT_EQ(after.plan->device.kind, DeviceKind::cpu);
  EXPECT_NE(after.plan->device_reason.find("runs on a GPU that is not used any more"), std::string::npos)
      << after.plan->device_reason;
  ASSERT_FALSE(after.plan->concessions.empty());
  EXPECT_NE(after.plan->concessions.back().text.find(
                "because of cuda:0: it failed in the self-check of norm.cuda.portable.f32: made to fail"),
            std::string::npos)
      << after.plan->concessions.back().text;
  EXPECT_EQ(in_words(rehearsed({"norm.cpu.*:device"}, false, machine).plan.error().message),
            "inject_failure=norm.cpu.*:device: norm.cpu.portable.f32 runs on a CPU and has no device that could fail");
}

TEST(Rehearse, StrictEndsIt) {
  const Rehearsed after = rehearsed({"linear.cpu.avx*"}, true);
  ASSERT_TRUE(after.plan.ok());
  EXPECT_EQ(after.told.size(), 1u) << "loading would not look further either";
  EXPECT_EQ(after.plan->site(SiteId::head).path_for({1}).name, "linear.cpu.avx2.bf16_f32");
}

}  // namespace
}  // namespace mxpath
