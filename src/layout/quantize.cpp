// Loops without branches and calls, which compilers turn into vectors; what they cannot do (a NaN, an infinity) goes
// the scalar way.
#include "layout/quantize.h"

#include <algorithm>

#include "formats/fp8_row.h"
#include "formats/int4.h"
#include "formats/int8.h"
#include "formats/nf4.h"
#include "formats/small_float.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

/// Bits of the largest magnitude; float_infinity or more if one is no number.
uint32_t largest_bits(const float* values, int64_t count) {
  int32_t largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, load_as<int32_t>(values + i) & 0x7fffffff);
  return static_cast<uint32_t>(largest);
}

/// Added to |x| < 2^22 it leaves x, rounded to nearest even, in the low bits of the sum.
constexpr float round_to_integer = 0x1.8p23f;

/// round(x / scale) within ±limit, in the low bits.
uint32_t rounded_quotient(float x, float scale, float limit) {
  const float quotient = x / scale, low = quotient < -limit ? -limit : quotient, within = low > limit ? limit : low;
  return std::bit_cast<uint32_t>(within + round_to_integer);
}

/// The code of a float8 without its sign, saturating, for the bits of a finite magnitude.
template <int mantissa, int bias, uint32_t largest_code>
uint32_t float8_magnitude(uint32_t bits) {
  constexpr int shift = 23 - mantissa;
  constexpr uint32_t smallest_normal = static_cast<uint32_t>(127 - bias + 1) << 23;
  // Its unit in the last place is the format's smallest subnormal.
  constexpr uint32_t subnormal_bits = static_cast<uint32_t>(127 + shift - bias + 1) << 23;
  const uint32_t normal = ((bits + (1u << (shift - 1)) - 1 + (bits >> shift & 1)) >> shift) -
                          (static_cast<uint32_t>(127 - bias) << mantissa);
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + std::bit_cast<float>(subnormal_bits)) - subnormal_bits;
  const uint32_t code = bits < smallest_normal ? subnormal : normal;
  return code < largest_code ? code : largest_code;
}

template <int mantissa, int bias, uint32_t largest_code>
void float8_row(const float* values, float scale, int64_t count, uint8_t* codes) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(values[i] / scale);
    codes[i] =
        static_cast<uint8_t>((bits >> 24 & 0x80) | float8_magnitude<mantissa, bias, largest_code>(bits & 0x7fffffff));
  }
}

}  // namespace

float quantize_int8(const float* values, int64_t count, int8_t* codes) {
  const uint32_t largest = largest_bits(values, count);
  float scale = int8_scale(std::bit_cast<float>(largest));
  if (largest >= float_infinity || scale == 0) {
    encode_int8_groups(values, static_cast<size_t>(count), static_cast<size_t>(count), codes, &scale);
    return scale;
  }
  for (int64_t i = 0; i < count; ++i) codes[i] = static_cast<int8_t>(rounded_quotient(values[i], scale, 127));
  return scale;
}

float quantize_e4m3(const float* values, int64_t count, uint8_t* codes) {
  const uint32_t largest = largest_bits(values, count);
  const float scale = e4m3_scale(std::bit_cast<float>(largest));
  if (largest >= float_infinity || scale == 0) return encode_e4m3_row(values, static_cast<size_t>(count), codes);
  float8_row<3, 7, 0x7e>(values, scale, count, codes);
  return scale;
}

float quantize_e5m2(const float* values, int64_t count, uint8_t* codes) {
  const uint32_t largest = largest_bits(values, count);
  const float scale = e5m2_scale(std::bit_cast<float>(largest));
  if (largest >= float_infinity || scale == 0) return encode_e5m2_row(values, static_cast<size_t>(count), codes);
  float8_row<2, 15, 0x7b>(values, scale, count, codes);
  return scale;
}

float quantize_int4(const float* values, int64_t count, uint8_t* codes) {
  const uint32_t largest = largest_bits(values, count);
  float scale = int4_scale(std::bit_cast<float>(largest));
  if (largest >= float_infinity || scale == 0) {
    encode_int4_groups(values, static_cast<size_t>(count), static_cast<size_t>(count), codes, &scale);
    return scale;
  }
  uint8_t stored[64];
  for (int64_t i = 0; i < count; ++i) stored[i] = static_cast<uint8_t>(rounded_quotient(values[i], scale, 7) + 8);
  for (int64_t b = 0; b < count / 2; ++b)
    codes[b] = static_cast<uint8_t>((stored[2 * b] & 15) | stored[2 * b + 1] << 4);
  return scale;
}

float quantize_nf4(const float* values, int64_t count, uint8_t* codes) {
  const uint32_t largest = largest_bits(values, count);
  float absmax = std::bit_cast<float>(largest);
  if (largest >= float_infinity || absmax == 0) {
    encode_nf4_blocks(values, static_cast<size_t>(count), codes, &absmax, static_cast<size_t>(count));
    return absmax;
  }
  uint8_t code[64];
  for (int64_t i = 0; i < count; ++i) code[i] = encode_nf4(values[i] / absmax);
  for (int64_t b = 0; b < count / 2; ++b) codes[b] = static_cast<uint8_t>(code[2 * b] << 4 | code[2 * b + 1]);
  return absmax;
}

}  // namespace mxpath
