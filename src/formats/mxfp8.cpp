#include "formats/mxfp8.h"

#include <algorithm>
#include <cmath>

#include "formats/largest_magnitude.h"

namespace mxpath {

void decode_mxfp8_block(const uint8_t* codes, uint8_t scale, float* out, Fp8 element) {
  const float factor = decode_e8m0(scale);
  for (int i = 0; i < mxfp8_block; ++i)
    out[i] = (element == Fp8::e4m3 ? decode_e4m3(codes[i]) : decode_e5m2(codes[i])) * factor;
}

uint8_t encode_mxfp8_block(const float* values, uint8_t* codes, ScaleRule rule, Fp8 element) {
  std::fill_n(codes, mxfp8_block, uint8_t{0});
  const float amax = largest_magnitude(values, mxfp8_block);
  const uint8_t scale = block_scale(amax, element == Fp8::e4m3 ? largest_e4m3 : largest_e5m2, rule);
  if (scale == e8m0_nan || amax == 0) return scale;
  for (int i = 0; i < mxfp8_block; ++i) {
    const float x = static_cast<float>(std::ldexp(static_cast<double>(values[i]), 127 - scale));
    codes[i] = element == Fp8::e4m3 ? encode_e4m3(x) : encode_e5m2(x);
  }
  return scale;
}

}  // namespace mxpath
