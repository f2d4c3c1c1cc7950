// y = x Wᵀ + b, the projections and the head.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"
#include "layout/packed_matrix.h"

namespace mxpath {

/// y[t, n] (+)= Σ_k x[t, k] w[n, k] + bias[n] for t < tokens. On a CPU each output element is computed by one thread in
/// one order of k that does not depend on `tokens`: the rows are batch-invariant and thread-invariant, as they say
/// (plan/path.h). CUDA rows have kernels for 1, 2, 4, 8 and more tokens, each with an order of its own: the same call
/// gives the same bits, another batch need not.
struct LinearArgs {
  const PackedMatrix* weights = nullptr;  // [n, k]
  const float* bias = nullptr;            // [n] or null
  const float* x = nullptr;               // [tokens, k], rows x_stride floats apart
  int64_t x_stride = 0;
  float* y = nullptr;  // [tokens, n], rows y_stride floats apart
  int64_t y_stride = 0;
  int tokens = 0;
  bool accumulate = false;  // y += instead of y =: the residual
  void* scratch = nullptr;  // KernelPath::scratch of the row, 64-byte aligned
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: data, scales and every pointer above lie in device memory
};
struct SiteCall;  // kernels/scratch.h
/// Looks at the shape of `weights` and at `tokens`.
SiteCall call_of(const LinearArgs& args);

}  // namespace mxpath
