// MXFP8: blocks of 32 FP8 elements under one E8M0 scale; 8.25 bits per value.
#pragma once
#include <cstdint>

#include "formats/e8m0.h"
#include "formats/fp8.h"

namespace mxpath {

inline constexpr int mxfp8_block = 32;  ///< elements under one scale, one byte each

/// Which FP8 the elements are.
enum class Fp8 : uint8_t { e4m3, e5m2 };

/// codes[32] → out[32]: element × 2^(scale-127), exact in float32, subnormal results included; what is 2^128 or more
/// becomes infinity. Scale 255: all NaN.
void decode_mxfp8_block(const uint8_t* codes, uint8_t scale, float* out, Fp8 element);

/// values[32] → codes[32]; returns the scale byte. Elements round to nearest even and saturate. All zeros: byte 0 and
/// codes 0. A NaN or an infinity anywhere: byte 255 and codes 0. `ceil` is what NVIDIA's Transformer Engine and triton
/// use, `ocp` the MX standard's rule.
uint8_t encode_mxfp8_block(const float* values, uint8_t* codes, ScaleRule rule, Fp8 element);

}  // namespace mxpath
