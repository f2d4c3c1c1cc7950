// All kernel paths.
#pragma once
#include "plan/refusal.h"

namespace mxpath {

/// Every row of every folder of src/kernels, and the known issues.
const Catalogue& catalogue();
/// The same as if every row had been compiled: what to plan with for another computer, whose program is not this one.
const Catalogue& catalogue_of_full_build();

/// Asks the driver of a GPU of this computer whether the image of each CUDA row loads; those that do not, with CUDA's text. Empty where the
/// machine has no such device or nothing was compiled for it.
Failures image_failures(const Machine& machine, int cuda_index);

}  // namespace mxpath
