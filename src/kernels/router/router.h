// Which experts a token goes to, and with what weight.
#pragma once
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "layout/packed_matrix.h"

namespace mxpath {

/// logits g = x Wᵀ + b over the experts in FP32; the experts_per_token largest (ties: lower index first); softmax over
/// those only. Then the (token, choice) pairs are grouped by expert, as the expert products want them. On a CPU logits
/// do not depend on the batch or on threads; CUDA rows sum them in one of three orders, by how many tokens share the
/// call.
struct RouterArgs {
  const PackedMatrix* weights = nullptr;  // [experts, H]
  const float* bias = nullptr;            // [experts]
  const float* x = nullptr;               // [tokens, H] contiguous
  int tokens = 0, experts_per_token = 0;
  float* logits = nullptr;    // [tokens, experts] scratch
  int32_t* expert = nullptr;  // [tokens * experts_per_token] out, by row
  float* weight = nullptr;    // [tokens * experts_per_token] out, by row
  int32_t* first = nullptr;   // [experts + 1] out: see ExpertBatches
  int32_t* order = nullptr;   // [tokens * experts_per_token] out
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory
};

/// Groups rows by expert: fills first [experts + 1] and order [rows] of ExpertBatches from the router's choice.
void group_by_expert(const int32_t* expert, int64_t rows, int experts, int32_t* first, int32_t* order);

}  // namespace mxpath
