// The rounding that all floats of 16 bits and less share.
#pragma once
#include <bit>
#include <cstdint>

namespace mxpath {

inline constexpr uint32_t float_sign = 0x80000000, float_infinity = 0x7f800000;

/// Rounds |x|, given as the bits of a finite float32 without its sign, to nearest even in a format with `mantissa` bits
/// and exponent bias `bias` (< 127), as if its exponent had no upper end. The caller looks at codes above its largest
/// one.
template <int mantissa, int bias>
constexpr uint32_t round_to_small_float(uint32_t magnitude) {
  const int exponent = static_cast<int>(magnitude >> 23) - 127 + bias;
  if (exponent <= -mantissa - 1) return 0;  // less than half of the smallest subnormal; float32 subnormals too
  const int shift = 23 - mantissa + (exponent <= 0 ? 1 - exponent : 0);
  const uint32_t significand = (magnitude & 0x7fffff) | 0x800000;
  const uint32_t half = (1u << (shift - 1)) - 1 + ((significand >> shift) & 1);
  const uint32_t rounded = (significand + half) >> shift;
  // The leading 1 of a normal value counts as one exponent step, and a carry out of the mantissa as another.
  return exponent <= 0 ? rounded : rounded + (static_cast<uint32_t>(exponent - 1) << mantissa);
}

/// The value of a code without its sign, whatever special meaning the top codes of the format have.
template <int mantissa, int bias>
constexpr float small_float_value(uint32_t magnitude) {
  const uint32_t exponent = magnitude >> mantissa, fraction = magnitude & ((1u << mantissa) - 1);
  if (exponent != 0) return std::bit_cast<float>(((exponent + 127 - bias) << 23) | (fraction << (23 - mantissa)));
  return static_cast<float>(fraction) * std::bit_cast<float>(static_cast<uint32_t>(127 + 1 - bias - mantissa) << 23);
}

}  // namespace mxpath
