// What to change so that a model fits into memory.
#pragma once
#include "plan/plan.h"

namespace mxpath {

/// make_plan without looking for what would fit.
Result<Plan> plan_as_asked(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
                           const Policy& policy, const Failures& failures);

struct WhatFits {
  /// The longest up to the policy's that fits, in steps of 1024 tokens (128 below that); 0: none does.
  int context = 0;
  /// Each of which alone makes the model fit: that context, the weights format that keeps most bits, a freer choice of
  /// where the layers lie, no budget; a format together with a context when neither alone is enough. Empty when nothing
  /// helps.
  std::vector<std::string> changes;
};

/// Looks for the changes with which a plan that does not fit would fit.
WhatFits what_fits(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine, const Policy& policy,
                   const Failures& failures);

}  // namespace mxpath
