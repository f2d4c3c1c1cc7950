#include <algorithm>
#include <limits>
#include <tuple>

#include "base/hint.h"
#include "base/text.h"
#include "plan/block.h"
#include "plan/plan.h"

namespace mxpath {
namespace {

/// How much each regime counts when one layout must serve all: calls of it in a typical use.
std::vector<double> regime_weights(Goal goal) {
  switch (goal) {
    case Goal::decode: return {256, 1, 1, 0.25};
    case Goal::prefill: return {8, 1, 2, 16};
    case Goal::balanced: break;
  }
  return {256, 2, 1, 4};  // a prompt of 2,000 tokens, an answer of 256
}

/// Layouts of the site's format and group that some row reads; the plain one first, so that it wins ties.
std::vector<Layout> layouts_for(const Site& site, const Catalogue& catalogue) {
  if (!site.has_weights()) return {Layout::none};
  std::vector<Layout> layouts{plain_layout(site.format)};
  for (const KernelPath* path : catalogue.paths) {
    const bool reads = path->op == site.op() && path->device == site.device.kind && path->weights != Layout::any &&
                       path->weights != Layout::none;
    if (reads && held_in(path->weights) == site.format && !std::ranges::count(layouts, path->weights))
      layouts.push_back(path->weights);
  }
  return layouts;
}

std::string reasons(const Candidate& candidate) {
  std::string text;
  for (const Refusal& refusal : candidate.why_not) text += (text.empty() ? "" : ", and ") + to_string(refusal);
  return text;
}

/// Every row of the site's op once, as the policy would find it without `only` and `exclude`, the cheapest first; rows
/// of one price in the order of the table. Each is asked about the layout it reads, those that read any about all, and
/// those that read none of the site's format about the plain one.
std::vector<Candidate> candidates_for(const Site& site, const Regime& regime, const Catalogue& catalogue,
                                      const Machine& machine, const Policy& policy, const Failures& failures,
                                      Parts parts) {
  Policy free = policy;
  free.only.clear(), free.exclude.clear();
  const auto layouts = layouts_for(site, catalogue);
  std::vector<Candidate> found;
  for (Layout layout : layouts)
    for (Candidate& c :
         decide({site, layout, regime.tokens, catalogue, machine, free, failures, regime.per_sequence, parts}, regime)
             .all) {
      const Layout own = c.path->weights;
      const bool foreign = own != Layout::any && !std::ranges::count(layouts, own);
      if (own != layout && own != Layout::any && !(foreign && layout == layouts.front())) continue;
      const auto known = std::ranges::find(found, c.path, &Candidate::path);
      const auto worth = [](const Candidate& one) { return std::tuple(!one.why_not.empty(), one.seconds); };
      if (known == found.end()) found.push_back(std::move(c));
      else if (worth(c) < worth(*known)) *known = std::move(c);
    }
  const auto place = [&](const Candidate& c) {
    return std::ranges::find(catalogue.paths, c.path) - catalogue.paths.begin();
  };
  std::ranges::sort(found, {}, [&](const Candidate& c) { return std::tuple(c.seconds, place(c)); });
  return found;
}

std::string with_reasons(const std::vector<Candidate>& candidates) {
  std::string text;
  for (const Candidate& c : candidates)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", c.path->name, reasons(c));
  return text;
}

/// The sentence for a site that the policy leaves without a path: the named ones with their refusals, then what could
/// run instead.
Error no_path(const Site& site, const Regime& regime, const Catalogue& catalogue, const Machine& machine,
              const Policy& policy, const Failures& failures, Parts parts) {
  std::vector<Candidate> named, refused;
  std::string legal;
  for (const Candidate& c : candidates_for(site, regime, catalogue, machine, policy, failures, parts)) {
    const bool forced =
        std::ranges::any_of(policy.only, [&](const std::string& glob) { return glob_match(glob, c.path->name); });
    if (c.why_not.empty() && !forced) legal += fmt::format("{}{}", legal.empty() ? "" : " ", c.path->name);
    if (!c.why_not.empty() && forced) named.push_back(c);
    if (!c.why_not.empty() && c.path->device == site.device.kind) refused.push_back(c);
  }
  if (legal.empty() && named.empty())
    return fail("{} on {}: no path can run: {}", title_of(site), to_string(site.device), with_reasons(refused));
  if (named.empty())
    return fail("{}: {} leaves no path for {}; keep one of: {}", title_of(site), mention(Knob::exclude),
                regime.tokens.of_tokens(), legal);
  return fail("{}: none of the paths selected by {} can run {} on this machine: {}. {}", title_of(site),
              mention(Knob::only), regime.tokens.of_tokens(), with_reasons(named),
              legal.empty() ? "No other path can run either" : "Paths that can: " + legal);
}

/// What a path costs where it serves every regime; infinity: one of them refuses it.
double cost_of_one(const KernelPath* path, const SitePlan& plan, Goal goal) {
  double total = 0;
  const auto weights = regime_weights(goal);
  for (size_t r = 0; r < plan.decisions.size(); ++r) {
    const auto own = std::ranges::find(plan.decisions[r].all, path, &Candidate::path);
    if (own == plan.decisions[r].all.end() || !own->why_not.empty()) return std::numeric_limits<double>::infinity();
    total += weights[r] * own->seconds;
  }
  return total;
}

/// The cheapest path that serves every regime; null: there is none.
const KernelPath* path_for_all(const SitePlan& plan, Goal goal) {
  const KernelPath* best = nullptr;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : plan.decisions.front().all) {
    const double seconds = cost_of_one(candidate.path, plan, goal);
    if (seconds < best_seconds) best = candidate.path, best_seconds = seconds;
  }
  return best;
}

/// Parts of a block have a path each, so a block has none of its own to agree on.
bool needs_one_path(const Site& site, const Policy& policy) {
  return policy.deterministic && !row_of(site.op()).composite;
}

}  // namespace

