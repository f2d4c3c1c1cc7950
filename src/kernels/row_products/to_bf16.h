// Activations as BF16.
#pragma once
#include <cstdint>

#include "base/thread_pool.h"

namespace mxpath {

/// x [tokens, columns], rows x_stride floats apart → out [tokens, bf16_stride(columns)], round to nearest even, padded
/// with zeros.
void to_bf16(const float* x, int64_t x_stride, int64_t tokens, int64_t columns, uint16_t* out, ThreadPool& threads);

}  // namespace mxpath
