#include "app/planner.h"

#include <cstdlib>

#include "app/links_here.h"
#include "app/manifest_of.h"
#include "base/hint.h"
#include "base/text.h"
#include "engine/load.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

/// A context that fits into memory and is too short helps only with less to put into it.
Plan with_possible_advice(Plan plan, const LeastContext& least) {
  for (std::string& advice : plan.suggestions)
    for (const Hint& hint : hints_in(advice)) {
      const int context = hint.knob == Knob::context ? std::atoi(hint.value.c_str()) : least.tokens;
      if (context < least.tokens) advice += fmt::format(" and {} of at most {}", least.what, plural(context, "token"));
    }
  return plan;
}

}  // namespace

Result<Plan> plan_here(const Manifest& manifest, const Machine& machine, const Policy& policy, const Notice& notice) {
  return simulate_fallback(manifest, catalogue(), machine, policy, failures_before_loading(machine, policy), notice);
}

Machine machine_for(const Manifest& manifest, const Policy& policy, Measure measure) {
  const auto plan = [&](const Machine& machine) { return plan_here(manifest, machine, policy); };
  return with_crossed_links(machine_here(measure, policy.threads), plan, measure, links_here());
}

Result<Plan> plan_elsewhere(const Manifest& manifest, const Machine& machine, const Policy& policy,
                            const Notice& notice) {
  return simulate_fallback(manifest, catalogue_of_full_build(), machine, policy, {}, notice);
}

Result<Plan> plan_for(std::string_view model, const ModelPlaces& places, std::string_view machine, const Policy& policy,
                      const Notice& notice) {
  MXPATH_TRY(const Manifest manifest, manifest_of(model, places));
  for (const std::string& decision : manifest.decisions)
    if (notice) notice(decision);
  if (machine.empty()) return plan_here(manifest, machine_for(manifest, policy), policy, notice);
  MXPATH_TRY(const Machine where, machine_named(machine));
  return plan_elsewhere(manifest, where, policy, notice);
}

Status check_plan(const Plan& plan, const Policy& policy, const LeastContext& least) {
  if (!plan.not_built.empty()) return fail("{}", plan.not_built);
  MXPATH_CHECK(plan.fits() || least.tokens == 0 ? check_memory(plan) : check_memory(with_possible_advice(plan, least)));
  return check_strict(plan, policy);
}

}  // namespace mxpath
