#include "plan/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "base/hint.h"
#include "base/json.h"
#include "base/random.h"
#include "plan/explain.h"
#include "plan/memory.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

using test::cpu_machine, test::gpu_machine;

constexpr CpuFeatures avx2{CpuFeature::avx2}, avx512{CpuFeature::avx2, CpuFeature::avx512},
    amx{CpuFeature::avx2, CpuFeature::avx512, CpuFeature::amx_bf16};

Manifest manifest() { return manifest_from_config(test::small_config(), "test"); }
Site linear_site(DeviceId device = cpu_device) { return {.id = SiteId::head, .device = device, .n = 5760, .k = 2880}; }

TEST(Decide, EveryRowAppearsOnceAndTheCheapestLegalOneWins) {
  const Catalogue rows = test::catalogue();
  for (const Machine& machine : {cpu_machine({}), cpu_machine(avx2), cpu_machine(avx512), cpu_machine(amx)})
    for (const Regime& regime : regimes()) {
      const Site site = linear_site();
      const Policy policy;
      const Failures failures;
      const Decision d = decide({site, Layout::bf16_rows16, regime.tokens, rows, machine, policy, failures}, regime);
      std::multiset<const KernelPath*> seen;
      for (const Candidate& c : d.all) seen.insert(c.path);
      EXPECT_EQ(seen.size(), 8u);
      EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), 8u);
      ASSERT_NE(d.chosen, nullptr);
      for (const Candidate& c : d.all) EXPECT_TRUE(!c.why_not.empty() || c.seconds >= d.all.front().seconds);
    }
}

/// Names that stand in a sentence in that order.
bool in_order(const std::string& text, std::initializer_list<std::string_view> words) {
  size_t at = 0;
  for (std::string_view word : words) {
    at = text.find(word, at);
    if (at == text.npos) return false;
    at += word.size();
  }
  return true;
}

TEST(Decide, NamesEveryPathThatCouldRunTheBestFirst) {
  const auto row = [](std::string_view name, double efficiency, CpuFeatures needs = {}) {
    return KernelPath{
        .name = name, .op = Op::linear, .weights = Layout::any, .needs = {.cpu = needs}, .efficiency = efficiency};
  };
  // Two of one price, whose names begin alike; the shorter one stands behind.
  const KernelPath rows[] = {row("linear.cpu.slow.f32", .1),
                             row("linear.cpu.twin.f32.wide", .5),
                             row("linear.cpu.twin.f32", .5),
                             row("linear.cpu.best.f32", .9),
                             row("linear.cpu.no.f32.wide", .9, {CpuFeature::amx_bf16}),
                             row("linear.cpu.no.f32", .9, {CpuFeature::amx_bf16})};
  Catalogue catalogue;
  for (const KernelPath& path : rows) catalogue.paths.push_back(&path);
  const auto sentence = [&](const Policy& policy, const Failures& failures = {}) {
    const auto plan = plan_site(linear_site(), catalogue, cpu_machine(avx2), policy, failures);
    EXPECT_FALSE(plan.ok());
    return plan.ok() ? std::string() : plan.error().message;
  };
  Policy policy;
  policy.exclude = {"linear.*"};
  EXPECT_TRUE(sentence(policy).ends_with(
      "keep one of: linear.cpu.best.f32 linear.cpu.twin.f32.wide linear.cpu.twin.f32 linear.cpu.slow.f32"))
      << sentence(policy);
  policy = {};
  policy.only = {"linear.cpu.no.*"};
  const std::string forced = sentence(policy);
  EXPECT_TRUE(in_order(forced, {"on this machine: linear.cpu.no.f32.wide (", "), linear.cpu.no.f32 (",
                                "Paths that can: linear.cpu.best.f32 "
                                "linear.cpu.twin.f32.wide linear.cpu.twin.f32 linear.cpu.slow.f32"}))
      << forced;
  Failures all;
  for (const KernelPath& path : rows) all[{std::string(path.name)}] = {Check::self_check, "wrong"};
  for (const char* excluded : {"", "linear.*"}) {
    policy = {};
    if (*excluded) policy.exclude = {excluded};
    const std::string none = sentence(policy, all);
    EXPECT_NE(none.find("no path can run: "), none.npos) << none;
    for (const KernelPath& path : rows)
      EXPECT_NE(none.find(std::string(path.name) + " ("), none.npos) << path.name << ": " << none;
  }
}

TEST(Decide, TwoRoofs) {
  const auto plan = plan_site(linear_site(), test::catalogue(), cpu_machine(amx), {}, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->path_for({1}).name, "linear.cpu.avx512.bf16_f32");  // a matrix unit has no use for one token
  EXPECT_EQ(plan->path_for({512}).name, "linear.cpu.amx.bf16");       // bandwidth alone would keep avx512
  EXPECT_EQ(plan->layout, Layout::bf16_rows16);
}

