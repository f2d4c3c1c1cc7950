#include "plan/device_sites.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "plan/agreement.h"
#include "plan/block.h"

namespace mxpath {
namespace {

SitePlan briefly(const Result<SitePlan>& plan, const Site& site) {
  if (!plan.ok()) return {site, Layout::none, {}};
  SitePlan brief{plan->site, plan->layout, {}};
  for (const Decision& decision : plan->decisions)
    brief.decisions.push_back({decision.regime, decision.chosen, {decision.all.front()}});
  return brief;
}

void agree_on_path_or_fail(Result<SitePlan>& plan, const Policy& policy) {
  if (!plan.ok()) return;
  if (Status agreed = agree_on_path(*plan, policy); !agreed.ok()) plan = std::move(agreed).error();
}

void plan_again(DeviceSites& all, size_t i, const Search& s, const Given& given) {
  all.plans[i] = plan_site(all.sites[i], s.catalogue, s.machine, s.policy, s.failures, given);
  agree_on_path_or_fail(all.plans[i], s.policy);
  all.brief[i] = briefly(all.plans[i], all.sites[i]);
}

std::vector<const SitePlan*> parts_of(const DeviceSites& all, const DeviceBlock& block) {
  std::vector<const SitePlan*> parts;
  for (const size_t i : block.parts) parts.push_back(&*all.plans[i]);
  return parts;
}

/// Layers that share all parts of a composite site.
struct Layers {
  std::vector<size_t> parts;
  LayerSet layers;
};

std::vector<Layers> layers_by_parts(const DeviceSites& all, const SiteRow& row, int layers) {
  std::vector<Layers> groups;
  for (int layer = 0; layer < layers; ++layer) {
    std::vector<size_t> parts;
    for (const SiteId id : row.made_of)
      for (size_t i = 0; i < all.sites.size(); ++i)
        if (all.sites[i].id == id && all.sites[i].layers.contains(layer)) parts.push_back(i);
    auto group = std::ranges::find(groups, parts, &Layers::parts);
    if (group == groups.end()) group = groups.insert(group, {std::move(parts), {}});
    group->layers.add(layer);
  }
  return groups;
}

bool has_rows(const Catalogue& catalogue, Op op) {
  return std::ranges::count(catalogue.paths, op, &KernelPath::op) > 0;
}

void plan_blocks(DeviceSites& all, const Search& s) {
  all.blocks.clear();
  for (const SiteRow& row : composite_site_rows()) {
    if (!has_rows(s.catalogue, row.op)) continue;
    const auto groups = layers_by_parts(all, row, s.manifest.config.layers);
    for (const Layers& group : groups) {
      if (!std::ranges::all_of(group.parts, [&](size_t i) { return all.plans[i].ok(); })) continue;
      Site site{.id = row.id, .device = all.device, .layers = group.layers};
      site.n = size_of(row.n, s.manifest.config), site.k = size_of(row.k, s.manifest.config);
      if (row.per_expert) site.experts_per_token = s.manifest.config.experts_per_token;
      site.stored_alike = groups.size() == 1;
      site.count = group.layers.count();
      DeviceBlock block{group.parts, SitePlan{}, {}};
      const auto parts = parts_of(all, block);
      block.plan = plan_site(site, s.catalogue, s.machine, s.policy, s.failures, {.parts = parts});
      block.brief = briefly(block.plan, site);
      all.blocks.push_back(std::move(block));
    }
  }
}

/// What planning minimises, for the whole model on this device.
double cost_of(const DeviceSites& all, Goal goal) {
  double cost = 0;
  for (size_t i = 0; i < all.sites.size(); ++i)
    if (all.plans[i].ok()) cost += all.sites[i].count * cost_of(*all.plans[i], goal);
  for (const DeviceBlock& block : all.blocks)
    if (block.plan.ok()) cost -= block.plan->site.count * saved_cost(*block.plan, parts_of(all, block), goal);
  return cost;
}

/// Whether the parts of a row that lie in another layout were planned again in the row's own.
bool hold_parts_for(DeviceSites& all, const KernelPath& row, const Search& s) {
  bool changed = false;
  for (size_t i = 0; i < all.sites.size(); ++i) {
    const FusedPart* part = fused_part(row, all.sites[i].id);
    if (!part || !all.sites[i].has_weights() || !all.plans[i].ok() || all.plans[i]->layout == part->layout) continue;
    if (held_in(part->layout) != all.sites[i].format) continue;
    plan_again(all, i, s, {.layout = part->layout});
    if (!all.plans[i].ok()) return false;
    changed = true;
  }
  return changed;
}

void weigh_layouts_of_blocks(DeviceSites& all, const Search& s) {
  for (const KernelPath* row : s.catalogue.paths) {
    if (row->fuses.empty() || row->device != all.device.kind) continue;
    DeviceSites other = all;
    if (!hold_parts_for(other, *row, s)) continue;
    plan_blocks(other, s);
    if (cost_of(other, s.policy.goal) < cost_of(all, s.policy.goal)) all = std::move(other);
  }
}

bool names_row_of(const Search& s, Op op, DeviceKind device) {
  return std::ranges::any_of(s.catalogue.paths, [&](const KernelPath* path) {
    return path->op == op && path->device == device &&
           std::ranges::any_of(s.policy.only, [&](const std::string& glob) { return glob_match(glob, path->name); });
  });
}

bool samples(const DeviceSites& gpu) {
  return std::ranges::any_of(gpu.plans, [](const auto& plan) { return plan.ok() && plan->site.op() == Op::sample; });
}

}  // namespace

const Error* DeviceSites::obstacle(const Placement& placement) const {
  for (size_t i = 0; i < sites.size(); ++i)
    if (!plans[i].ok() && part_on(sites[i], device, placement).count > 0 &&
        !(sites[i].op() == Op::sample && device.is_gpu()))
      return &plans[i].error();
  for (const DeviceBlock& block : blocks)
    if (!block.plan.ok() && part_on(block.brief.site, device, placement).count > 0) return &block.plan.error();
  return nullptr;
}

DeviceSites plan_device(DeviceId device, const Search& s) {
  DeviceSites all{device, sites_of(s.manifest, s.policy, device), {}, {}, {}};
  for (const Site& site : all.sites) all.plans.push_back(plan_site(site, s.catalogue, s.machine, s.policy, s.failures));
  agree_on_arithmetic(all.plans);
  for (Result<SitePlan>& plan : all.plans) agree_on_path_or_fail(plan, s.policy);
  for (size_t i = 0; i < all.sites.size(); ++i) all.brief.push_back(briefly(all.plans[i], all.sites[i]));
  plan_blocks(all, s);
  weigh_layouts_of_blocks(all, s);
  return all;
}

DeviceSites beside_gpus(const DeviceSites& cpu, const std::vector<DeviceSites>& gpus, const Search& s) {
  DeviceSites all = cpu;
  if (std::ranges::none_of(gpus, samples) || names_row_of(s, Op::sample, DeviceKind::cpu)) return all;
  Policy free = s.policy;
  free.only.clear();
  const Search as_free{s.manifest, s.catalogue, s.machine, free, s.failures};
  for (size_t i = 0; i < all.sites.size(); ++i)
    if (all.sites[i].op() == Op::sample && !all.plans[i].ok()) plan_again(all, i, as_free, {});
  return all;
}

}  // namespace mxpath
