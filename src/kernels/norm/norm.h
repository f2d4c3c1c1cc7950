// RMSNorm.
#pragma once
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"

namespace mxpath {

/// y = x * rsqrt(mean(x²) + eps) * scale in FP32 (as gpt_oss/torch/model.py of openai/gpt-oss: the scale is applied
/// before any rounding). One order of summation on each device, whatever the batch.
struct NormArgs {
  const float* x = nullptr;      // [tokens, width] contiguous
  const float* scale = nullptr;  // [width]
  float* y = nullptr;            // [tokens, width]; may be x
  int64_t width = 0;
  int tokens = 0;
  float eps = 1e-5f;
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory
};

}  // namespace mxpath