TEST(Plan, FallsBackOneRowAtATimeAndEndsAtTheFloor) {
  Failures failures;
  for (const char* expected : {"linear.cpu.avx512.bf16_f32", "linear.cpu.avx2.bf16_f32", "linear.cpu.portable.f32"}) {
    const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), {}, failures);
    ASSERT_TRUE(plan.ok());
    const auto& chosen = plan->site(SiteId::head).path_for({1});
    EXPECT_EQ(chosen.name, expected);
    EXPECT_EQ(failures.empty(),
              plan->concessions.empty() || plan->concessions.front().text.find("moe_down") != std::string::npos);
    failures[{std::string(chosen.name)}] = {Check::self_check, "wrong"};
  }
}

TEST(Plan, AFailureChangesNoUnrelatedSite) {
  const auto before = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), {});
  const auto after = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), {},
                               {{{"linear.cpu.avx512.bf16_f32"}, {Check::self_check, "wrong"}}});
  ASSERT_TRUE(before.ok() && after.ok());
  for (size_t i = 0; i < before->sites.size(); ++i)
    if (before->sites[i].site.op() != Op::linear) {
      for (size_t r = 0; r < 4; ++r)
        EXPECT_EQ(before->sites[i].decisions[r].chosen, after->sites[i].decisions[r].chosen);
    }
}

TEST(Plan, FallbackIsLoudAndStrictRefusesIt) {
  const auto plan =
      make_plan(manifest(), test::catalogue(), cpu_machine(avx512), {},
                {{{"moe_gate_up.cpu.avx512.mxfp4_f32"}, {Check::self_check, "token 0, output 1 is 2, expected 1"}}});
  ASSERT_TRUE(plan.ok());
  ASSERT_FALSE(plan->concessions.empty());
  EXPECT_NE(plan->concessions.front().text.find("moe.gate_up runs on moe_gate_up.cpu.portable.f32, about "),
            std::string::npos)
      << plan->concessions.front().text;
  EXPECT_NE(plan->concessions.front().text.find("token 0, output 1 is 2, expected 1"), std::string::npos);
  Policy strict;
  strict.strict = true;
  const Status status = check_strict(*plan, strict);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::refused);
  EXPECT_TRUE(check_strict(*plan, {}).ok());
}

TEST(Plan, StrictAcceptsWhatGivesNothingUp) {
  Policy strict;
  strict.strict = true;
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), strict);
  ASSERT_TRUE(plan.ok());
  // moe_down has only its portable row in this catalogue, so nothing was given up there either.
  EXPECT_TRUE(check_strict(*plan, strict).ok()) << plan->concessions.front().text;
}

TEST(Plan, ForcedMeansForced) {
  Policy policy;
  policy.only = {"linear.cpu.amx.*"};
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx2), policy);
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find("linear.cpu.amx.bf16 (needs avx512+amx_bf16; this CPU has no avx512+amx_bf16"),
            std::string::npos)
      << plan.error().message;
  EXPECT_NE(plan.error().message.find("Paths that can: linear.cpu.avx2.bf16_f32"), std::string::npos)
      << plan.error().message;
  policy.only = {"linear.cpu.avx2.bf16_f32"};
  const auto forced = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), policy);
  ASSERT_TRUE(forced.ok());
  EXPECT_EQ(forced->site(SiteId::head).path_for({1}).name, "linear.cpu.avx2.bf16_f32");
  EXPECT_EQ(forced->site(SiteId::gate_up).path_for({1}).name,
            "moe_gate_up.cpu.avx512.mxfp4_f32");  // --only speaks about its own op
  policy.only = {"linear.cpu.avx1024.*"};
  EXPECT_EQ(make_plan(manifest(), test::catalogue(), cpu_machine(avx2), policy).error().kind, ErrorKind::wrong_use);
  policy.only.clear(), policy.exclude = {"linear.*"};
  EXPECT_FALSE(make_plan(manifest(), test::catalogue(), cpu_machine(avx2), policy).ok());
}

TEST(Plan, ForcedRowsOfADeviceThatIsNotPlannedOnAreAnError) {
  Policy policy;
  policy.only = {"linear.cuda.*"};
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx2), policy);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().kind, ErrorKind::failed);
  EXPECT_NE(plan.error().message.find("linear.cuda.sm90a.bf16.wgmma ("), std::string::npos) << plan.error().message;
  EXPECT_NE(plan.error().message.find("Paths that can: linear.cpu.avx2.bf16_f32"), std::string::npos)
      << plan.error().message;
  policy.only = {"linear.*"};  // names rows of both
  EXPECT_TRUE(make_plan(manifest(), test::catalogue(), cpu_machine(avx2), policy).ok());
}

