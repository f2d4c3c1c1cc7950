// What is said about a path that may not run: the data, and the sentence that is made of it.
#include "plan/refusal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/hint.h"
#include "base/json.h"
#include "plan/explain.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

using test::cpu_machine, test::gpu_machine;

constexpr CpuFeatures avx2{CpuFeature::avx2}, avx512{CpuFeature::avx2, CpuFeature::avx512},
    amx{CpuFeature::avx2, CpuFeature::avx512, CpuFeature::amx_bf16};
constexpr std::string_view wgmma = "linear.cuda.sm90a.bf16.wgmma", avx2_row = "linear.cpu.avx2.bf16_f32";

/// A question about a linear site, and the path that it is asked about.
struct Asked {
  std::string_view path;
  Machine machine;
  Policy policy = {};
  Failures failures = {};
  Range tokens = {64, 64};
  Layout layout = Layout::bf16_rows16;
  int64_t n = 5760;
  std::optional<DeviceId> device = {};  ///< of the site; empty: where the path runs
  Catalogue rows = test::catalogue();
};

std::vector<Refusal> refusals_of(const Asked& a) {
  const KernelPath& path = *a.rows.find(a.path);
  const DeviceId own = path.device == DeviceKind::cpu ? cpu_device : cuda_device(0);
  const Site site{.id = SiteId::head, .device = a.device.value_or(own), .n = a.n, .k = 2880};
  return refusals(path, {site, a.layout, a.tokens, a.rows, a.machine, a.policy, a.failures});
}

/// The one refusal of that kind, or a failure of the test.
Refusal only(const std::vector<Refusal>& all, Check check) {
  Refusal found{};
  for (const Refusal& r : all)
    if (r.check == check) found = r;
  EXPECT_EQ(std::ranges::count(all, check, &Refusal::check), 1) << name_of(check);
  return found;
}

struct Case {
  Check check;
  Asked asked;
  std::string_view wants, have, sentence;
};

Catalogue with_an_issue() {
  Catalogue rows = test::catalogue();
  rows.known_issues.push_back({.unit = Unit::avx512,
                               .cpu = {CpuFeature::amx_bf16},
                               .reason = "wrong sums on stepping 3",
                               .link = "https://example.org/1"});
  return rows;
}

Machine without_gpu() {
  Machine machine = cpu_machine(avx2);
  machine.no_gpu_reason = "there is no NVIDIA driver on this computer";
  return machine;
}

std::vector<Case> cases() {
  constexpr std::string_view wrong = "token 3, output 7 is 1, expected 2";
  Policy excluding, naming, deterministic, tight;
  excluding.exclude = {"*.avx2.*"};
  naming.only = {"linear.cpu.portable.f32"};
  deterministic.deterministic = true;
  tight.memory_budget = 100000;  // of 17 rows 98 kB as stored, 184 kB in groups of 16
  return {
      {Check::not_built,
       {"linear.cuda.sm100.bf16.tcgen05", gpu_machine(100)},
       "a build with this target",
       "left out of this program",
       "is not part of this build"},
      {Check::known_issue,
       {.path = "linear.cpu.avx512.bf16_f32", .machine = cpu_machine(amx), .rows = with_an_issue()},
       "a machine without this fault",
       "wrong sums on stepping 3 (https://example.org/1)",
       "has a known fault here: wrong sums on stepping 3 (https://example.org/1)"},
      {Check::cpu_feature,
       {"linear.cpu.amx.bf16", cpu_machine(avx2)},
       "avx512+amx_bf16",
       "no avx512+amx_bf16",
       "needs avx512+amx_bf16; this CPU has no avx512+amx_bf16"},
      {Check::no_gpu,
       {wgmma, without_gpu()},
       "a CUDA device",
       "there is no NVIDIA driver on this computer",
       "needs a CUDA device: there is no NVIDIA driver on this computer"},
      {Check::cuda_arch,
       {wgmma, gpu_machine(120)},
       "exactly compute capability 9.0",
       "12.0",
       "needs exactly compute capability 9.0; this GPU has 12.0"},
      {Check::driver,
       {wgmma, gpu_machine(90, 12000)},
       "CUDA driver 12.3 or later",
       "CUDA driver 12.0",
       "needs CUDA driver 12.3 or later; this computer has CUDA driver 12.0"},
      {Check::no_image,
       {wgmma,
        gpu_machine(90),
        {},
        {{{std::string(wgmma), cuda_device(0)}, {Check::no_image, "no kernel image for sm90"}}}},
       "to load on this device",
       "no kernel image for sm90",
       "cannot be loaded by the driver: no kernel image for sm90"},
      {Check::shared_memory,
       {wgmma, gpu_machine(90, 12080, 101376)},
       "204800 bytes",
       "101376 bytes",
       "needs 204800 bytes of shared memory per block; this GPU allows 101376 bytes"},
      {Check::layout,
       {.path = avx2_row, .machine = cpu_machine(avx2), .layout = Layout::bf16_rows},
       "bf16_rows16",
       "bf16_rows",
       "reads bf16_rows16; the weights are held as bf16_rows"},
      {Check::arithmetic,
       {"linear.cpu.avx2.int8", cpu_machine(avx2)},
       "numerics=fast to compute in int8_dynamic",
       "numerics=checkpoint",
       "needs numerics=fast to compute in int8_dynamic"},
      {Check::tokens,
       {.path = "linear.cpu.amx.bf16", .machine = cpu_machine(amx), .tokens = {1, 1}},
       "16 or more tokens",
       "1 token",
       "takes 16 or more tokens; asked for 1 token"},
      {Check::k_multiple,
       {wgmma, gpu_machine(90)},
       "k % 128 == 0",
       "k = 2880, remainder 64",
       "needs k % 128 == 0; here k = 2880, remainder 64"},
      {Check::n_multiple,
       {.path = wgmma, .machine = gpu_machine(90), .n = 5761},
       "n % 16 == 0",
       "n = 5761, remainder 1",
       "needs n % 16 == 0; here n = 5761, remainder 1"},
      {Check::device,
       {.path = "linear.cuda.portable.f32", .machine = gpu_machine(90), .device = cpu_device},
       "a GPU",
       "the CPU",
       "runs on a GPU; this operation is placed on the CPU"},
      {Check::excluded,
       {avx2_row, cpu_machine(avx2), excluding},
       "not to be excluded",
       "exclude=*.avx2.*",
       "excluded by exclude=*.avx2.*"},
      {Check::excluded,
       {avx2_row, cpu_machine(avx2), naming},
       "to be named by only",
       "only, which names other paths of this operation",
       "excluded by only, which names other paths of this operation"},
      {Check::determinism,
       {avx2_row, cpu_machine(avx2), deterministic},
       "deterministic",
       "its results depend on what else is in the call",
       "is left out by deterministic: its results depend on what else is in the call"},
      {Check::memory_budget,
       {.path = avx2_row, .machine = cpu_machine(avx2), .policy = tight, .n = 17},
       "180 KiB for its padded weights",
       "97.7 KiB",
       "needs 180 KiB for its padded weights; only 97.7 KiB is available"},
      {Check::self_check,
       {avx2_row, cpu_machine(avx2), {}, {{{std::string(avx2_row)}, {Check::self_check, std::string(wrong)}}}},
       "to pass its self-check",
       wrong,
       "failed its self-check: token 3, output 7 is 1, expected 2"},
      {Check::device_failed,
       {"linear.cuda.portable.f32",
        gpu_machine(90),
        {},
        {{{"", cuda_device(0)}, {Check::device_failed, "an illegal memory access"}}}},
       "a device that still works",
       "an illegal memory access",
       "runs on a GPU that is not used any more: an illegal memory access"},
  };
}

