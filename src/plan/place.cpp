#include "plan/place.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "base/hint.h"
#include "base/text.h"
#include "plan/device_sites.h"
#include "plan/expectation.h"
#include "plan/memory.h"

namespace mxpath {
namespace {

constexpr int cpu_chunk = 512, gpu_chunk = 2048;

/// Layers of which everything lies on one GPU, but for the experts of some.
Placement on_one(DeviceId gpu, int layers, int cpu_experts, bool embedding = false) {
  return {.layers = layers, .gpus = {{gpu, layers}}, .cpu_experts = cpu_experts, .gpu_embedding = embedding};
}

/// The GPUs that may take layers, and why others may not.
struct OpenGpus {
  std::vector<DeviceSites> sites;     ///< in the order in which they are to be used
  std::string reason;                 ///< why there are none; empty: there are
  std::vector<std::string> left_out;  ///< "cuda:1 is left out: …"

  const DeviceSites& of(DeviceId id) const { return *std::ranges::find(sites, id, &DeviceSites::device); }
};

/// Those that the policy names, or all there are; for a split no more than it has parts.
std::vector<DeviceId> asked_gpus(const Search& s) {
  if (!s.policy.gpus.empty()) return s.policy.gpus;
  std::vector<DeviceId> all;
  for (size_t i = 0; i < std::max<size_t>(s.machine.gpus.size(), 1); ++i)
    all.push_back(cuda_device(static_cast<int>(i)));
  return all;
}

/// Why no layer can lie on a GPU; empty: some can.
std::string gpu_obstacle(const DeviceSites& gpu, const Search& s) {
  if (std::ranges::none_of(s.catalogue.paths, [](const KernelPath* path) { return path->device == DeviceKind::cuda; }))
    return "this version has no CUDA paths";
  if (!s.machine.gpu(gpu.device)) {
    if (s.machine.gpus.empty() && !s.machine.no_gpu_reason.empty()) return s.machine.no_gpu_reason;
    const std::string visible = s.machine.visible_gpus.empty()
                                    ? ""
                                    : fmt::format(" (CUDA_VISIBLE_DEVICES={})", printable(s.machine.visible_gpus));
    return fmt::format("there is no CUDA device {}{}", gpu.device.index, visible);
  }
  const int layers = s.manifest.config.layers;
  const Error* error = gpu.obstacle(on_one(gpu.device, layers, layers));
  return error ? error->message : "";
}

/// Keeps the GPUs that can run all of a layer; where none can, those that can run its attention.
void leave_out_incomplete(OpenGpus& open, const Search& s) {
  const int layers = s.manifest.config.layers;
  const auto lacks = [&](const DeviceSites& gpu) { return gpu.obstacle(on_one(gpu.device, layers, 0)); };
  if (std::ranges::all_of(open.sites, lacks)) return;
  std::erase_if(open.sites, [&](const DeviceSites& gpu) {
    const Error* error = lacks(gpu);
    if (error) open.left_out.push_back(fmt::format("{} is left out: {}", to_string(gpu.device), error->message));
    return error != nullptr;
  });
}

/// Error: a GPU that the user names cannot be used.
Result<OpenGpus> open_gpus(const Search& s) {
  OpenGpus open;
  if (s.policy.device == DeviceChoice::cpu) {
    open.reason = s.machine.gpus.empty() ? "" : fmt::format("asked for by {}", mention(Knob::device, "cpu"));
    return open;
  }
  for (const DeviceId id : asked_gpus(s)) {
    DeviceSites gpu = plan_device(id, s);
    const std::string why_not = gpu_obstacle(gpu, s);
    if (why_not.empty()) {
      open.sites.push_back(std::move(gpu));
      continue;
    }
    if (!s.policy.gpus.empty())
      return fail("{}: {}; use {} or auto", mention(Knob::device, to_string(id)), why_not,
                  mention(Knob::device, "cpu"));
    if (open.reason.empty()) open.reason = why_not;
    open.left_out.push_back(fmt::format("{} is left out: {}", to_string(id), why_not));
  }
  if (open.sites.empty()) {
    if (s.policy.device == DeviceChoice::cuda)
      return fail("{}: {}; use {} or auto", mention(Knob::device, to_string(cuda_device(0))), open.reason,
                  mention(Knob::device, "cpu"));
    open.left_out.clear();
    return open;
  }
  open.reason.clear();
  if (s.policy.gpus.empty()) leave_out_incomplete(open, s);
  return open;
}

using Group = std::vector<DeviceId>;

Group all_of(const OpenGpus& open) {
  Group all;
  for (const DeviceSites& gpu : open.sites) all.push_back(gpu.device);
  return all;
}

/// Several GPUs that share the layers: all, and before them the faster ones alone wherever the next is slower.
std::vector<Group> teams_of(const OpenGpus& open, const Machine& machine) {
  const auto bandwidth = [&](DeviceId id) { return machine.gpu(id)->bandwidth; };
  Group fastest = all_of(open);
  std::ranges::stable_sort(fastest, std::greater{}, bandwidth);
  std::vector<Group> teams;
  for (size_t count = 2; count < fastest.size(); ++count) {
    if (bandwidth(fastest[count - 1]) == bandwidth(fastest[count])) continue;
    teams.emplace_back(fastest.begin(), fastest.begin() + static_cast<ptrdiff_t>(count));
    std::ranges::sort(teams.back());
  }
  if (fastest.size() > 1) teams.push_back(all_of(open));
  return teams;
}

/// Which GPUs are tried for a coverage. Those that the user names, all of them; else each alone, the fastest first,
/// then several. For less than the whole model, unless that is what is asked for, several and the one with the most
/// free memory.
std::vector<Group> groups_for(const Coverage& coverage, const OpenGpus& open, const Search& s) {
  if (!s.policy.gpus.empty()) return {s.policy.gpus};
  Group all = all_of(open);
  if (!s.policy.split.empty()) {
    all.resize(s.policy.split.size());
    return {all};
  }
  const std::vector<Group> teams = teams_of(open, s.machine);
  const bool whole = coverage.cpu_experts == 0 && coverage.gpu_layers == s.manifest.config.layers;
  std::vector<Group> groups;
  if (whole || s.policy.gpu_layers || s.policy.cpu_experts) {
    std::ranges::stable_sort(all, std::greater{}, [&](DeviceId id) { return s.machine.gpu(id)->bandwidth; });
    for (const DeviceId id : all) groups.push_back({id});
    groups.insert(groups.end(), teams.begin(), teams.end());
  } else {
    groups = teams;
    groups.push_back({*std::ranges::max_element(all, {}, [&](DeviceId id) { return s.machine.gpu(id)->free_memory; })});
  }
  return groups;
}

/// Error (wrong use): a split that is not one of the layers on the GPUs.
Status check_split(const OpenGpus& open, const Search& s) {
  const auto& split = s.policy.split;
  if (split.empty()) return {};
  const std::string text = mention(Knob::split, fmt::format("{}", fmt::join(split, ",")));
  const int layers = std::min(s.policy.gpu_layers.value_or(s.manifest.config.layers), s.manifest.config.layers);
  const int64_t sum = std::accumulate(split.begin(), split.end(), int64_t{0});
  if (s.policy.device == DeviceChoice::cpu)
    return wrong_use("{}: {} has no GPU to split layers over", text, mention(Knob::device, "cpu"));
  if (!open.reason.empty()) return fail("{}: no GPU can be used: {}", text, open.reason);
  if (!s.policy.gpus.empty() && s.policy.gpus.size() != split.size())
    return wrong_use("{}: {} names {}; give the layers of each", text, mention(Knob::device),
                     plural(s.policy.gpus.size(), "GPU"));
  if (split.size() > open.sites.size())
    return wrong_use("{}: there {} {} to use", text, open.sites.size() == 1 ? "is" : "are",
                     plural(open.sites.size(), "GPU"));
  if (sum != layers)
    return wrong_use("{}: the numbers sum to {}, but {} must be placed on GPUs", text, sum, plural(layers, "layer"));
  return {};
}

/// The layers of a coverage over a group. GPUs that get none are left out.
Placement placed(const Coverage& coverage, const Group& group, const OpenGpus& open, const Plan& base,
                 const Search& s) {
  const ModelConfig& config = s.manifest.config;
  Placement placement{config.layers, {}, coverage.cpu_experts, coverage.gpu_embedding};
  std::vector<int> layers{coverage.gpu_layers};
  if (!s.policy.split.empty()) layers = s.policy.split;
  else if (group.size() > 1)
    layers = shares(loads_of(coverage, group, open.of(group.front()).brief, base, config, s.machine));
  for (size_t g = 0; g < group.size(); ++g)
    if (layers[g] > 0) placement.gpus.push_back({group[g], layers[g]});
  return placement;
}

/// The devices of a placement with their sites: the GPUs in its order, then the CPU.
std::vector<const DeviceSites*> devices_of(const Placement& placement, const OpenGpus& open, const DeviceSites& cpu) {
  std::vector<const DeviceSites*> devices;
  for (const GpuShare& share : placement.gpus) devices.push_back(&open.of(share.gpu));
  devices.push_back(&cpu);
  return devices;
}

int chunk_of(const Coverage& coverage, const Plan& base, const Search& s) {
  const bool uses_cpu = coverage.gpu_layers < s.manifest.config.layers || coverage.cpu_experts > 0;
  // Several sequences bring more tokens than one context holds, and each a token at least.
  const int64_t all = int64_t{base.context} * base.sequences,
                usual = std::max(uses_cpu ? cpu_chunk : gpu_chunk, base.sequences);
  return static_cast<int>(std::min(s.policy.chunk ? int64_t{s.policy.chunk} : usual, all));
}

/// Adds the sites that lie on each device, and the composite ones above them. `brief`: without the rows that lost, to
/// be compared only.
void add_sites(Plan& plan, const std::vector<const DeviceSites*>& devices, bool brief) {
  std::map<std::pair<DeviceId, size_t>, size_t> places;  // of a device's sites in the plan
  for (size_t i = 0; i < devices.back()->plans.size(); ++i)
    for (const DeviceSites* on : devices) {
      if (!on->plans[i].ok()) continue;
      Site part = part_on(on->sites[i], on->device, plan.placement);
      if (part.count == 0) continue;
      places[{on->device, i}] = plan.sites.size();
      plan.sites.push_back(brief ? on->brief[i] : *on->plans[i]);
      plan.sites.back().site = std::move(part);
    }
  for (const DeviceSites* on : devices)
    for (const DeviceBlock& block : on->blocks) {
      Site part = part_on(block.brief.site, on->device, plan.placement);
      if (part.count == 0 || !block.plan.ok()) continue;
      plan.blocks.push_back({brief ? block.brief : *block.plan, {}});
      plan.blocks.back().plan.site = std::move(part);
      for (const size_t i : block.parts) plan.blocks.back().parts.push_back(places.at({on->device, i}));
    }
}

/// `brief`: see add_sites.
Plan with(const Plan& base, const Placement& placement, const std::vector<const DeviceSites*>& devices, const Search& s,
          bool brief) {
  Plan plan = base;
  plan.placement = placement;
  plan.device = placement.head();
  add_sites(plan, devices, brief);
  add_predictions(plan, s.manifest.config, s.machine);
  plan_memory(plan, s.manifest, s.machine, s.policy);
  return plan;
}

/// "all of it would need 61.7 GiB of cuda:0, but only 23.2 GiB is available"; of several GPUs, what they have together.
std::string does_not_fit(const Plan& wanted) {
  const std::string what = wanted.placement.all_on_gpus() ? "all of it" : "the part that may go there";
  const MemoryPlan sum = wanted.gpu_memory();
  const std::string where = wanted.placement.gpus.size() == 1
                                ? to_string(wanted.device)
                                : fmt::format("{} GPUs together", wanted.placement.gpus.size());
  return fmt::format("{} would need {} of {}, but only {} is available", what, human_bytes(double(sum.total())), where,
                     human_bytes(double(sum.available)));
}

/// The operation that keeps a part of the model off the GPUs because no path there can run it; empty: there is none.
std::string without_path(const OpenGpus& open, const Search& s) {
  for (const DeviceSites& gpu : open.sites)
    if (const Error* error = gpu.obstacle(on_one(gpu.device, s.manifest.config.layers, 0, true))) return error->message;
  return "";
}

/// Why everything lies on the CPU although a GPU can be used. `most`: the candidate with the most on GPUs.
std::string why_cpu(const Plan& most, const OpenGpus& open, const Search& s) {
  if (s.policy.gpu_layers == 0) return fmt::format("asked for by {}", mention(Knob::gpu_layers, 0));
  if (const std::string missing = without_path(open, s); !missing.empty()) return missing;
  if (!most.placement.gpus.empty())
    return most.fits() ? "this model is small enough that the CPU is expected to be faster" : does_not_fit(most);
  return "the CPU has no path for what would be left to it";
}

/// The candidates as they come, and the best so far.
struct Contest {
  std::optional<Plan> best, widest;  ///< widest: on the most GPUs, and of those the most there

