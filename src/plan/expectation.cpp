#include "plan/expectation.h"

#include <algorithm>

namespace mxpath {
namespace {

double at_the_best_roof(KernelPath path, const Work& work, const Machine& machine, int cuda_index) {
  double best = roof_seconds(path, work, machine, cuda_index);
  for (int unit = 0; unit < unit_count; ++unit) {
    path.unit = static_cast<Unit>(unit);
    best = std::min(best, roof_seconds(path, work, machine, cuda_index));
  }
  return best;
}

/// The sum over the sites, as it grows.
struct Sum {
  const Machine& machine;
  int cuda_index = 0;
  Expectation out = {};

  /// `times` calls of a site with `tokens` tokens each, on the path for calls of `regime` tokens.
  void add(const SitePlan& plan, double times, int64_t tokens, int regime) {
    const KernelPath& path = plan.path_for(regime);
    const Work work = work_of(plan.site, plan.layout, tokens);
    times *= plan.site.count;
    out.bytes += times * work.bytes;
    out.flops += times * work.flops;
    out.predicted += times * predicted_seconds(path, work, machine, cuda_index);
    out.memory_seconds += times * roof_seconds(path, {.bytes = work.bytes, .flops = 0}, machine, cuda_index);
    out.compute_seconds += times * roof_seconds(path, {.bytes = 0, .flops = work.flops}, machine, cuda_index);
    out.roof += times * roof_seconds(path, work, machine, cuda_index);
    out.best_roof += times * at_the_best_roof(path, work, machine, cuda_index);
  }
};

/// The site with as many keys as a query sees after `keys` tokens; sliding layers never see more than their window.
SitePlan with_keys(SitePlan plan, int64_t keys) {
  const bool sliding = plan.site.name.find("sliding") != std::string::npos;
  plan.site.keys = std::max<int64_t>(sliding ? std::min(plan.site.keys, keys) : keys, 1);
  return plan;
}

}  // namespace

Expectation expect_step(const Plan& plan, const Machine& machine, int64_t keys) {
  Sum sum{machine, plan.placement.cuda_index};
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site)) sum.add(site.site.op == Op::attention ? with_keys(site, keys) : site, 1, 1, 1);
  sum.out.predicted += plan.crossing_seconds.front();
  return sum.out;
}

Expectation expect_prompt(const Plan& plan, const Machine& machine, int tokens) {
  const int chunk = std::min(plan.chunk, tokens), chunks = tokens / chunk, rest = tokens % chunk;
  Sum sum{machine, plan.placement.cuda_index};
  for (const SitePlan& site : plan.sites) {
    if (plan.is_idle(site)) continue;
    if (site.site.name == "head" || site.site.op == Op::sample) {
      sum.add(site, 1, 1, 1);
    } else if (site.site.op == Op::attention) {
      // The mean number of keys depends on the whole prompt, not on its chunks; work_of halves it for sixteen tokens and more.
      sum.add(with_keys(site, tokens < 16 ? (tokens + 1) / 2 : tokens), 1, tokens, chunk);
    } else {
      sum.add(site, chunks, chunk, chunk);
      if (rest > 0) sum.add(site, 1, rest, rest);
    }
  }
  sum.out.predicted += plan.crossing_seconds.back() * tokens / regimes().back().typical;
  return sum.out;
}

}  // namespace mxpath
