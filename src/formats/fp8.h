// FP8 after OCP 8-bit Floating Point v1.0: E4M3FN (1-4-3, bias 7, largest 448, no infinity) and E5M2 (1-5-2, bias 15,
// largest 57344).
#pragma once
#include "formats/small_float.h"

namespace mxpath {

inline constexpr float largest_e4m3 = 448, largest_e5m2 = 57344;

/// Exact; 0x7F and 0xFF are NaN.
constexpr float decode_e4m3(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80) << 24, magnitude = code & 0x7f;
  if (magnitude == 0x7f) return std::bit_cast<float>(sign | 0x7fc00000);
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(small_float_value<3, 7>(magnitude)));
}

/// Round to nearest even. What is too large (above 464, and infinity) becomes ±448 when `saturate`, else NaN. NaN stays
/// NaN.
constexpr uint8_t encode_e4m3(float x, bool saturate = true) {
  const uint32_t u = std::bit_cast<uint32_t>(x), magnitude = u & 0x7fffffff, sign = (u >> 24) & 0x80;
  if (magnitude > float_infinity) return static_cast<uint8_t>(sign | 0x7f);
  const uint32_t code = round_to_small_float<3, 7>(magnitude);
  return static_cast<uint8_t>(sign | (code <= 0x7e ? code : saturate ? 0x7e : 0x7f));
}

/// Exact; 0x7C is infinity, 0x7D to 0x7F are NaN.
constexpr float decode_e5m2(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80) << 24, magnitude = code & 0x7f;
  if (magnitude > 0x7c) return std::bit_cast<float>(sign | 0x7fc00000);
  if (magnitude == 0x7c) return std::bit_cast<float>(sign | float_infinity);
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(small_float_value<2, 15>(magnitude)));
}

/// Round to nearest even. What is too large (61440 and above, and infinity) becomes ±57344 when `saturate`, else
/// infinity.
constexpr uint8_t encode_e5m2(float x, bool saturate = true) {
  const uint32_t u = std::bit_cast<uint32_t>(x), magnitude = u & 0x7fffffff, sign = (u >> 24) & 0x80;
  if (magnitude > float_infinity) return static_cast<uint8_t>(sign | 0x7f);
  const uint32_t code = round_to_small_float<2, 15>(magnitude);
  return static_cast<uint8_t>(sign | (code <= 0x7b ? code : saturate ? 0x7b : 0x7c));
}

}  // namespace mxpath
