#include "plan/place.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/hint.h"
#include "base/text.h"
#include "plan/expectation.h"
#include "plan/memory.h"

namespace mxpath {
namespace {

constexpr int cpu_chunk = 512, gpu_chunk = 2048;
constexpr double crossing_seconds = 25e-6;  // a copy each way and a wait, over PCIe
constexpr double crossing_bandwidth = 12e9;

/// Every site of the model planned for one device, or why it cannot be.
struct DeviceSites {
  Device device;
  std::vector<Site> sites;
  std::vector<Result<SitePlan>> plans;

  /// The error of the first site that the placement needs here and that has no path. The CPU can pick a token for a GPU.
  const Error* obstacle(const Placement& placement) const {
    for (size_t i = 0; i < sites.size(); ++i)
      if (!plans[i].ok() && part_on(sites[i], device, placement).count > 0 && !(sites[i].op() == Op::sample && device == Device::cuda))
        return &plans[i].error();
    return nullptr;
  }
};

DeviceSites plan_device(Device device, const Manifest& manifest, const Catalogue& catalogue, const Machine& machine, const Policy& policy,
                        const Failures& failures) {
  DeviceSites all{device, sites_of(manifest, policy, device), {}};
  for (const Site& site : all.sites) all.plans.push_back(plan_site(site, catalogue, machine, policy, failures));
  return all;
}

bool names_row_of(const Policy& policy, const Catalogue& catalogue, Op op, Device device) {
  return std::ranges::any_of(catalogue.paths, [&](const KernelPath* path) {
    return path->op == op && path->device == device &&
           std::ranges::any_of(policy.only, [&](const std::string& glob) { return glob_match(glob, path->name); });
  });
}

/// The CPU's sites beside a GPU. Whatever lies there, the CPU must be able to sample too; an `only` that names sampling on the GPU alone is
/// kept by the GPU, and does not mean the CPU.
DeviceSites beside_gpu(const DeviceSites& cpu, const DeviceSites& gpu, const Catalogue& catalogue, const Machine& machine,
                       const Policy& policy, const Failures& failures) {
  DeviceSites all = cpu;
  const bool gpu_samples = std::ranges::any_of(gpu.plans, [](const auto& plan) { return plan.ok() && plan->site.op() == Op::sample; });
  if (!gpu_samples || names_row_of(policy, catalogue, Op::sample, Device::cpu)) return all;
  Policy free = policy;
  free.only.clear();
  for (size_t i = 0; i < all.sites.size(); ++i)
    if (all.sites[i].op() == Op::sample && !all.plans[i].ok()) all.plans[i] = plan_site(all.sites[i], catalogue, machine, free, failures);
  return all;
}

/// Why no layer can lie on the GPU; empty: some can.
std::string gpu_obstacle(const DeviceSites& gpu, const ModelConfig& config, const Catalogue& catalogue, const Machine& machine,
                         const Policy& policy) {
  if (std::ranges::none_of(catalogue.paths, [](const KernelPath* path) { return path->device == Device::cuda; }))
    return "this version has no CUDA paths";
  if (static_cast<size_t>(policy.cuda_index) >= machine.gpus.size())
    return machine.gpus.empty() && !machine.no_gpu_reason.empty() ? machine.no_gpu_reason
                                                                  : fmt::format("there is no CUDA device {}", policy.cuda_index);
  const Error* error = gpu.obstacle({.layers = config.layers, .gpu_layers = config.layers, .cpu_experts = config.layers});
  return error ? error->message : "";
}

/// Of the residual stream, all of it in FP32.
std::vector<double> seconds_of_crossings(const Placement& placement, const ModelConfig& config) {
  std::vector<double> seconds;
  for (const Regime& regime : regimes())
    seconds.push_back(placement.crossings() * (crossing_seconds + regime.typical.tokens * 4.0 * config.hidden / crossing_bandwidth));
  return seconds;
}

/// One call of a site with the tokens of a whole prompt that begins with them.
double prompt_seconds(const SitePlan& plan, const Machine& machine, int cuda_index) {
  const Decision& decision = plan.decisions[3];
  if (plan.site.op() != Op::attention) return decision.all.front().seconds;
  const int tokens = decision.regime.typical.tokens;
  return predicted_seconds(*decision.chosen, load_of(plan.site, plan.layout, {.tokens = tokens, .keys = mean_keys(tokens)}), machine,
                           cuda_index);
}

void add_predictions(Plan& plan, const ModelConfig& config, const Machine& machine) {
  plan.crossing_seconds = seconds_of_crossings(plan.placement, config);
  plan.decode_seconds = plan.crossing_seconds[0];
  plan.prefill_seconds = plan.crossing_seconds[3];
  plan.decode_bytes = 0;
  for (const SitePlan& site : plan.sites) {
    if (plan.is_idle(site)) continue;
    const double count = site.site.count;
    plan.decode_seconds += count * site.decisions.front().all.front().seconds;
    // The head reads one position of a prompt, whatever its length.
    const bool once = site.site.row().once_a_prompt;
    plan.prefill_seconds +=
        count * (once ? site.decisions[0].all.front().seconds : prompt_seconds(site, machine, plan.placement.cuda_index));
    if (site.site.has_weights()) plan.decode_bytes += count * work_of(site.site, site.layout, {}).bytes;
  }
}

Plan with(const Plan& base, const Placement& placement, const DeviceSites& cpu, const DeviceSites& gpu, const Manifest& manifest,
          const Machine& machine, const Policy& policy) {
  Plan plan = base;
  plan.placement = placement;
  plan.device = placement.gpu_layers > 0 ? Device::cuda : Device::cpu;
  plan.chunk = std::min(policy.chunk ? policy.chunk : placement.uses(Device::cpu) ? cpu_chunk : gpu_chunk, plan.context);
  for (size_t i = 0; i < cpu.plans.size(); ++i)
    for (const DeviceSites* sites : std::initializer_list<const DeviceSites*>{&gpu, &cpu}) {
      if (i >= sites->plans.size() || !sites->plans[i].ok()) continue;
      Site part = part_on(sites->sites[i], sites->device, placement);
      if (part.count == 0) continue;
      plan.sites.push_back(*sites->plans[i]);
      plan.sites.back().site = std::move(part);
    }
  add_predictions(plan, manifest.config, machine);
  plan_memory(plan, manifest, machine, policy);
  return plan;
}

std::string does_not_fit(const Plan& wanted, const Machine& machine) {
  uint64_t all = 0;
  for (const Gpu& gpu : machine.gpus) all += gpu.free_memory;
  const std::string others = machine.gpus.size() < 2 ? ""
                                                     : fmt::format("; the {} GPUs together have {} free, and mxpath uses one of them",
                                                                   machine.gpus.size(), human_bytes(double(all)));
  return fmt::format("{} would take {} of cuda:{} and {} are available{}",
                     wanted.placement.all_on_gpu() ? "all of it" : "as much of it as may lie there",
                     human_bytes(double(wanted.gpu_memory.total())), wanted.placement.cuda_index,
                     human_bytes(double(wanted.gpu_memory.available)), others);
}

/// The operation that keeps a part of the model off the GPU because no path there can run it; empty: there is none.
std::string without_path(const DeviceSites& gpu, const ModelConfig& config) {
  const Error* error = gpu.obstacle({.layers = config.layers, .gpu_layers = config.layers, .gpu_embedding = true});
  return error ? error->message : "";
}

/// Why everything lies on the CPU although the GPU can be used. `first`: the candidate with the most on the GPU.
std::string why_cpu(const Plan& first, const DeviceSites& gpu, const ModelConfig& config, const Machine& machine, const Policy& policy) {
  if (policy.gpu_layers == 0) return fmt::format("asked for by {}", mention(Knob::gpu_layers, 0));
  if (const std::string missing = without_path(gpu, config); !missing.empty()) return missing;
  if (first.placement.gpu_layers > 0) return first.fits() ? "the CPU should be faster for so small a model" : does_not_fit(first, machine);
  return "the CPU has no path for what would be left to it";
}

}  // namespace

Status place(Plan& plan, const Manifest& manifest, const Catalogue& catalogue, const Machine& machine, const Policy& policy,
             const Failures& failures) {
  const DeviceSites cpu = plan_device(Device::cpu, manifest, catalogue, machine, policy, failures);
  DeviceSites gpu{Device::cuda, {}, {}};
  std::string reason =
      policy.device == DeviceChoice::cpu ? (machine.gpus.empty() ? "" : fmt::format("asked for by {}", mention(Knob::device, "cpu"))) : "";
  if (policy.device != DeviceChoice::cpu) {
    gpu = plan_device(Device::cuda, manifest, catalogue, machine, policy, failures);
    reason = gpu_obstacle(gpu, manifest.config, catalogue, machine, policy);
    if (!reason.empty() && policy.device == DeviceChoice::cuda)
      return fail("{}: {}; use {} or auto", mention(Knob::device, fmt::format("cuda:{}", policy.cuda_index)), reason,
                  mention(Knob::device, "cpu"));
  }
  std::optional<Plan> best, first;
  const bool gpu_open = policy.device != DeviceChoice::cpu && reason.empty();
  const DeviceSites beside = beside_gpu(cpu, gpu, catalogue, machine, policy, failures);
  for (const Placement& placement : placements(manifest.config.layers, policy)) {
    if (placement.gpu_layers > 0 && !gpu_open) continue;
    const DeviceSites& rest = placement.head() == Device::cuda ? beside : cpu;
    if (rest.obstacle(placement) || gpu.obstacle(placement)) continue;
    Plan candidate = with(plan, placement, rest, gpu, manifest, machine, policy);
    if (!first) first = candidate;
    // The earlier one lies more on the GPU and wins ties. Where nothing fits, the last one has the sentence about the least that would not.
    // The knobs device, gpu_layers and cpu_experts want the GPU itself: the most on it that fits, whatever the CPU could do.
    const bool asked = policy.device == DeviceChoice::cuda || policy.gpu_layers || policy.cpu_experts;
    const bool cheaper = best && !asked && cost_of(candidate, policy.goal) < cost_of(*best, policy.goal);
    const bool better = !best || (candidate.fits() && (!best->fits() || cheaper)) || (!candidate.fits() && !best->fits());
    if (better) best = std::move(candidate);
  }
  if (!best) {
    const Placement everything{.layers = manifest.config.layers,
                               .gpu_layers = policy.device == DeviceChoice::cuda ? manifest.config.layers : 0,
                               .gpu_embedding = policy.device == DeviceChoice::cuda};
    for (const DeviceSites* sites : {everything.gpu_layers > 0 ? &beside : &cpu, static_cast<const DeviceSites*>(&gpu)})
      if (const Error* error = sites->obstacle(everything)) return *error;
    return fail("no part of the model can be placed anywhere");
  }
  plan = std::move(*best);
  if (reason.empty() && plan.device == Device::cpu && gpu_open) reason = why_cpu(*first, gpu, manifest.config, machine, policy);
  if (plan.device == Device::cuda && !plan.placement.all_on_gpu() && !policy.gpu_layers && !policy.cpu_experts)
    reason = without_path(gpu, manifest.config);
  if (plan.device == Device::cuda && !plan.placement.all_on_gpu() && !first->fits()) reason = does_not_fit(*first, machine);
  const bool nobody_asked = policy.device == DeviceChoice::automatic && machine.gpus.empty();
  plan.device_reason = nobody_asked ? "" : reason;
  return {};
}

}  // namespace mxpath
