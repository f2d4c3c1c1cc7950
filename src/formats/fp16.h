// FP16 (IEEE 754 binary16): 1-5-10, bias 15, largest 65504, smallest subnormal 2^-24.
#pragma once
#include "formats/small_float.h"

namespace mxpath {

/// Exact. A signalling NaN becomes quiet, as the F16C instructions do it.
constexpr float decode_fp16(uint16_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x8000) << 16, magnitude = code & 0x7fff;
  if (magnitude < 0x7c00)
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(small_float_value<10, 15>(magnitude)));
  const uint32_t quiet = magnitude > 0x7c00 ? 0x400000 : 0;
  return std::bit_cast<float>(sign | float_infinity | quiet | ((magnitude & 0x3ff) << 13));
}

/// Round to nearest even, subnormals included; 65520 and above become infinity. A NaN keeps sign and upper payload,
/// quiet.
constexpr uint16_t encode_fp16(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x), magnitude = u & 0x7fffffff, sign = (u >> 16) & 0x8000;
  if (magnitude > float_infinity) return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
  const uint32_t code = magnitude == float_infinity ? 0x7c00 : round_to_small_float<10, 15>(magnitude);
  return static_cast<uint16_t>(sign | (code < 0x7c00 ? code : 0x7c00));
}

/// x as FP16 holds it.
constexpr float round_fp16(float x) { return decode_fp16(encode_fp16(x)); }

}  // namespace mxpath
