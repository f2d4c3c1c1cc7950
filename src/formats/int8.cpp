#include "formats/int8.h"

#include <algorithm>
#include <cmath>

#include "formats/largest_magnitude.h"

namespace mxpath {

int8_t encode_int8(float x, float scale) {
  if (!(scale > 0)) return 0;
  return static_cast<int8_t>(std::clamp(std::nearbyint(x / scale), -127.0f, 127.0f));
}

void encode_int8_groups(const float* values, size_t count, size_t group, int8_t* codes, float* scales) {
  for (size_t begin = 0; begin < count; begin += group) {
    const size_t end = std::min(begin + group, count);
    const float scale = int8_scale(largest_magnitude(values + begin, end - begin));
    scales[begin / group] = scale;
    for (size_t i = begin; i < end; ++i) codes[i] = encode_int8(values[i], scale);
  }
}

void decode_int8_groups(const int8_t* codes, const float* scales, size_t count, size_t group, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(codes[i]) * scales[i / group];
}

}  // namespace mxpath
