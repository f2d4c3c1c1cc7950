// How a token is chosen among the likely ones.
#pragma once
#include <cstdint>

#include "base/result.h"

namespace mxpath {

struct SamplingOptions {
  float temperature = 1, top_p = 1, min_p = 0;  ///< temperature 0: greedy
  int top_k = 0;                                ///< 0: all
  /// Of tokens that the answer holds already: kernels/sample/sample.h says how they work. 1, 0 and 0: none.
  float repetition_penalty = 1, presence_penalty = 0, frequency_penalty = 0;
  uint64_t seed = 0;
};
/// Errors (wrong use): a value out of its range, with the range.
Status check_sampling(const SamplingOptions& options);

}  // namespace mxpath
