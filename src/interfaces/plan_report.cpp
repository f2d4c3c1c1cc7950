#include "interfaces/plan_report.h"

#include <cstdlib>

#include "base/text.h"
#include "interfaces/machine_here.h"
#include "interfaces/manifest_of.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

Result<Machine> machine_of(std::string_view typed, int threads) {
  if (typed.empty()) return machine_here(Measure::never, threads);
  return machine_named(typed);
}

/// A context that fits into memory and is too short helps only with less to put into it.
Plan with_possible_advice(Plan plan, const LeastContext& least) {
  constexpr std::string_view flag = "--ctx ";
  for (std::string& advice : plan.would_fit) {
    const size_t at = advice.find(flag);
    const int context = at == advice.npos ? least.tokens : std::atoi(advice.c_str() + at + flag.size());
    if (context < least.tokens) advice += fmt::format(" with {} of at most {} tokens", least.what, context);
  }
  return plan;
}

}  // namespace

Result<Plan> plan_for(std::string_view model, const ModelPlaces& places, std::string_view machine, const Policy& policy,
                      const Notice& notice) {
  MXPATH_TRY(const Manifest manifest, manifest_of(model, places));
  for (const std::string& decision : manifest.decisions)
    if (notice) notice(decision);
  MXPATH_TRY(const Machine where, machine_of(machine, policy.threads));
  if (!machine.empty()) return rehearse(manifest, catalogue_of_full_build(), where, policy, {}, notice);
  return rehearse(manifest, catalogue(), where, policy, image_failures(where, policy), notice);
}

Status check_plan(const Plan& plan, const Policy& policy, const LeastContext& least) {
  if (!plan.not_built.empty()) return fail("{}", plan.not_built);
  MXPATH_CHECK(plan.fits() || least.tokens == 0 ? check_memory(plan) : check_memory(with_possible_advice(plan, least)));
  return check_strict(plan, policy);
}

}  // namespace mxpath
