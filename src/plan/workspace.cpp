#include "plan/workspace.h"

#include <algorithm>

namespace mxpath {
namespace {

/// Lays arrays one after another.
class Shelf {
 public:
  void add(WorkArray array, size_t element, int64_t count) {
    workspace_.parts.push_back({array, element, count, workspace_.bytes});
    const size_t bytes = element * static_cast<size_t>(count);
    workspace_.bytes += (bytes + workspace_line - 1) / workspace_line * workspace_line;
  }
  void floats(WorkArray array, int64_t count) { add(array, sizeof(float), count); }
  void integers(WorkArray array, int64_t count) { add(array, sizeof(int32_t), count); }
  Workspace done() { return std::move(workspace_); }

 private:
  Workspace workspace_;
};

/// The most tokens that one call of a site has.
int most_tokens(const Site& site, const MostOf& most) {
  if (site.id == SiteId::head) return most.logit_rows;
  return site.id == SiteId::sample ? most.sequences : most.tokens;
}

}  // namespace

const WorkPart* Workspace::find(WorkArray array) const {
  const auto part = std::ranges::find(parts, array, &WorkPart::array);
  return part == parts.end() ? nullptr : &*part;
}

Duties duties_of(const Placement& p, DeviceId device) {
  const bool is_cpu = !device.is_gpu(), has_layers = p.uses(device);
  const bool is_between = is_cpu && p.gpus.size() > 1;  // the way between GPUs that are no peers
  return {.carries_stream = has_layers || p.embedding() == device || is_between,
          .has_layers = has_layers,
          .has_batch = is_cpu || has_layers,
          .has_logits = is_cpu || p.head() == device};
}

namespace {

size_t scratch_of(const SitePlan& plan, const MostOf& of, int threads) {
  const int tokens = most_tokens(plan.site, of);
  size_t most = 0;
  for (const Decision& decision : plan.decisions) {
    const Range& range = decision.regime.tokens;
    if (!decision.chosen || range.low > tokens) continue;
    const Call call{.tokens = std::min(range.high, tokens)};
    most = std::max(most, scratch_bytes(*decision.chosen, plan.site, call, threads));
  }
  return most;
}

}  // namespace

uint64_t kernel_scratch(std::span<const SitePlan> sites, DeviceId device, const MostOf& of, int threads) {
  size_t most = 0;
  for (const SitePlan& plan : sites)
    if (plan.site.device == device) most = std::max(most, scratch_of(plan, of, threads));
  return most;
}

int logit_rows_of(const Plan& plan) { return std::min(std::max(plan.sequences, least_logit_rows), plan.chunk); }

MostOf most_of(const Plan& plan) { return {plan.chunk, logit_rows_of(plan), plan.sequences}; }

Workspace make_workspace(const ModelConfig& c, const Duties& duties, uint64_t scratch, const MostOf& most) {
  const int64_t n = most.tokens, rows = n * c.experts_per_token;
  Shelf arrays;
  if (duties.carries_stream) arrays.floats(WorkArray::stream, n * c.hidden);
  if (duties.has_layers) {
    arrays.floats(WorkArray::normed, n * c.hidden);
    arrays.floats(WorkArray::qkv, n * (c.q_width() + 2 * c.kv_width()));
    arrays.floats(WorkArray::attended, n * c.q_width());
    arrays.floats(WorkArray::router_logits, n * c.experts);
    arrays.floats(WorkArray::gate_up, rows * 2 * c.intermediate);
    arrays.floats(WorkArray::swiglu, rows * c.intermediate);
    arrays.floats(WorkArray::expert_weight, rows);
    arrays.integers(WorkArray::expert, rows);
    arrays.integers(WorkArray::order, rows);
    arrays.integers(WorkArray::first, c.experts + 1);
  }
  if (scratch > 0) arrays.add(WorkArray::scratch, 1, static_cast<int64_t>(scratch));
  if (duties.has_batch) arrays.integers(WorkArray::batch, 3 * n);
  if (duties.has_logits) {
    arrays.floats(WorkArray::logits, int64_t{most.logit_rows} * c.vocab);
    arrays.floats(WorkArray::rows, int64_t{most.logit_rows} * c.hidden);
  }
  return arrays.done();
}

Workspace workspace_of(const ModelConfig& config, const Plan& plan, DeviceId device) {
  const MostOf most = most_of(plan);
  uint64_t scratch = kernel_scratch(plan.sites, device, most, plan.threads);
  for (const BlockPlan& block : plan.blocks)
    if (block.plan.site.device == device)
      scratch = std::max<uint64_t>(scratch, scratch_of(block.plan, most, plan.threads));
  return make_workspace(config, duties_of(plan.placement, device), scratch, most);
}

}  // namespace mxpath
