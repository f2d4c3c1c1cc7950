#include "plan/expectation.h"

#include <algorithm>

namespace mxpath {
namespace {

double at_the_best_roof(KernelPath path, const Work& work, const Machine& machine, DeviceId device) {
  double best = roof_seconds(path, work, machine, device);
  for (int unit = 0; unit < unit_count; ++unit) {
    path.unit = static_cast<Unit>(unit);
    best = std::min(best, roof_seconds(path, work, machine, device));
  }
  return best;
}

/// The sum over the sites, as it grows.
struct Sum {
  const Machine& machine;
  Expectation out = {};

  /// `times` calls of a site with `tokens` tokens each, on the path for calls of `regime` tokens.
  void add(const SitePlan& plan, double times, int64_t tokens, int regime) {
    const KernelPath& path = plan.path_for(regime);
    const Work work = work_of(plan.site, plan.layout, tokens);
    const DeviceId device = plan.site.device;
    times *= plan.site.count;
    out.bytes += times * work.bytes;
    out.flops += times * work.flops;
    out.predicted += times * predicted_seconds(path, work, machine, device);
    out.memory_seconds += times * roof_seconds(path, {.bytes = work.bytes, .flops = 0}, machine, device);
    out.compute_seconds += times * roof_seconds(path, {.bytes = 0, .flops = work.flops}, machine, device);
    out.roof += times * roof_seconds(path, work, machine, device);
    out.best_roof += times * at_the_best_roof(path, work, machine, device);
  }
};

/// What one thread promises for one token is not what all promise: everything is priced for the threads of the plan.
Machine machine_of(const Plan& plan, const Machine& machine) { return with_threads(machine, plan.threads); }

/// The plan of a site whose queries see so many keys.
SitePlan with_keys(SitePlan plan, int64_t keys) {
  plan.site = seeing(std::move(plan.site), keys);
  return plan;
}

}  // namespace

Site seeing(Site site, int64_t keys) {
  const bool sliding = site.name.find("sliding") != std::string::npos;
  site.keys = std::max<int64_t>(sliding ? std::min(site.keys, keys) : keys, 1);
  return site;
}

Expectation expect_step(const Plan& plan, const Machine& whole, int64_t keys) {
  const Machine machine = machine_of(plan, whole);
  Sum sum{machine};
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site)) sum.add(site.site.op == Op::attention ? with_keys(site, keys) : site, 1, 1, 1);
  sum.out.predicted += plan.crossing_seconds.front();
  return sum.out;
}

Expectation expect_prompt(const Plan& plan, const Machine& whole, int tokens) {
  const Machine machine = machine_of(plan, whole);
  const int chunk = std::min(plan.chunk, tokens), chunks = tokens / chunk, rest = tokens % chunk;
  Sum sum{machine};
  for (const SitePlan& site : plan.sites) {
    if (plan.is_idle(site)) continue;
    if (site.site.name == "head" || site.site.op == Op::sample) {
      sum.add(site, 1, 1, 1);
    } else if (site.site.op == Op::attention) {
      sum.add(with_keys(site, mean_keys(tokens)), 1, tokens, chunk);
    } else {
      sum.add(site, chunks, chunk, chunk);
      if (rest > 0) sum.add(site, 1, rest, rest);
    }
  }
  sum.out.predicted += plan.crossing_seconds.back() * tokens / regimes().back().typical;
  return sum.out;
}

}  // namespace mxpath
