// A plan in a few lines: everything that planning decides, without the words that `mxpath plan` puts around it.
#pragma once
#include <string>

#include "plan/plan.h"

namespace mxpath {

/// Memory, speed and what was given up; then each site with its layout, its path for each token count, the predicted
/// times, and the refused rows under the most fundamental reason at one token. Sites that are the same in `base` are
/// left out.
std::string compact(const Plan& plan, const Plan* base = nullptr);

}  // namespace mxpath
