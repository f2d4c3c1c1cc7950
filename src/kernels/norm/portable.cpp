#include <cmath>
#include <limits>

#include "kernels/cuda_row.h"
#include "kernels/norm/norm.h"
#include "kernels/rows.h"

namespace mxpath {

MXPATH_CUDA_ROW(norm_cuda_portable, NormArgs)

namespace {

/// Σ x² as eight partial sums, so that baseline vector registers can be used without changing the order.
float sum_of_squares(const float* x, int64_t width) {
  float part[8] = {};
  int64_t i = 0;
  for (; i + 8 <= width; i += 8)
    for (int j = 0; j < 8; ++j) part[j] += x[i + j] * x[i + j];
  for (int j = 0; i < width; ++i, ++j) part[j] += x[i] * x[i];
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

/// NaN where the sum is beyond the largest float: 1/√∞ would make zeros of the row, and nobody would see that it was
/// lost.
float factor_of(float sum, const NormArgs& args) {
  if (!(sum <= std::numeric_limits<float>::max())) return std::numeric_limits<float>::quiet_NaN();
  return 1.0f / std::sqrt(sum / static_cast<float>(args.width) + args.eps);
}

void norm_portable(const NormArgs& args) {
  const size_t grain = items_worth_a_thread(0.3 * static_cast<double>(args.width));
  args.threads->for_range(static_cast<size_t>(args.tokens), grain, [&](size_t begin, size_t end, int) {
    for (size_t t = begin; t < end; ++t) {
      const float* x = args.x + static_cast<int64_t>(t) * args.width;
      float* y = args.y + static_cast<int64_t>(t) * args.width;
      const float factor = factor_of(sum_of_squares(x, args.width), args);
      for (int64_t i = 0; i < args.width; ++i) y[i] = x[i] * factor * args.scale[i];
    }
  });
}

constexpr KernelPath paths[] = {
    {.name = "norm.cpu.portable.f32",
     .op = Op::norm,
     .unit = Unit::scalar,
     .efficiency = 0.45,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = norm_portable},
    {.name = "norm.cuda.portable.f32",
     .op = Op::norm,
     .device = DeviceKind::cuda,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.3,
     .batch_invariant = true,
     .thread_invariant = true,
     .built = cuda_built,
     .run = norm_cuda_portable,
     .images = norm_cuda_portable_images},
};

}  // namespace

std::span<const KernelPath> norm_paths() { return paths; }

}  // namespace mxpath
