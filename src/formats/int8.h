// INT8, symmetric: value = code × scale, one float32 scale per group or per row.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mxpath {

/// amax / 127: the scale of a group whose largest magnitude is amax.
constexpr float int8_scale(float amax) { return amax / 127.0f; }

/// round(x / scale), ties to even, within ±127 (-128 is never written). scale 0 or NaN → 0.
int8_t encode_int8(float x, float scale);

/// values[count] → codes[count], scales[ceil(count / group)]; the last group may be short. group = row length: one
/// scale per row. A group with a NaN or an infinity gets scale NaN, so that it decodes to NaN and not to something
/// plausible.
void encode_int8_groups(const float* values, size_t count, size_t group, int8_t* codes, float* scales);

/// The inverse: out[i] = codes[i] × scales[i / group].
void decode_int8_groups(const int8_t* codes, const float* scales, size_t count, size_t group, float* out);

}  // namespace mxpath
