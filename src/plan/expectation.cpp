#include "plan/expectation.h"

#include <algorithm>

#include "base/text.h"
#include "plan/block.h"

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

  /// `times` calls of a site, on the path for calls of `regime` tokens.
  void add(const SitePlan& plan, double times, const Call& call, int regime) {
    const KernelPath& path = plan.path_for({regime});
    const Load load = load_of(plan.site, plan.layout, call);
    const Work& work = load.work;
    const DeviceId device = plan.site.device;
    times *= plan.site.count;
    out.bytes += times * work.bytes;
    out.flops += times * work.flops;
    out.predicted += times * predicted_seconds(path, load, machine, device);
    out.memory_seconds += times * roof_seconds(path, {.bytes = work.bytes, .flops = 0}, machine, device);
    out.compute_seconds += times * roof_seconds(path, {.bytes = 0, .flops = work.flops}, machine, device);
    out.roof += times * roof_seconds(path, work, machine, device);
    out.best_roof += times * at_the_best_roof(path, work, machine, device);
  }

  /// What rows of composite sites spare in `times` calls.
  void spare(const Plan& plan, double times, const Call& call, int regime) {
    for (const BlockPlan& block : plan.blocks)
      out.predicted -=
          times * block.plan.site.count * saved_seconds(block.plan, plan.parts_of(block), call, regime, machine);
  }
};

/// What one thread promises for one token is not what all promise: everything is priced for the threads of the plan.
Machine machine_of(const Plan& plan, const Machine& machine) { return with_threads(machine, plan.threads); }

/// Seconds of the transfers of the residual stream, which is FP32.
std::vector<double> seconds_of_crossings(const Placement& placement, const ModelConfig& config,
                                         const Machine& machine) {
  std::vector<double> seconds;
  const auto crossings = placement.crossings();
  for (const Regime& regime : regimes()) {
    double sum = 0;
    for (const auto& [from, to] : crossings)
      sum += copy_seconds(link_between(machine, from, to), regime.typical.tokens * 4.0 * config.hidden);
    seconds.push_back(sum);
  }
  return seconds;
}

/// What is known of the ways: the first between GPUs, or the first of all.
std::string note_of_crossings(const Placement& placement, const Machine& machine) {
  const auto crossings = placement.crossings();
  if (crossings.empty()) return "";
  const auto between_gpus = [](const auto& way) { return way.first.is_gpu() && way.second.is_gpu(); };
  const auto found = std::ranges::find_if(crossings, between_gpus);
  const auto& [from, to] = found == crossings.end() ? crossings.front() : *found;
  const Link link = link_between(machine, from, to);
  return fmt::format("{}{}, {:.0f} GB/s {}", link.nvlink ? "NVLink" : "PCIe",
                     from.is_gpu() && to.is_gpu() && !link.peer ? " through the computer's memory" : "",
                     link.bandwidth / 1e9, link.measured ? "measured" : "assumed");
}

/// One call of a site with the tokens of a whole prompt that begins with them.
double prompt_seconds(const SitePlan& plan, const Machine& machine) {
  const Decision& decision = plan.decisions[3];
  if (plan.site.op() != Op::attention) return decision.all.front().seconds;
  const int tokens = decision.regime.typical.tokens;
  const Load load = load_of(plan.site, plan.layout, {.tokens = tokens, .keys = mean_keys(tokens)});
  return predicted_seconds(*decision.chosen, load, machine, plan.site.device);
}

}  // namespace

