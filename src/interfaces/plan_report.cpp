#include "interfaces/plan_report.h"

#include "interfaces/machine_here.h"
#include "interfaces/manifest_of.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

Result<Machine> machine_of(std::string_view typed) {
  if (typed.empty()) return machine_here(Measure::never);
  return machine_named(typed);
}

}  // namespace

Result<Plan> plan_for(std::string_view model, const ModelPlaces& places, std::string_view machine, const Policy& policy,
                      const Notice& notice) {
  MXPATH_TRY(const Manifest manifest, manifest_of(model, places));
  for (const std::string& decision : manifest.decisions)
    if (notice) notice(decision);
  MXPATH_TRY(const Machine where, machine_of(machine));
  if (!machine.empty()) return rehearse(manifest, catalogue_of_full_build(), where, policy, {}, notice);
  return rehearse(manifest, catalogue(), where, policy, image_failures(where, policy.cuda_index), notice);
}

Status check_plan(const Plan& plan, const Policy& policy) {
  MXPATH_CHECK(check_memory(plan));
  return check_strict(plan, policy);
}

}  // namespace mxpath
