// A plan as text for a person and as JSON for a program.
#pragma once
#include <string>

#include "base/json_fwd.h"
#include "plan/plan.h"

namespace mxpath {

/// verbose: every row with all its reasons; otherwise rows that lost are folded to their first reason.
std::string explain(const Plan& plan, bool verbose);
/// A few lines: what `mxpath run` prints above an answer.
std::string explain_briefly(const Plan& plan);
Json plan_to_json(const Plan& plan);
/// Their sentences.
Json concessions_json(const Plan& plan);

}  // namespace mxpath
