#include "formats/nf4.h"

#include <algorithm>

#include "formats/largest_magnitude.h"

namespace mxpath {

void encode_nf4_blocks(const float* values, size_t count, uint8_t* packed, float* absmax, size_t block) {
  for (size_t begin = 0; begin < count; begin += block)
    absmax[begin / block] = largest_magnitude(values + begin, std::min(block, count - begin));
  const auto code = [&](size_t i) {
    if (i >= count || !(absmax[i / block] > 0)) return uint8_t{7};
    return encode_nf4(values[i] / absmax[i / block]);
  };
  for (size_t i = 0; i < count; i += 2) packed[i / 2] = static_cast<uint8_t>((code(i) << 4) | code(i + 1));
}

void decode_nf4_blocks(const uint8_t* packed, const float* absmax, size_t count, float* out, size_t block) {
  for (size_t i = 0; i < count; ++i)
    out[i] = decode_nf4(static_cast<uint8_t>(packed[i / 2] >> (i % 2 ? 0 : 4))) * absmax[i / block];
}

void decode_nested_absmax(const uint8_t* codes, size_t count, const float* map, const float* nested_absmax,
                          float offset, float* absmax) {
  for (size_t i = 0; i < count; ++i) absmax[i] = map[codes[i]] * nested_absmax[i / 256] + offset;
}

}  // namespace mxpath
