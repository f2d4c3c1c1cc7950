// Token ids to rows of the embedding matrix.
#pragma once
#include <cstdint>

#include "device/device.h"
#include "layout/packed_matrix.h"

namespace mxpath {

/// y[t] = table[tokens[t]]; ids are checked by the caller.
struct EmbedArgs {
  const PackedMatrix* table = nullptr;  // [V, H]
  const int32_t* tokens = nullptr;
  int count = 0;
  float* y = nullptr;        // [count, H] contiguous
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory
};

}  // namespace mxpath