// Every refusal was "CHECK: wants X, have Y" once, whatever had been checked.
TEST(Refusals, EveryCheckOccursWithItsDataAndASentenceOfItsOwn) {
  std::set<Check> provoked;
  for (const Case& c : cases()) {
    const Refusal r = only(refusals_of(c.asked), c.check);
    EXPECT_EQ(in_words(r.wants), c.wants);
    EXPECT_EQ(in_words(r.have), c.have);
    EXPECT_EQ(in_words(to_string(r)), c.sentence);
    provoked.insert(c.check);
  }
  EXPECT_EQ(provoked.size(), static_cast<size_t>(check_count));
}

TEST(Refusals, WhereAnIssueIsNotTheRowMayRun) {
  EXPECT_TRUE(
      refusals_of({.path = "linear.cpu.avx512.bf16_f32", .machine = cpu_machine(avx512), .rows = with_an_issue()})
          .empty());
}

TEST(Refusals, AllReasonsAreKeptMostFundamentalFirst) {
  const auto all = refusals_of(
      {.path = wgmma, .machine = gpu_machine(75, 11000, 65536), .tokens = {1, 1}, .layout = Layout::bf16_rows});
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all.front().check, Check::cuda_arch);
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Refusal::check));
}

TEST(Refusals, CapabilitiesAreSetsNotAnOrder) {
  EXPECT_FALSE(at(100).contains({120}));
  EXPECT_FALSE(at(90).contains({100}));
  EXPECT_TRUE(from(80).contains({120}));
}

// What a file or a driver says may look like a placeholder; it is shown as it is.
TEST(Refusals, WhatTheySayIsNotReadAsASentence) {
  EXPECT_EQ(sentence_of(Check::layout, "{have}", "{wants}"), "reads {have}; the weights are held as {wants}");
  EXPECT_EQ(sentence_of(Check::self_check, "", "{wants}"), "failed its self-check: {wants}");
}

TEST(Refusals, EveryCheckHasANameASentenceAndAMeaning) {
  std::set<std::string_view> names, sentences;
  for (int c = 0; c < check_count; ++c) {
    const Check check = static_cast<Check>(c);
    EXPECT_TRUE(names.insert(row_of(check).name).second) << row_of(check).name;
    sentences.insert(row_of(check).sentence);
    const std::string sentence = sentence_of(check, "X", "Y"), meaning = in_words(meaning_of(check));
    EXPECT_EQ(sentence.find_first_of("{}"), sentence.npos) << sentence;
    EXPECT_EQ(meaning.find_first_of("{}"), meaning.npos) << meaning;
    EXPECT_FALSE(meaning.empty());
  }
  EXPECT_EQ(sentences.size(), static_cast<size_t>(check_count - 1)) << "only the two widths share one";
}

TEST(Refusals, ThePlanAsJsonHasTheSentenceBesideTheData) {
  const auto plan =
      make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(), cpu_machine(avx2), {});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const Json json = plan_to_json(*plan);
  bool found = false;
  for (const Json& site : json["sites"])
    for (const Json& path : site["regimes"][0]["paths"])
      for (const Json& reason : path["why_not"]) {
        if (reason["check"] != "cpu_feature" || path["path"] != "linear.cpu.avx512.bf16_f32") continue;
        EXPECT_EQ(reason, (Json{{"check", "cpu_feature"},
                                {"wants", "avx512"},
                                {"have", "no avx512"},
                                {"text", "needs avx512; this CPU has no avx512"}}));
        found = true;
      }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace mxpath