TEST(Plan, ForcedRowsOfAnotherWeightFormatAreNamedWithTheirRefusals) {
  Policy policy;
  policy.only = {"moe_gate_up.cpu.avx512.mxfp4_f32"}, policy.weights = NumberFormat::bf16;
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), policy);
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find(
                "moe_gate_up.cpu.avx512.mxfp4_f32 (reads mxfp4_rows16; the weights are held as bf16_rows)"),
            std::string::npos)
      << plan.error().message;
}

TEST(Plan, StrictRefusesPortablePathsConversionsAndOtherArithmetic) {
  const auto reasons = [](const Machine& machine, const Policy& policy) {
    Policy strict = policy;
    strict.strict = true;
    const auto plan = make_plan(manifest(), test::catalogue(), machine, strict);
    EXPECT_TRUE(plan.ok());
    const Status status = check_strict(*plan, strict);
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status.ok() ? ErrorKind::failed : status.error().kind, ErrorKind::refused);
    return status.ok() ? std::string() : status.error().message;
  };
  EXPECT_NE(reasons(cpu_machine({}), {}).find("head runs on linear.cpu.portable.f32"), std::string::npos);
  Policy forced, converted, fast;
  forced.only = {"*.portable.*"};
  EXPECT_NE(in_words(reasons(cpu_machine(avx512), forced))
                .find("(excluded by only, which names other paths of this operation)"),
            std::string::npos);
  converted.weights = NumberFormat::fp32;
  EXPECT_NE(reasons(cpu_machine(avx512), converted).find("moe.down holds its weights as fp32, stored as mxfp4"),
            std::string::npos);
  fast.numerics = Numerics::fast, fast.only = {"linear.cpu.avx2.int8"};
  EXPECT_NE(reasons(cpu_machine(avx512), fast).find("head quantises activations to int8 (linear.cpu.avx2.int8)"),
            std::string::npos);
}

TEST(Plan, SameInputsSamePlanByteForByte) {
  const auto a = make_plan(manifest(), test::catalogue(), cpu_machine(amx), {}),
             b = make_plan(manifest(), test::catalogue(), cpu_machine(amx), {});
  EXPECT_EQ(explain(*a, true), explain(*b, true));
  EXPECT_EQ(plan_to_json(*a).dump(), plan_to_json(*b).dump());
}

TEST(Plan, MoreHardwareIsNeverPredictedSlower) {
  double last = 1e9;
  for (CpuFeatures features : {CpuFeatures{}, avx2, avx512, amx}) {
    const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(features), {});
    ASSERT_TRUE(plan.ok());
    EXPECT_LE(plan->decode_seconds + plan->prefill_seconds, last);
    last = plan->decode_seconds + plan->prefill_seconds;
  }
}

TEST(Plan, ExistsForAnyMachineShapeAndFailures) {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    CpuFeatures features;
    for (int f = 0; f < cpu_feature_count; ++f)
      if (random.integer(0, 1)) features.add(static_cast<CpuFeature>(f));
    ModelConfig c = test::small_config();
    c.hidden = static_cast<int>(32 * random.integer(1, 200)),
    c.intermediate = static_cast<int>(32 * random.integer(1, 200)),
    c.vocab = static_cast<int>(random.integer(1, 300000));
    Failures failures;
    for (const KernelPath* path : test::catalogue().paths)
      if (!is_floor(*path) && random.integer(0, 2) == 0)
        failures[{std::string(path->name), path->device == DeviceKind::cpu ? cpu_device : cuda_device(0)}] = {
            Check::self_check, "x"};
    const auto plan =
        make_plan(manifest_from_config(c, "random"), test::catalogue(), cpu_machine(features), {}, failures);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    for (const SitePlan& site : plan->sites)
      for (const Decision& d : site.decisions) {
        ASSERT_NE(d.chosen, nullptr);
        EXPECT_FALSE(failures.contains({std::string(d.chosen->name), site.site.device}));
      }
  }
}

/// The end of the sentence that refuses a plan, after the figures.
std::string remedy(const Manifest& model, const Machine& machine, const Policy& policy,
                   const Catalogue& rows = test::catalogue()) {
  const auto plan = make_plan(model, rows, machine, policy);
  if (!plan.ok()) return plan.error().message;
  const Status status = check_memory(*plan);
  return status.ok() ? "fits" : in_words(status.error().message.substr(status.error().message.find("; ") + 2));
}

TEST(Memory, TooLargeIsRefusedWithWhatWouldFit) {
  Policy policy;
  policy.context = 131072;
  EXPECT_EQ(remedy(manifest(), cpu_machine(avx2, 1.66), policy), "it would fit with context=124928");
  policy.context = 0;
  EXPECT_EQ(remedy(manifest(), cpu_machine(avx2, 0.8), policy),
            "no shorter context and no smaller weights format would fit: it needs a machine with more memory, or a "
            "smaller model");
}

