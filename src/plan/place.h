// From sites planned for each device to the plan of the placement that should be fastest.
#pragma once
#include "plan/plan.h"

namespace mxpath {

/// Decides where the layers lie and fills device, device_reason, placement, chunk, sites, memory and predictions of
/// `plan`, whose context and threads are set. Errors: a forced path that cannot run; the device cuda where no placement
/// on the GPU is possible, with the reason.
Status place(Plan& plan, const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
             const Policy& policy, const Failures& failures);

}  // namespace mxpath
