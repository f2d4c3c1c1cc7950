#include "app/reports/compare_plan.h"

#include <algorithm>
#include <optional>

#include "app/planner.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// Names whose plan holds the experts in a format that no earlier one has; those that cannot be planned stay, to say
/// why.
std::vector<std::string> distinct_formats(const ModelFiles& files, const Machine& machine, const Policy& policy) {
  std::vector<std::string> names;
  std::vector<std::vector<WeightFormat>> seen;
  for (std::string_view name : weights_choices()) {
    Policy own = policy;
    if (!set_weights(own, name).ok()) continue;
    const auto plan = plan_here(files.manifest, machine, own);
    if (plan.ok()) {
      std::vector<WeightFormat> formats;  // of the layers, where they are stored differently
      for (const SitePlan& site : plan->sites)
        if (site.site.id == SiteId::gate_up) formats.push_back(site.site.format);
      if (std::ranges::count(seen, formats)) continue;
      seen.push_back(std::move(formats));
    }
    names.emplace_back(name);
  }
  return names;
}

/// Each of the weights with each of the KV formats.
Result<std::vector<Asked>> all_asked(const ModelFiles& files, const Machine& machine, const Policy& policy,
                                     const CompareOptions& options) {
  std::vector<std::string> weights = options.weights;
  if (weights.empty() && options.kv.empty()) weights = distinct_formats(files, machine, policy);
  if (weights.empty()) weights.emplace_back(weights_choices().front());
  std::vector<Asked> all;
  for (const std::string& name : weights) {
    Policy own = policy;
    MXPATH_CHECK(set_weights(own, name));
    const auto add = [&](const std::string& kv) {
      Asked& asked = all.emplace_back(Asked{{}, own});
      asked.format.weights = name, asked.format.kv = kv;
    };
    if (options.kv.empty()) add("");
    for (const std::string& kv : options.kv) {
      MXPATH_CHECK(set_kv(own, kv));
      add(kv);
    }
  }
  return all;
}

Status can_run(const ModelFiles& files, const Machine& machine, const Policy& policy) {
  MXPATH_TRY(const Plan plan, plan_here(files.manifest, machine, policy));
  return check_plan(plan, policy);
}

}  // namespace

void note_problem(ComparedFormat& format, const Error& error) {
  format.problem = error.message, format.problem_kind = error.kind;
}

Result<std::vector<Asked>> plan_formats(const ModelFiles& files, const Machine& machine, const Policy& policy,
                                        const CompareOptions& options) {
  MXPATH_TRY(std::vector<Asked> all, all_asked(files, machine, policy, options));
  std::optional<Error> first;
  for (Asked& asked : all) {
    const Status can = can_run(files, machine, asked.policy);
    if (can.ok()) continue;
    if (can.error().kind == ErrorKind::wrong_use) return can.error();
    note_problem(asked.format, can.error());
    if (!first) first = can.error();
  }
  if (!first || std::ranges::any_of(all, [](const Asked& a) { return a.format.problem.empty(); })) return all;
  const bool by_name = options.weights.size() > 1 || options.kv.size() > 1;  // the default list is refused alike
  if (options.notice && by_name)
    for (const Asked& asked : all) options.notice(fmt::format("{}: {}", name_of(asked.format), asked.format.problem));
  return std::move(*first);
}

}  // namespace mxpath