void take_cheapest(Decision& decision) {
  // Legal ones first, then by price; a stable sort, so that table order breaks ties.
  std::ranges::stable_sort(decision.all, {},
                           [](const Candidate& c) { return std::tuple(!c.why_not.empty(), c.seconds); });
  const bool any = !decision.all.empty() && decision.all.front().why_not.empty();
  decision.chosen = any ? decision.all.front().path : nullptr;
}

Status agree_on_path(SitePlan& plan, const Policy& policy) {
  if (!needs_one_path(plan.site, policy)) return {};
  const KernelPath* one = path_for_all(plan, policy.goal);
  if (!one)
    return fail("{}: no path serves all token counts, as {} asks", title_of(plan.site), mention(Knob::deterministic));
  for (Decision& decision : plan.decisions) {
    for (Candidate& other : decision.all)
      if (other.why_not.empty() && other.path != one)
        other.why_not.push_back(
            {Check::determinism, mention(Knob::deterministic), fmt::format("{} serves all token counts", one->name)});
    take_cheapest(decision);
  }
  return {};
}

double cost_of(const SitePlan& plan, Goal goal) {
  double total = 0;
  const auto weights = regime_weights(goal);
  for (size_t r = 0; r < plan.decisions.size(); ++r) {
    if (!plan.decisions[r].chosen) return std::numeric_limits<double>::infinity();
    total += weights[r] * plan.decisions[r].all.front().seconds;
  }
  return total;
}

double saved_cost(const SitePlan& block, std::span<const SitePlan* const> parts, Goal goal) {
  double total = 0;
  const auto weights = regime_weights(goal);
  for (size_t r = 0; r < block.decisions.size(); ++r) total += weights[r] * saved_seconds(block, parts, r);
  return total;
}

double cost_of(const Plan& plan, Goal goal) {
  double total = 0;
  const auto weights = regime_weights(goal);
  for (size_t r = 0; r < plan.crossing_seconds.size(); ++r) total += weights[r] * plan.crossing_seconds[r];
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site)) total += site.site.count * cost_of(site, goal);
  for (const BlockPlan& block : plan.blocks)
    total -= block.plan.site.count * saved_cost(block.plan, plan.parts_of(block), goal);
  return total;
}

const std::vector<Regime>& regimes() {
  static const std::vector<Regime> all = {{{1, 1}, {1}}, {{2, 15}, {8}}, {{16, 127}, {64}}, {{128}, {512}}};
  return all;
}

bool Regime::contains(const Call& call) const {
  const int each = call.tokens / std::max(call.sequences, 1);
  return tokens.contains({call.tokens, call.tokens}) && per_sequence.contains({each, each});
}

Decision decide(const Question& q, const Regime& regime) {
  Decision decision{regime, nullptr, {}};
  const Load load = load_of(q.site, q.layout, regime.typical);
  for (const KernelPath* path : q.catalogue.paths) {
    if (path->op != q.site.op()) continue;
    const Layout read = path->weights == Layout::any || path->weights == Layout::none ? q.layout : path->weights;
    const Load own = read == q.layout ? load : load_of(q.site, read, regime.typical);
    const DeviceId device = device_of(*path, q);
    const double seconds = q.parts.empty() ? predicted_seconds(*path, own, q.machine, device)
                                           : block_seconds(*path, q.parts, regime, q.machine, device);
    decision.all.push_back({path, refusals(*path, q), seconds});
  }
  take_cheapest(decision);
  return decision;
}

Result<SitePlan> plan_site(const Site& site, const Catalogue& catalogue, const Machine& machine, const Policy& policy,
                           const Failures& failures, const Given& given) {
  SitePlan best;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (Layout layout : given.layout ? std::vector<Layout>{*given.layout} : layouts_for(site, catalogue)) {
    SitePlan plan{site, layout, {}};
    for (const Regime& regime : regimes())
      plan.decisions.push_back(
          decide({site, layout, regime.tokens, catalogue, machine, policy, failures, regime.per_sequence, given.parts},
                 regime));
    const double seconds = needs_one_path(site, policy)
                               ? cost_of_one(path_for_all(plan, policy.goal), plan, policy.goal)
                               : cost_of(plan, policy.goal);
    if (best.decisions.empty() || seconds < best_seconds) best_seconds = seconds, best = std::move(plan);
  }
  for (const Decision& decision : best.decisions)
    if (!decision.chosen) return no_path(site, decision.regime, catalogue, machine, policy, failures, given.parts);
  return best;
}

const KernelPath& SitePlan::path_for(const Call& call) const {
  for (const Decision& decision : decisions)
    if (decision.regime.contains(call)) return *decision.chosen;
  static const KernelPath none;
  return decisions.empty() ? none : *decisions.back().chosen;
}

}  // namespace mxpath
