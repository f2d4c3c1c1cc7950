// The clamped SwiGLU of gpt-oss.
#pragma once
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"

namespace mxpath {

/// gate = min(u[2j], limit), up = clamp(u[2j + 1], -limit, limit); h[j] = gate * sigmoid(alpha * gate) * (up + 1). As
/// gpt_oss/torch/model.py of openai/gpt-oss has it.
struct SwigluArgs {
  const float* u = nullptr;  // [rows, 2 * width], gate and up interleaved
  float* h = nullptr;        // [rows, width]
  int64_t rows = 0, width = 0;
  float limit = 7.0f, alpha = 1.702f;
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory
};

}  // namespace mxpath
