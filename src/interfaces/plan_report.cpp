#include "interfaces/plan_report.h"

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

}  // namespace

Result<Plan> plan_for(std::string_view model, const ModelPlaces& places, std::string_view machine, const Policy& policy,
                      const Notice& notice) {
  MXPATH_TRY(const Manifest manifest, manifest_of(model, places));
  MXPATH_TRY(const Machine where, machine_of(machine, policy.threads));
  if (!machine.empty()) return rehearse(manifest, catalogue_of_full_build(), where, policy, {}, notice);
  return rehearse(manifest, catalogue(), where, policy, image_failures(where, policy.cuda_index), notice);
}

Status check_plan(const Plan& plan, const Policy& policy) {
  if (!plan.not_built.empty()) return fail("{}", plan.not_built);
  MXPATH_CHECK(check_memory(plan));
  return check_strict(plan, policy);
}

}  // namespace mxpath
