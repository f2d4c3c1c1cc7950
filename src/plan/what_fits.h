// What to change so that a model fits into memory.
#pragma once
#include "plan/plan.h"

namespace mxpath {

/// make_plan without looking for what would fit.
Result<Plan> plan_as_asked(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine, const Policy& policy, const Failures& failures);

/// The longest context up to the policy's that fits, in steps of 1024 tokens (128 below that); 0 when none does.
int fitting_context(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine, const Policy& policy, const Failures& failures);

/// Flags, each of which alone makes the model fit: a shorter context, the weights format that keeps most bits, a freer choice of where the
/// layers lie; both a format and a context when neither alone is enough. Empty when nothing helps.
std::vector<std::string> what_would_fit(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine, const Policy& policy, const Failures& failures);

}  // namespace mxpath
