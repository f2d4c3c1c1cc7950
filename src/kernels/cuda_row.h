// How a CUDA row names its function. It exists in every build: where nvcc is missing the function does nothing, since
// `built` is false and planning refuses the row.
#pragma once
#include <span>

#include "plan/run_fn.h"

namespace mxpath {

/// One kernel of each kind that a row launches; planning asks the driver whether it loads.
using KernelImages = std::span<const void* const>;

}  // namespace mxpath

/// Beside the rows, in namespace mxpath: declares `void row(const Args&)` and `KernelImages row_images()`, which a .cu
/// file of the folder defines.
#if MXPATH_CUDA
#define MXPATH_CUDA_ROW(row, Args) \
  void row(const Args& args);      \
  KernelImages row##_images();
#else
#define MXPATH_CUDA_ROW(row, Args) \
  inline void row(const Args&) {}  \
  inline KernelImages row##_images() { return {}; }
#endif
