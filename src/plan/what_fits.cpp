#include "plan/what_fits.h"

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {
namespace {

constexpr int coarse_step = 1024, fine_step = 128;

/// One question to the planner, asked again with other policies.
struct Search {
  const Manifest& manifest;
  const Catalogue& catalogue;
  const Machine& machine;
  const Failures& failures;

  bool fits(const Policy& policy) const {
    const auto plan = plan_as_asked(manifest, catalogue, machine, policy, failures);
    return plan.ok() && plan->fits();
  }

  /// The greatest multiple of `step` in [step, limit] whose context fits; more context never needs less memory.
  int longest(Policy policy, int step, int limit) const {
    int low = 0, high = limit / step;
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      policy.context = middle * step;
      if (fits(policy)) low = middle;
      else high = middle - 1;
    }
    return low * step;
  }

  int context(const Policy& policy) const {
    const int asked = std::min(policy.context ? policy.context : default_context, manifest.config.max_positions);
    if (fits(policy)) return asked;
    const int coarse = longest(policy, coarse_step, asked);
    return coarse ? coarse : longest(policy, fine_step, std::min(asked, coarse_step - 1));
  }
};

std::string without(Knob knob) { return fmt::format("without {}", mention(knob)); }

/// Bits that a value of the experts takes, in the mean over the layers.
double expert_bits(const Manifest& manifest, const Policy& policy) {
  double bits = 0, layers = 0;
  for (const Site& site : sites_of(manifest, policy, cpu_device))
    if (site.id == SiteId::gate_up) bits += site.count * bits_per_value(site.format.format), layers += site.count;
  return bits / layers;
}

/// What the knob accepts and is smaller than what is asked for, the one that keeps most bits first; as stored before
/// all.
std::vector<std::pair<std::string, Policy>> smaller_weights(const Manifest& manifest, const Policy& policy) {
  const double asked = expert_bits(manifest, policy);
  std::vector<std::pair<std::string, Policy>> all;
  const auto offer = [&](std::string_view name) {
    Policy smaller = policy;
    if (set_weights(smaller, name).ok() && expert_bits(manifest, smaller) < asked)
      all.emplace_back(mention(Knob::weights, name), smaller);
  };
  std::vector<NumberFormat> formats;
  for (int f = 0; f < number_format_count; ++f) formats.push_back(static_cast<NumberFormat>(f));
  std::ranges::stable_sort(formats, std::greater{}, bits_per_value);
  offer("as-stored");
  for (const NumberFormat format : formats) offer(name_of(WeightFormat(format)));
  return all;
}

/// Giving the planner back what the policy took from it: the choice of the device, of the layers on it.
std::vector<std::pair<std::string, Policy>> freer_placements(const Policy& policy) {
  std::vector<std::pair<std::string, Policy>> all;
  Policy freer = policy;
  freer.gpu_layers.reset(), freer.cpu_experts.reset();
  if (policy.gpu_layers || policy.cpu_experts)
    all.emplace_back(without(policy.gpu_layers ? Knob::gpu_layers : Knob::cpu_experts), freer);
  freer.split.clear();
  if (!policy.split.empty()) all.emplace_back(without(Knob::split), freer);
  freer.gpus.clear();
  if (policy.device == DeviceChoice::cuda && !policy.gpus.empty())
    all.emplace_back(mention(Knob::device, "cuda"), freer);
  freer.device = DeviceChoice::automatic;
  if (policy.device != DeviceChoice::automatic) all.emplace_back(mention(Knob::device, "auto"), freer);
  return all;
}

/// A budget that the user set may be smaller than what the machine has.
std::vector<std::pair<std::string, Policy>> no_budget(const Policy& policy) {
  if (policy.memory_budget == 0) return {};
  Policy freer = policy;
  freer.memory_budget = 0;
  return {{without(Knob::memory_budget), freer}};
}

/// So may a pool of keys and values be larger than what the sequences need.
std::vector<std::pair<std::string, Policy>> no_pool(const Policy& policy) {
  if (policy.kv_memory == 0) return {};
  Policy freer = policy;
  freer.kv_memory = 0;
  return {{without(Knob::kv_memory), freer}};
}

}  // namespace

WhatFits what_fits(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine, const Policy& policy,
                   const Failures& failures) {
  const Search search{manifest, catalogue, machine, failures};
  WhatFits found{search.context(policy), {}};
  if (found.context) found.changes.push_back(mention(Knob::context, found.context));
  const auto formats = smaller_weights(manifest, policy);
  for (const auto& choices : {formats, freer_placements(policy), no_budget(policy), no_pool(policy)}) {
    const auto enough = std::ranges::find_if(choices, [&](const auto& choice) { return search.fits(choice.second); });
    if (enough != choices.end()) found.changes.push_back(enough->first);
  }
  for (size_t f = 0; found.changes.empty() && f < formats.size(); ++f)
    if (const int context = search.context(formats[f].second))
      found.changes.push_back(fmt::format("{} {}", formats[f].first, mention(Knob::context, context)));
  return found;
}

Result<Plan> make_plan(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
                       const Policy& policy, const Failures& failures) {
  auto plan = plan_as_asked(manifest, catalogue, machine, policy, failures);
  if (!plan.ok()) return plan;
  auto [context, changes] =
      plan->fits() ? WhatFits{plan->context, {}} : what_fits(manifest, catalogue, machine, policy, failures);
  plan->fitting_context = context, plan->suggestions = std::move(changes);
  return plan;
}

}  // namespace mxpath
