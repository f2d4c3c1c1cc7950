#include "plan/expectation.h"

#include <algorithm>

namespace mxpath {
namespace {

/// The price of a path that reaches its roof.
double at_the_roof(KernelPath path, const Work& work, const Machine& machine) {
  path.efficiency = 1;
  return predicted_seconds(path, work, machine);
}

double at_the_best_roof(KernelPath path, const Work& work, const Machine& machine) {
  double best = at_the_roof(path, work, machine);
  for (int unit = 0; unit < unit_count; ++unit) {
    path.unit = static_cast<Unit>(unit);
    best = std::min(best, at_the_roof(path, work, machine));
  }
  return best;
}

/// Adds `times` calls of a site with `tokens` tokens each, on the path for calls of `regime` tokens.
void add(Expectation& out, const SitePlan& plan, const Machine& machine, double times, int64_t tokens, int regime) {
  const KernelPath& path = plan.path_for(regime);
  const Work work = work_of(plan.site, plan.layout, tokens);
  times *= plan.site.count;
  out.bytes += times * work.bytes;
  out.flops += times * work.flops;
  out.predicted += times * predicted_seconds(path, work, machine);
  out.memory_seconds += times * at_the_roof(path, {.bytes = work.bytes, .flops = 0}, machine);
  out.compute_seconds += times * at_the_roof(path, {.bytes = 0, .flops = work.flops}, machine);
  out.roof += times * at_the_roof(path, work, machine);
  out.best_roof += times * at_the_best_roof(path, work, machine);
}

/// The site with as many keys as a query sees after `keys` tokens; sliding layers never see more than their window.
SitePlan with_keys(SitePlan plan, int64_t keys) {
  const bool sliding = plan.site.name.find("sliding") != std::string::npos;
  plan.site.keys = std::max<int64_t>(sliding ? std::min(plan.site.keys, keys) : keys, 1);
  return plan;
}

}  // namespace

Expectation expect_step(const Plan& plan, const Machine& machine, int64_t keys) {
  Expectation out;
  for (const SitePlan& site : plan.sites) {
    if (site.site.op == Op::attention) add(out, with_keys(site, keys), machine, 1, 1, 1);
    else add(out, site, machine, 1, 1, 1);
  }
  return out;
}

Expectation expect_prompt(const Plan& plan, const Machine& machine, int tokens) {
  const int chunk = std::min(plan.chunk, tokens), chunks = tokens / chunk, rest = tokens % chunk;
  Expectation out;
  for (const SitePlan& site : plan.sites) {
    if (site.site.name == "head" || site.site.op == Op::sample) {
      add(out, site, machine, 1, 1, 1);
    } else if (site.site.op == Op::attention) {
      // The mean number of keys depends on the whole prompt, not on its chunks; work_of halves it for sixteen tokens and more.
      add(out, with_keys(site, tokens < 16 ? (tokens + 1) / 2 : tokens), machine, 1, tokens, chunk);
    } else {
      add(out, site, machine, chunks, chunk, chunk);
      if (rest > 0) add(out, site, machine, 1, rest, rest);
    }
  }
  return out;
}

}  // namespace mxpath
