// Rotary position embedding with YaRN.
#pragma once
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/config.h"
#include "device/device.h"

namespace mxpath {

/// Inverse frequencies [head_dim / 2] (radians per position) and the factor on cos and sin: YaRN (Peng et al. 2023) as
/// gpt_oss/torch/model.py of openai/gpt-oss has it, in double.
struct RopeTable {
  std::vector<double> inverse_frequency;
  double attention_factor = 1;
};
RopeTable make_rope_table(const RopeConfig& config, int head_dim);

/// Half-split rotation in place: pair (i, i + head_dim/2) of every head turned by position * inverse_frequency[i],
/// times the factor.
struct RopeArgs {
  float* x = nullptr;  // [tokens, heads, head_dim], tokens x_stride floats apart
  int64_t x_stride = 0;
  const int32_t* positions = nullptr;         // [tokens]
  const double* inverse_frequency = nullptr;  // [head_dim / 2] of RopeTable
  double attention_factor = 1;
  int tokens = 0, heads = 0, head_dim = 0;
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory
};

}  // namespace mxpath
