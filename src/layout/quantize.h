// Rows of floats to codes: the same numbers as the scalar code of src/formats, but fast enough for whole layers.
#pragma once
#include <cstdint>

namespace mxpath {

/// encode_int8_groups with one group: values[count] → codes[count]; returns the scale.
float quantize_int8(const float* values, int64_t count, int8_t* codes);
/// encode_e4m3_row and encode_e5m2_row.
float quantize_e4m3(const float* values, int64_t count, uint8_t* codes);
float quantize_e5m2(const float* values, int64_t count, uint8_t* codes);
/// encode_int4_groups with one group of an even number of at most 64 values → codes[count / 2]; returns the scale.
float quantize_int4(const float* values, int64_t count, uint8_t* codes);
/// encode_nf4_blocks likewise; returns the absmax.
float quantize_nf4(const float* values, int64_t count, uint8_t* codes);

}  // namespace mxpath
