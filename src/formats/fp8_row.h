// FP8 with one float32 scale per row, so that rows of small weights use the whole range of the format.
#pragma once
#include <cstddef>
#include <cstdint>

#include "formats/fp8.h"

namespace mxpath {

/// amax / 448 and amax / 57344: the scale of a row whose largest magnitude is amax.
constexpr float e4m3_scale(float amax) { return amax / largest_e4m3; }
constexpr float e5m2_scale(float amax) { return amax / largest_e5m2; }

/// values[count] → codes[count]; returns the scale. Rounds x / scale to nearest even, saturating; scale 0 → codes 0. A
/// row with a NaN or an infinity gets scale NaN, so that it decodes to NaN and not to something plausible.
float encode_e4m3_row(const float* values, size_t count, uint8_t* codes);
float encode_e5m2_row(const float* values, size_t count, uint8_t* codes);

/// The inverse: out[i] = code i × scale.
void decode_e4m3_row(const uint8_t* codes, float scale, size_t count, float* out);
void decode_e5m2_row(const uint8_t* codes, float scale, size_t count, float* out);

}  // namespace mxpath
