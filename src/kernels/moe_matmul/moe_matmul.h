// The two matrix products of the experts.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"
#include "layout/packed_matrix.h"

namespace mxpath {

/// Which rows each expert works on. A row is one (token, choice) pair: row = token * experts_per_token + choice.
struct ExpertBatches {
  int experts = 0, experts_per_token = 0, tokens = 0;
  const int32_t* first = nullptr;  // [experts + 1]: expert e has entries first[e] .. first[e + 1] of order
  const int32_t* order = nullptr;  // [tokens * experts_per_token]: rows sorted by expert, then by token
  const float* weight = nullptr;   // [tokens * experts_per_token] by row: router weight of the pair
};

/// gate_up: y[row, n] = Σ_k x[token of row, k] w[e, n, k] + bias[e, n]; x is [tokens, k], y is [tokens *
/// experts_per_token, n]. down:    y[token, n] += weight[row] * (Σ_k x[row, k] w[e, n, k] + bias[e, n]); x is [tokens *
/// experts_per_token, k], y is [tokens, n];
///          experts in ascending order. Same promises as LinearArgs about threads and batches, which an expert's tokens
///          count as.
struct MoeMatmulArgs {
  const PackedMatrix* weights = nullptr;  // [experts, n, k]
  const float* bias = nullptr;            // [experts, n]
  const float* x = nullptr;               // contiguous rows of k
  float* y = nullptr;                     // contiguous rows of n
  const ExpertBatches* batches = nullptr;
  void* scratch = nullptr;  // KernelPath::scratch of the row, 64-byte aligned
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory, those of batches too
};
struct SiteCall;  // kernels/scratch.h
/// Looks at the shape of `weights` and at the counts of `batches`.
SiteCall call_of(const MoeMatmulArgs& args);

}  // namespace mxpath
