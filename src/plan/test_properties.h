// What must hold of every plan, whatever the machine, the model and the failures: checked on random ones, which the
// trace of a failed check shows. tests/plans asks it of the real catalogue.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "plan/explain.h"
#include "plan/plan.h"

namespace mxpath::test {

/// A feature with all that it builds on.
inline void add_feature(Cpu& cpu, CpuFeature feature) {
  using enum CpuFeature;
  cpu.features.add(feature);
  if (feature == avx2) cpu.features.add(fma), cpu.features.add(f16c);
  else if (feature == avx512_bf16 || feature == avx512_vnni) add_feature(cpu, avx512);
  else if (feature == amx_bf16 || feature == amx_int8) cpu.features.add(amx_tile), add_feature(cpu, avx512);
  else add_feature(cpu, avx2);
}

inline CpuFeature random_feature(Random& random) {
  return static_cast<CpuFeature>(random.integer(0, cpu_feature_count - 1));
}

/// Rates of the units that the CPU has; each unit keeps a rate that it had. A wider unit is not always a faster one.
inline void add_rates(Machine& machine, Random& random) {
  for (int unit = 0; unit < unit_count; ++unit)
    if (machine.cpu.features.contains(features_of(static_cast<Unit>(unit))) && machine.cpu.flops[unit] == 0)
      machine.cpu.flops[unit] = random.uniform(1e10, 1e13);
}

inline Gpu random_gpu(Random& random) {
  constexpr int capabilities[] = {61, 70, 75, 80, 86, 87, 89, 90, 100, 103, 110, 120, 121};
  constexpr uint64_t shared[] = {49152, 65536, 101376, 166912, 232448};
  Gpu gpu{.name = "card", .arch = {capabilities[random.integer(0, std::size(capabilities) - 1)]}};
  gpu.driver = static_cast<int>(random.integer(11, 13) * 1000 + random.integer(0, 9) * 10);
  gpu.shared_memory = shared[random.integer(0, std::size(shared) - 1)];
  gpu.memory = gpu.free_memory = static_cast<uint64_t>(random.integer(4, 192)) << 30;
  gpu.bandwidth = random.uniform(1e11, 8e12), gpu.cuda_flops = random.uniform(1e12, 1e14);
  gpu.tensor_flops = random.integer(0, 4) == 0 ? 0 : random.uniform(1e13, 2e15);
  return gpu;
}

inline Machine random_machine(Random& random) {
  Machine machine;
  machine.name = "random";
  for (int64_t n = random.integer(0, 5); n > 0; --n) add_feature(machine.cpu, random_feature(random));
  machine.cpu.cores = static_cast<int>(random.integer(1, 128));
  machine.cpu.bandwidth = random.uniform(5e9, 6e11);
  machine.memory = static_cast<uint64_t>(random.integer(2, 1024)) << 30;
  add_rates(machine, random);
  if (random.integer(0, 1)) machine.gpus.push_back(random_gpu(random));
  else machine.no_gpu_reason = "no NVIDIA GPU in this machine";
  return machine;
}

inline ModelConfig random_config(Random& random) {
  ModelConfig c;
  const auto any = [&](int64_t low, int64_t high) { return static_cast<int>(random.integer(low, high)); };
  c.layers = any(1, 40), c.experts = any(1, 128), c.experts_per_token = any(1, std::min(c.experts, 8));
  c.hidden = 32 * any(1, 200), c.intermediate = 32 * any(1, 200), c.vocab = any(1, 300000);
  c.kv_heads = any(1, 8), c.heads = c.kv_heads * any(1, 8), c.head_dim = 2 * any(1, 64);
  c.sliding.clear();
  for (int layer = 0; layer < c.layers; ++layer) c.sliding.push_back(random.integer(0, 1));
  c.quantized_mxfp4 = random.integer(0, 3) != 0;
  return c;
}

/// A row where a machine with one GPU has it.
inline Suspect on_its_device(const KernelPath& path) {
  return {std::string(path.name), path.device == DeviceKind::cpu ? cpu_device : cuda_device(0)};
}

/// Every row but the floor of the CPU may fail.
inline Failures random_failures(Random& random, const Catalogue& catalogue) {
  Failures failures;
  for (const KernelPath* path : catalogue.paths)
    if (!(path->device == DeviceKind::cpu && is_floor(*path)) && random.integer(0, 2) == 0)
      failures[on_its_device(*path)] = {random.integer(0, 3) ? Check::self_check : Check::no_image, "made to fail"};
  return failures;
}

inline Policy random_policy(Random& random) {
  Policy policy;
  policy.goal = static_cast<Goal>(random.integer(0, 2));
  policy.numerics = random.integer(0, 3) ? Numerics::checkpoint : Numerics::fast;
  if (random.integer(0, 3) == 0) policy.weights = NumberFormat::bf16;
  policy.context = static_cast<int>(random.integer(1, 8192));
  return policy;
}

/// The same machine and something more.
inline Machine more_of(Machine machine, Random& random) {
  const double factor = random.uniform(1, 4);
  switch (random.integer(0, 5)) {
    case 0: add_feature(machine.cpu, random_feature(random)), add_rates(machine, random); break;
    case 1: machine.cpu.bandwidth *= factor; break;
    case 2:
      for (double& rate : machine.cpu.flops) rate *= factor;
      break;
    case 3: machine.memory *= 2; break;
    case 4:
      if (machine.gpus.empty()) machine.gpus.push_back(random_gpu(random)), machine.no_gpu_reason.clear();
      break;
    default:
      for (Gpu& gpu : machine.gpus)
        gpu.bandwidth *= factor, gpu.cuda_flops *= factor, gpu.tensor_flops *= factor, gpu.shared_memory *= 2,
            gpu.memory *= 2, gpu.free_memory *= 2;
  }
  return machine;
}

inline bool chosen_anywhere(const SitePlan& site, std::string_view path) {
  return std::ranges::any_of(site.decisions, [&](const Decision& d) { return d.chosen->name == path; });
}

inline void expect_sound(const Plan& plan, const Failures& failures) {
  for (const SitePlan* site : plan.all_sites())
    for (const Decision& d : site->decisions) {
      ASSERT_NE(d.chosen, nullptr) << site->site.name();
      EXPECT_FALSE(failures.contains({std::string(d.chosen->name), site->site.device})) << site->site.name();
      EXPECT_EQ(d.all.front().path, d.chosen) << site->site.name();
      EXPECT_TRUE(d.all.front().why_not.empty()) << site->site.name();
    }
}

inline void expect_same_choice(const SitePlan& before, const SitePlan& after) {
  EXPECT_EQ(before.layout, after.layout) << before.site.name();
  for (size_t r = 0; r < before.decisions.size(); ++r)
    EXPECT_EQ(before.decisions[r].chosen, after.decisions[r].chosen) << before.site.name();
}

/// The parts of one question to the planner.
struct Case {
  Manifest manifest;
  Machine machine;
  Policy policy;
  Failures failures;
};

inline Case random_case(Random& random, const Catalogue& catalogue) {
  Case c{manifest_from_config(random_config(random), "random"), random_machine(random), random_policy(random), {}};
  if (random.integer(0, 1)) c.failures = random_failures(random, catalogue);
  return c;
}

inline void check_same_inputs_same_plan(const Case& c, const Catalogue& catalogue, const Plan& plan) {
  const auto again =
      make_plan(Case(c).manifest, Catalogue(catalogue), Case(c).machine, Case(c).policy, Case(c).failures);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(explain(plan, true), explain(*again, true));
  EXPECT_EQ(plan_to_json(plan).dump(), plan_to_json(*again).dump());
}

/// One more row fails: sites that had not chosen it keep their choice.
inline void check_a_failure_stays_where_it_is(const Case& c, const Catalogue& catalogue, const Plan& plan,
                                              Random& random) {
  const KernelPath* path =
      catalogue.paths[static_cast<size_t>(random.integer(0, static_cast<int64_t>(catalogue.paths.size()) - 1))];
  if (path->device == DeviceKind::cpu && is_floor(*path)) return;
  Case worse = c;
  worse.failures[on_its_device(*path)] = {Check::self_check, "one more"};
  const auto after = make_plan(worse.manifest, catalogue, worse.machine, worse.policy, worse.failures);
  ASSERT_TRUE(after.ok()) << path->name << ": " << after.error().message;
  expect_sound(*after, worse.failures);
  if (after->placement !=
      plan.placement) {  // dearer there than elsewhere: whole layers move, and only because a row of theirs failed
    EXPECT_TRUE(std::ranges::any_of(plan.all_sites(),
                                    [&](const SitePlan* site) { return chosen_anywhere(*site, path->name); }));
    return;
  }
  for (const SitePlan& site : plan.sites) {
    if (chosen_anywhere(site, path->name)) continue;
    const SitePlan* same = after->find(site.site.id, site.site.layers.first(), site.site.device);
    ASSERT_NE(same, nullptr) << site.site.name();
    expect_same_choice(site, *same);
  }
}

/// Compared is what planning minimises; a layout that wins over all token counts may cost a little for one of them.
/// What does not fit is planned as near as can be and has no speed to speak of.
inline void check_more_is_never_slower(const Case& c, const Catalogue& catalogue, const Plan& plan, Random& random) {
  const Machine machine = more_of(c.machine, random);
  const auto more = make_plan(c.manifest, catalogue, machine, c.policy, c.failures);
  ASSERT_TRUE(more.ok()) << more.error().message;
  if (!plan.fits()) return;
  EXPECT_TRUE(more->fits());
  EXPECT_LE(cost_of(*more, c.policy.goal), cost_of(plan, c.policy.goal) * (1 + 1e-12))
      << machine_to_json(machine).dump();
}

/// All properties on `rounds` random cases.
inline void check_properties(const Catalogue& catalogue, uint64_t seed, int rounds) {
  Random random(seed);
  for (int round = 0; round < rounds; ++round) {
    const Case c = random_case(random, catalogue);
    SCOPED_TRACE(fmt::format("seed {}, round {}, machine {}, {} failures", seed, round,
                             machine_to_json(c.machine).dump(), c.failures.size()));
    const auto plan = make_plan(c.manifest, catalogue, c.machine, c.policy, c.failures);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    expect_sound(*plan, c.failures);
    check_same_inputs_same_plan(c, catalogue, *plan);
    check_a_failure_stays_where_it_is(c, catalogue, *plan, random);
    check_more_is_never_slower(c, catalogue, *plan, random);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace mxpath::test
