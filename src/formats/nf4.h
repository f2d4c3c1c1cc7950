// NF4 of bitsandbytes: 16 quantiles of a normal distribution times the absmax of 64 elements; 4.5 bits per value, 4.127
// nested.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mxpath {

inline constexpr size_t nf4_block = 64;  ///< elements under one absmax, as bitsandbytes has it

/// Value by code (Dettmers et al. 2023, "QLoRA", appendix E); these are exact float32 values.
inline constexpr float nf4_values[16] = {-1.0f,
                                         -0.6961928009986877f,
                                         -0.5250730514526367f,
                                         -0.39491748809814453f,
                                         -0.28444138169288635f,
                                         -0.18477343022823334f,
                                         -0.09105003625154495f,
                                         0.0f,
                                         0.07958029955625534f,
                                         0.16093020141124725f,
                                         0.24611230194568634f,
                                         0.33791524171829224f,
                                         0.44070982933044434f,
                                         0.5626170039176941f,
                                         0.7229568362236023f,
                                         1.0f};

/// Code n + 1 is chosen over n for values strictly greater than threshold n. The literals are those of bitsandbytes:
/// four midpoints lie between two floats, and the decimal decides which.
inline constexpr float nf4_thresholds[15] = {
    -0.8480964004993439f,  -0.6106329262256622f,   -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f,
    -0.13791173323988914f, -0.045525018125772476f, 0.03979014977812767f, 0.1202552504837513f,   0.2035212516784668f,
    0.2920137718319893f,   0.3893125355243683f,    0.5016634166240692f,  0.6427869200706482f,   0.8614784181118011f};

constexpr float decode_nf4(uint8_t code) { return nf4_values[code & 15]; }

/// The code of x, which has been divided by the absmax of its block; NaN → 0.
constexpr uint8_t encode_nf4(float x) {
  uint8_t code = 0;
  for (float threshold : nf4_thresholds) code = static_cast<uint8_t>(code + (x > threshold));
  return code;
}

/// values[count] → packed[ceil(count / 2)], absmax[ceil(count / block)]. The FIRST element of a pair lies in the HIGH
/// nibble; an odd end is padded with zero (code 7). A block of zeros has absmax 0 and codes 7; one with a NaN or an
/// infinity has absmax NaN.
void encode_nf4_blocks(const float* values, size_t count, uint8_t* packed, float* absmax, size_t block = nf4_block);

/// The inverse: out[i] = value of nibble i × absmax[i / block].
void decode_nf4_blocks(const uint8_t* packed, const float* absmax, size_t count, float* out, size_t block = nf4_block);

/// Undoes double quantisation: absmax[i] = map[codes[i]] × nested_absmax[i / 256] + offset, with map =
/// nested_quant_map[256].
void decode_nested_absmax(const uint8_t* codes, size_t count, const float* map, const float* nested_absmax,
                          float offset, float* absmax);

}  // namespace mxpath
