// Sums over a warp and a block in a fixed order, and what decides between wide and narrow access.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace mxpath {

inline constexpr unsigned all_lanes = 0xffffffffu;

/// Whether rows of floats that lie `stride` apart all start on 16 bytes.
inline bool on_16_bytes(const float* first, int64_t stride) {
  return reinterpret_cast<uintptr_t>(first) % 16 == 0 && stride % 4 == 0;
}

/// Every lane gets the sum; the same tree for all of them, so all get the same bits.
__device__ inline float warp_sum(float value) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(all_lanes, value, step);
  return value;
}

/// Every thread of a block of `threads` gets the sum. One call a kernel, or __syncthreads() between two.
template <int threads>
__device__ inline float block_sum(float value) {
  __shared__ float sums[threads / 32];
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  float total = 0;
  for (int warp = 0; warp < threads / 32; ++warp) total += sums[warp];
  return total;
}

}  // namespace mxpath