void add_predictions(Plan& plan, const ModelConfig& config, const Machine& machine) {
  plan.crossing_seconds = seconds_of_crossings(plan.placement, config, machine);
  plan.crossing_note = note_of_crossings(plan.placement, machine);
  plan.decode_seconds = plan.crossing_seconds[0];
  plan.prefill_seconds = plan.crossing_seconds[3];
  plan.decode_bytes = 0;
  for (const SitePlan& site : plan.sites) {
    if (plan.is_idle(site)) continue;
    const double count = site.site.count;
    plan.decode_seconds += count * site.decisions.front().all.front().seconds;
    // The head reads one position of a prompt, whatever its length.
    const bool once = site.site.row().once_a_prompt;
    plan.prefill_seconds += count * (once ? site.decisions[0].all.front().seconds : prompt_seconds(site, machine));
    if (site.site.has_weights()) plan.decode_bytes += count * work_of(site.site, site.layout, {}).bytes;
  }
  for (const BlockPlan& block : plan.blocks) {
    const auto parts = plan.parts_of(block);
    plan.decode_seconds -= block.plan.site.count * saved_seconds(block.plan, parts, 0);
    plan.prefill_seconds -= block.plan.site.count * saved_seconds(block.plan, parts, 3);
  }
}

namespace {

/// All of a step at the call that a regime is priced at, but what runs for rows of logits; or that alone.
double at_regime(const Plan& plan, size_t regime, bool of_logits) {
  double seconds = of_logits ? 0 : plan.crossing_seconds[regime];
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site) && site.site.row().once_a_prompt == of_logits)
      seconds += site.site.count * site.decisions[regime].all.front().seconds;
  for (const BlockPlan& block : plan.blocks)
    if (!of_logits)
      seconds -= block.plan.site.count * saved_seconds(block.plan, plan.parts_of(block), static_cast<int>(regime));
  return seconds;
}

/// `prices`: for each regime.
double between_regimes(const std::vector<double>& prices, int calls) {
  double low = prices.front();
  int low_at = regimes().front().typical.tokens;
  if (calls <= low_at) return low;  // one token is the least that there is
  for (size_t i = 1; i < prices.size(); ++i) {
    const int at = regimes()[i].typical.tokens;
    if (calls <= at) return low + (prices[i] - low) / (at - low_at) * (calls - low_at);
    low = prices[i], low_at = at;
  }
  return low * calls / low_at;
}

}  // namespace

StepPrices::StepPrices(const Plan& plan) {
  for (size_t i = 0; i < regimes().size(); ++i) {
    layers_.push_back(std::max(at_regime(plan, i, false), i > 0 ? layers_.back() : 0.0));
    logits_.push_back(std::max(at_regime(plan, i, true), i > 0 ? logits_.back() : 0.0));
  }
}

double StepPrices::seconds(int tokens, int rows) const {
  if (tokens <= 0) return 0;
  return between_regimes(layers_, tokens) + (rows > 0 ? between_regimes(logits_, rows) : 0);
}

Expectation expect_step(const Plan& plan, const Machine& whole, int64_t keys, int sequences) {
  const Machine machine = machine_of(plan, whole);
  const Call call{.tokens = sequences, .sequences = sequences, .keys = std::max<int64_t>(keys, 1)};
  Sum sum{machine};
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site)) sum.add(site, 1, call, sequences);
  sum.spare(plan, 1, call, sequences);
  sum.out.predicted += plan.crossing_seconds.front();
  return sum.out;
}

Expectation expect_prompt(const Plan& plan, const Machine& whole, int tokens) {
  const Machine machine = machine_of(plan, whole);
  const int chunk = std::min(plan.chunk, tokens), chunks = tokens / chunk, rest = tokens % chunk;
  Sum sum{machine};
  for (const SitePlan& site : plan.sites) {
    if (plan.is_idle(site)) continue;
    if (site.site.row().once_a_prompt) {
      sum.add(site, 1, {}, 1);
    } else if (site.site.op() == Op::attention) {
      sum.add(site, 1, {.tokens = tokens, .keys = mean_keys(tokens)}, chunk);
    } else {
      sum.add(site, chunks, {.tokens = chunk}, chunk);
      if (rest > 0) sum.add(site, 1, {.tokens = rest}, rest);
    }
  }
  sum.spare(plan, chunks, {.tokens = chunk, .keys = mean_keys(tokens)}, chunk);
  if (rest > 0) sum.spare(plan, 1, {.tokens = rest, .keys = mean_keys(tokens)}, rest);
  sum.out.predicted += plan.crossing_seconds.back() * tokens / regimes().back().typical.tokens;
  return sum.out;
}

}  // namespace mxpath
