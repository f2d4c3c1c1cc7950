// INT4, symmetric with offset 8 (the "uint4b8" of Marlin and GPTQ sym): value = (stored - 8) × scale, one float32 scale
// per group.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mxpath {

/// amax / 7: the scale of a group whose largest magnitude is amax; -8 is decoded but never written.
constexpr float int4_scale(float amax) { return amax / 7.0f; }

/// round(x / scale) + 8, ties to even, within 1…15. scale 0 or NaN → 8, which is zero.
uint8_t encode_int4(float x, float scale);
/// stored 0…15 → -8…7 times scale; looks at the low four bits only.
constexpr float decode_int4(uint8_t stored, float scale) { return static_cast<float>((stored & 15) - 8) * scale; }

/// values[count] → packed[ceil(count / 2)] (element 2b in the low nibble of byte b, 2b+1 in the high one; an odd end is
/// padded with zero), scales[ceil(count / group)]. A group with a NaN or an infinity gets scale NaN.
void encode_int4_groups(const float* values, size_t count, size_t group, uint8_t* packed, float* scales);

/// The inverse: out[i] = (nibble i - 8) × scales[i / group].
void decode_int4_groups(const uint8_t* packed, const float* scales, size_t count, size_t group, float* out);

}  // namespace mxpath
