// The amax that all block formats start from.
#pragma once
#include <cmath>
#include <cstddef>
#include <limits>

namespace mxpath {

/// max |values[i]|; NaN if one of them is NaN or infinite, because no block format can hold those beside finite values.
inline float largest_magnitude(const float* values, size_t count) {
  float largest = 0;
  for (size_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(values[i]);
    if (!(magnitude <= std::numeric_limits<float>::max())) return std::numeric_limits<float>::quiet_NaN();
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

}  // namespace mxpath
