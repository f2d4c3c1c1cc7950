// All kernel paths.
#pragma once
#include "plan/path.h"

namespace mxpath {

/// Every row of every folder of src/kernels, and the known issues.
const Catalogue& catalogue();

}  // namespace mxpath
