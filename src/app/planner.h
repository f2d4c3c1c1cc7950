// The one door to a plan. Whatever shows a plan and whatever loads a model asks here, so that both speak of the same.
#pragma once
#include <string_view>

#include "app/machine_here.h"
#include "checkpoint/locate.h"
#include "plan/fallback.h"
#include "plan/plan.h"

namespace mxpath {

/// This computer as a plan for a model needs it: machine_here(), and the links that the plan crosses
/// (app/links_here.h), measured where that was not done yet. Whoever plans and loads takes one machine for both.
Machine machine_for(const Manifest& manifest, const Policy& policy, Measure measure = Measure::if_unknown);
/// The plan that loading ends with on this computer, as far as headers tell: without the rows that its driver has no
/// image for, and with the failures that the policy injects rehearsed; notice is told what loading would tell of them.
/// A plan that does not fit into memory or is not strict enough is returned too; check_plan says so. Errors: those of
/// make_plan.
Result<Plan> plan_here(const Manifest& manifest, const Machine& machine, const Policy& policy,
                       const Notice& notice = {});
/// The same for a computer that has a build of its own.
Result<Plan> plan_elsewhere(const Manifest& manifest, const Machine& machine, const Policy& policy,
                            const Notice& notice = {});
/// One of the two for a model, headers only. machine: "" this computer, measured where that was not done yet; else a
/// file or a name.
Result<Plan> plan_for(std::string_view model, const ModelPlaces& places, std::string_view machine, const Policy& policy,
                      const Notice& notice = {});

/// What a context must hold to be of use, and how it is called in a sentence: "a prompt". No tokens: any context will
/// do.
struct LeastContext {
  int tokens = 0;
  std::string_view what;
};

/// check_memory, then check_strict. Where a shorter context would fit into memory but is too short for `least`, the
/// error says so.
Status check_plan(const Plan& plan, const Policy& policy, const LeastContext& least = {});

}  // namespace mxpath
