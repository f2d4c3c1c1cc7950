// E2M1, the element of MXFP4: 1-2-1, bias 1; neither infinity nor NaN.
#pragma once
#include "formats/small_float.h"

namespace mxpath {

/// Value by code; bit 3 is the sign, and code 8 is -0.
inline constexpr float e2m1_values[16] = {0.f,  .5f,  1.f,  1.5f,  2.f,  3.f,  4.f,  6.f,
                                          -0.f, -.5f, -1.f, -1.5f, -2.f, -3.f, -4.f, -6.f};
inline constexpr float largest_e2m1 = 6;

/// Exact; looks at the low four bits only.
constexpr float decode_e2m1(uint8_t code) { return e2m1_values[code & 15]; }

/// Round to nearest even, saturating: above 5 and infinity give ±6. The sign of zero is kept. NaN has no code and gives
/// +6, as the conversion instruction of sm_100 does; encoders of blocks deal with NaN before they get here.
constexpr uint8_t encode_e2m1(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x), magnitude = u & 0x7fffffff, sign = (u >> 28) & 8;
  if (magnitude > float_infinity) return 7;
  const uint32_t code = round_to_small_float<1, 1>(magnitude);
  return static_cast<uint8_t>(sign | (code < 7 ? code : 7));
}

}  // namespace mxpath