  /// The earlier one lies more on GPUs and wins ties. Where nothing fits, the last one has the sentence about the least
  /// that would not. `asked`: the knobs device, gpu_layers and cpu_experts want GPUs themselves: the most on
  /// them that fits, whatever the CPU could do.
  void enter(Plan candidate, bool asked, Goal goal) {
    if (!widest || candidate.placement.gpus.size() > widest->placement.gpus.size()) widest = candidate;
    const bool cheaper = best && !asked && cost_of(candidate, goal) < cost_of(*best, goal);
    const bool better =
        !best || (candidate.fits() && (!best->fits() || cheaper)) || (!candidate.fits() && !best->fits());
    if (better) best = std::move(candidate);
  }
};

void try_gpus(Contest& contest, Plan base, const OpenGpus& open, const DeviceSites& beside, const Search& s) {
  const bool asked =
      s.policy.device == DeviceChoice::cuda || s.policy.gpu_layers || s.policy.cpu_experts || !s.policy.split.empty();
  for (const Coverage& coverage : coverages(s.manifest.config.layers, s.policy)) {
    base.chunk = chunk_of(coverage, base, s);
    for (const Group& group : groups_for(coverage, open, s)) {
      const Placement placement = placed(coverage, group, open, base, s);
      const auto devices = devices_of(placement, open, beside);
      if (std::ranges::any_of(devices, [&](const DeviceSites* on) { return on->obstacle(placement); })) continue;
      contest.enter(with(base, placement, devices, s, true), asked, s.policy.goal);
      if (contest.best->fits() && asked) return;  // no later one can be better
    }
  }
}

/// Nothing can be placed as it was asked for: the obstacle of placing everything so.
Error nowhere(const OpenGpus& open, const DeviceSites& cpu, const DeviceSites& beside, const Search& s) {
  const int layers = s.manifest.config.layers;
  const bool gpu = s.policy.device == DeviceChoice::cuda && !open.sites.empty();
  const Placement everything = gpu ? on_one(open.sites.front().device, layers, 0, true) : Placement{.layers = layers};
  const auto devices = devices_of(everything, open, gpu ? beside : cpu);
  for (auto on = devices.rbegin(); on != devices.rend(); ++on)
    if (const Error* error = (*on)->obstacle(everything)) return *error;
  return fail("no part of the model can be placed anywhere");
}

/// Knobs that only a GPU can obey, where none can be used: silence would look like obedience.
std::string without_effect(const OpenGpus& open, const Search& s) {
  std::string knobs;
  const auto add = [&](Knob knob, std::optional<int> value) {
    if (value.value_or(0) > 0) knobs += (knobs.empty() ? "" : " and ") + mention(knob, *value);
  };
  add(Knob::gpu_layers, s.policy.gpu_layers);
  add(Knob::cpu_experts, s.policy.cpu_experts);
  if (!open.sites.empty() || knobs.empty()) return "";
  const std::string why =
      s.policy.device == DeviceChoice::cpu ? fmt::format("asked for by {}", mention(Knob::device, "cpu")) : open.reason;
  return fmt::format("{}; {} without effect", why, knobs + (knobs.find(" and ") == knobs.npos ? " is" : " are"));
}

std::string reason_of(const Plan& plan, const Contest& contest, const OpenGpus& open, const Search& s) {
  if (std::string unheeded = without_effect(open, s); !unheeded.empty()) return unheeded;
  if (s.policy.device == DeviceChoice::automatic && s.machine.gpus.empty()) return "";  // nobody asked
  if (!plan.device.is_gpu()) return open.sites.empty() ? open.reason : why_cpu(*contest.widest, open, s);
  std::string reason;
  const bool whole = plan.placement.all_on_gpus();
  if (!whole && !s.policy.gpu_layers && !s.policy.cpu_experts) reason = without_path(open, s);
  if (!whole && !contest.widest->fits()) reason = does_not_fit(*contest.widest);
  for (const std::string& sentence : open.left_out) reason += (reason.empty() ? "" : "; ") + sentence;
  return reason;
}

}  // namespace

Status place(Plan& plan, const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
             const Policy& policy, const Failures& failures) {
  const Search s{manifest, catalogue, machine, policy, failures};
  const DeviceSites cpu = plan_device(cpu_device, s);
  MXPATH_TRY(const OpenGpus open, open_gpus(s));
  MXPATH_CHECK(check_split(open, s));
  const DeviceSites beside = beside_gpus(cpu, open.sites, s);
  Contest contest;
  if (!open.sites.empty()) try_gpus(contest, plan, open, beside, s);
  const Placement nothing{.layers = manifest.config.layers};
  const bool forced =
      (policy.device == DeviceChoice::cuda || !policy.split.empty()) && policy.gpu_layers.value_or(1) > 0;
  plan.chunk = chunk_of({}, plan, s);
  const bool asked = policy.gpu_layers || policy.cpu_experts;
  if (!forced && !cpu.obstacle(nothing)) contest.enter(with(plan, nothing, {&cpu}, s, true), asked, policy.goal);
  if (!contest.best) return nowhere(open, cpu, beside, s);
  const Plan& best = *contest.best;
  plan.chunk = best.chunk;
  const auto devices = devices_of(best.placement, open, best.placement.gpus.empty() ? cpu : beside);
  plan = with(plan, best.placement, devices, s, false);
  plan.device_reason = reason_of(plan, contest, open, s);
  return {};
}

}  // namespace mxpath
