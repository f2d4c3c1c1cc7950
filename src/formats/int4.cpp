#include "formats/int4.h"

#include <algorithm>
#include <cmath>

#include "formats/largest_magnitude.h"

namespace mxpath {

uint8_t encode_int4(float x, float scale) {
  if (!(scale > 0)) return 8;
  return static_cast<uint8_t>(8 + static_cast<int>(std::clamp(std::nearbyint(x / scale), -7.0f, 7.0f)));
}

void encode_int4_groups(const float* values, size_t count, size_t group, uint8_t* packed, float* scales) {
  for (size_t begin = 0; begin < count; begin += group)
    scales[begin / group] = int4_scale(largest_magnitude(values + begin, std::min(group, count - begin)));
  const auto stored = [&](size_t i) { return i < count ? encode_int4(values[i], scales[i / group]) : uint8_t{8}; };
  for (size_t i = 0; i < count; i += 2) packed[i / 2] = static_cast<uint8_t>(stored(i) | (stored(i + 1) << 4));
}

void decode_int4_groups(const uint8_t* packed, const float* scales, size_t count, size_t group, float* out) {
  for (size_t i = 0; i < count; ++i)
    out[i] = decode_int4(static_cast<uint8_t>(packed[i / 2] >> (i % 2 ? 4 : 0)), scales[i / group]);
}

}  // namespace mxpath
