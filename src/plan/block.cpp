#include "plan/block.h"

#include <algorithm>

namespace mxpath {
namespace {

const Decision& decision_for(const SitePlan& part, const Regime& regime) {
  const auto found =
      std::ranges::find(part.decisions, regime.tokens.low, [](const Decision& d) { return d.regime.tokens.low; });
  return found == part.decisions.end() ? part.decisions.back() : *found;
}

void add(Work& sum, const Work& work) {
  sum.bytes += work.bytes;
  sum.flops += work.flops;
}

/// Whether a row that computes parts of a block itself gives the bits of the rows that the plan has for them.
bool is_like_its_parts(const KernelPath& row, Parts parts) {
  return std::ranges::all_of(row.fuses, [&](const FusedPart& fused) {
    return std::ranges::all_of(parts, [&](const SitePlan* part) {
      return part->site.id != fused.site ||
             std::ranges::all_of(part->decisions, [&](const Decision& d) { return d.chosen->name == fused.like; });
    });
  });
}

}  // namespace

const FusedPart* fused_part(const KernelPath& row, SiteId part) {
  const auto found = std::ranges::find(row.fuses, part, &FusedPart::site);
  return found == row.fuses.end() ? nullptr : &*found;
}

Load fused_load(const KernelPath& row, Parts parts, const Call& call) {
  Load sum{.tokens = call.tokens, .work = {}, .of_one = {}};
  for (const SitePlan* part : parts) {
    const FusedPart* fused = fused_part(row, part->site.id);
    if (!fused) continue;
    const Load load = load_of(part->site, part->site.has_weights() ? fused->layout : Layout::none, call);
    add(sum.work, load.work);
    add(sum.of_one, load.of_one);
  }
  return sum;
}

double block_seconds(const KernelPath& row, Parts parts, const Regime& regime, const Machine& machine,
                     DeviceId device) {
  double seconds = 0;
  for (const SitePlan* part : parts)
    if (!fused_part(row, part->site.id)) seconds += decision_for(*part, regime).all.front().seconds;
  if (!row.fuses.empty()) seconds += predicted_seconds(row, fused_load(row, parts, regime.typical), machine, device);
  return seconds;
}

double saved_seconds(const SitePlan& block, Parts parts, size_t r) {
  double sum = 0;
  for (const SitePlan* part : parts) sum += part->decisions[r].all.front().seconds;
  return sum - block.decisions[r].all.front().seconds;
}

double saved_seconds(const SitePlan& block, Parts parts, const Call& call, int tokens, const Machine& machine) {
  const KernelPath& row = block.path_for({tokens});
  if (row.fuses.empty()) return 0;
  double sum = 0;
  for (const SitePlan* part : parts)
    if (fused_part(row, part->site.id))
      sum += predicted_seconds(part->path_for({tokens}), load_of(part->site, part->layout, call), machine,
                               part->site.device);
  return sum - predicted_seconds(row, fused_load(row, parts, call), machine, block.site.device);
}

bool same_bits_in_any_batch(const Plan& plan) {
  for (const SitePlan& site : plan.sites)
    for (const Decision& d : site.decisions)
      if (d.chosen != site.decisions.front().chosen || !d.chosen->batch_invariant) return false;
  for (const BlockPlan& block : plan.blocks)
    for (const Decision& d : block.plan.decisions) {
      if (only_calls_others(*d.chosen)) continue;  // the parts have been looked at
      if (!d.chosen->batch_invariant || !is_like_its_parts(*d.chosen, plan.parts_of(block))) return false;
    }
  return true;
}

}  // namespace mxpath
