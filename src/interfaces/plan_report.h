// A plan with its verdict, as `mxpath plan` and the API ask for it.
#pragma once
#include <string_view>

#include "checkpoint/locate.h"
#include "plan/fallback.h"
#include "plan/plan.h"

namespace mxpath {

/// The plan for a model on this computer (machine "": its bandwidth is taken from the cache, never measured), or on the machine of a file
/// or name. Reads headers only. A plan that does not fit into memory or that --strict refuses is returned too.
/// --inject-failure is rehearsed: the plan is the one that loading would end with, and notice is told what loading would tell.
Result<Plan> plan_for(std::string_view model, const ModelPlaces& places, std::string_view machine, const Policy& policy,
                      const Notice& notice = {});
/// check_memory, then check_strict.
Status check_plan(const Plan& plan, const Policy& policy);

}  // namespace mxpath