TEST(Memory, ABudgetThatIsTooSmallMayBeLeftOut) {
  Policy policy;
  policy.memory_budget = 1 << 20;
  EXPECT_EQ(remedy(manifest(), cpu_machine(avx2, 8), policy), "it would fit without memory_budget");
  EXPECT_EQ(remedy(manifest(), cpu_machine(avx2, 0.5), policy),
            "no shorter context and no smaller weights format would fit: it needs a machine with more memory, or a "
            "smaller model");
}

TEST(Memory, WhatWouldFitDoes) {
  for (const double gigabytes : {0.8, 1.35, 1.5, 1.7, 2.0, 3.0})
    for (const int context : {300, 8192, 131072}) {
      Policy policy;
      policy.context = context, policy.weights = NumberFormat::bf16;
      const Machine machine = cpu_machine(avx2, gigabytes);
      const auto plan = make_plan(manifest(), test::catalogue(), machine, policy);
      ASSERT_TRUE(plan.ok());
      EXPECT_EQ(plan->suggestions.empty(), plan->memory().fits() || gigabytes < 1) << gigabytes << ", " << context;
      for (const std::string& change : plan->suggestions) {
        Policy smaller = policy;
        for (const Hint& hint : hints_in(change)) {
          if (hint.knob == Knob::weights) {
            EXPECT_TRUE(set_weights(smaller, hint.value).ok());
          }
          if (hint.knob == Knob::context) smaller.context = std::stoi(hint.value);
        }
        EXPECT_FALSE(hints_in(change).empty()) << change;
        EXPECT_TRUE(make_plan(manifest(), test::catalogue(), machine, smaller)->memory().fits()) << change;
      }
    }
}

TEST(Memory, TheFormatAndTheContextAreBothOffered) {
  Policy policy;
  policy.weights = NumberFormat::bf16;
  EXPECT_EQ(remedy(manifest(), cpu_machine(avx2, 2), policy), "it would fit with weights=as-stored");
  policy.context = 131072;
  EXPECT_EQ(remedy(manifest(), cpu_machine(avx2, 1.66), policy), "it would fit with weights=as-stored context=124928");
}

TEST(Device, WishesAreKeptOrRefused) {
  Policy cuda;
  cuda.device = DeviceChoice::cuda;
  Catalogue cpu_only = test::catalogue();
  std::erase_if(cpu_only.paths, [](const KernelPath* path) { return path->device == DeviceKind::cuda; });
  const auto refused = make_plan(manifest(), cpu_only, gpu_machine(90), cuda);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(in_words(refused.error().message), "device=cuda:0: this version has no CUDA paths; use device=cpu or auto");
  const auto automatic = make_plan(manifest(), cpu_only, gpu_machine(90), {});
  ASSERT_TRUE(automatic.ok());
  EXPECT_EQ(automatic->device.kind, DeviceKind::cpu);
  EXPECT_EQ(automatic->device_reason, "this version has no CUDA paths");
}

TEST(Explain, ShowsEveryRowOfEverySite) {
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx2), {});
  ASSERT_TRUE(plan.ok());
  for (const std::string& text : {explain(*plan, false), explain(*plan, true)})
    for (const KernelPath* path : test::catalogue().paths)
      EXPECT_NE(text.find(path->name), std::string::npos) << path->name;
  const Json json = plan_to_json(*plan);
  EXPECT_EQ(json["sites"].size(), plan->sites.size());
  const Json& paths = json["sites"][2]["regimes"][0]["paths"];
  ASSERT_EQ(paths.size(), 8u);
  const auto avx512_row =
      std::ranges::find_if(paths, [](const Json& row) { return row["path"] == "linear.cpu.avx512.bf16_f32"; });
  ASSERT_NE(avx512_row, paths.end());
  EXPECT_EQ(avx512_row->at("why_not").at(0).at("check"), "cpu_feature");
}

TEST(Layouts, BytesCountThePadding) {
  EXPECT_EQ(layout_bytes(Layout::mxfp4_rows, 32, 5760, 2880), 32ull * 5760 * 90 * 17);
  EXPECT_EQ(layout_bytes(Layout::bf16_rows16, 1, 17, 3), 32ull * 4 * 2);
  EXPECT_EQ(layout_bytes(Layout::mxfp4_rows16, 2, 17, 64), 2ull * 32 * 2 * 17);
  for (int i = static_cast<int>(Layout::fp32_rows); i < layout_count; ++i) {
    const Layout layout = static_cast<Layout>(i), plain = plain_layout(held_in(layout));
    EXPECT_TRUE(is_plain(plain));
    EXPECT_EQ(held_in(plain), held_in(layout)) << name_of(layout);
    EXPECT_EQ(plain == layout, is_plain(layout)) << name_of(layout);
  }
}

}  // namespace
}  // namespace mxpath
