// E8M0, the block scale of the OCP MX formats: a power of two, and the rules that choose it.
#pragma once
#include "formats/small_float.h"

namespace mxpath {

inline constexpr uint8_t e8m0_nan = 255;

/// 2^(byte-127), exact: byte 0 is 2^-127, a subnormal float. Byte 255 is NaN.
constexpr float decode_e8m0(uint8_t byte) {
  if (byte == e8m0_nan) return std::bit_cast<float>(0x7fc00000u);
  return std::bit_cast<float>(byte == 0 ? 0x00400000u : static_cast<uint32_t>(byte) << 23);
}

/// The smallest scale that is not below x (`cvt.rp.satfinite.ue8m0x2.f32`): 2^127 for all above it and infinity, 2^-127
/// for zero and what is negative, 255 for NaN. Exact for every power of two in range.
constexpr uint8_t encode_e8m0(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  if ((u & 0x7fffffff) > float_infinity) return e8m0_nan;
  if (u >= float_sign || u <= 0x00400000u) return 0;
  const uint32_t byte = (u + 0x7fffff) >> 23;
  return static_cast<uint8_t>(byte < 254 ? byte : 254);
}

/// How the scale of a block follows from amax, its largest magnitude. `ocp` (OCP MX v1.0, ggml): 2^(floor(log2 amax) -
/// emax), so that the top of a block may saturate. `ceil` (triton_kernels): 2^ceil(log2(amax / largest element)), never
/// saturates. `nearest` (MLX): 2^round(log2(amax / largest element)), in between.
enum class ScaleRule : uint8_t { ocp, ceil, nearest };

/// The scale byte of a block. `largest` is the largest element value (6, 448 or 57344). amax 0 → byte 0; the exponent
/// is clamped to -127; amax NaN or infinite → 255. Computed exactly, so for amax below 2^-125 `ceil` can be one less
/// than what implementations find that divide in float32 first.
uint8_t block_scale(float amax, float largest, ScaleRule rule);

}  // namespace mxpath
