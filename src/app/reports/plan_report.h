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
/// What a context must hold to be of use, and how it is called in a sentence: "a prompt". No tokens: any context will do.
struct LeastContext {
  int tokens = 0;
  std::string_view what;
};

/// check_memory, then check_strict. Where a shorter context would fit into memory but is too short for `least`, the error says so.
Status check_plan(const Plan& plan, const Policy& policy, const LeastContext& least = {});

}  // namespace mxpath
