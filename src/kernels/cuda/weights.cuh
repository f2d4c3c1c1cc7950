// Weights as device code reads them: any value of any layout (weight_at), and plain rows in whole 32-bit words
// (WordFormat, decode_word). The functions run on the host too: weights_test.cu compares them there with src/layout.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "plan/layout_table.h"

namespace mxpath {

/// What a kernel is compiled for. `any` reads value by value through weight_at; the others read plain rows in words,
/// and every row starts on 16 bytes.
enum class WordFormat : uint8_t { any, fp32, bf16, fp16, mxfp4, e4m3, e5m2, int8, int4, nf4 };

__host__ __device__ constexpr int bits_of(WordFormat format) {
  switch (format) {
    case WordFormat::bf16:
    case WordFormat::fp16: return 16;
    case WordFormat::e4m3:
    case WordFormat::e5m2:
    case WordFormat::int8: return 8;
    case WordFormat::mxfp4:
    case WordFormat::int4:
    case WordFormat::nf4: return 4;
    default: return 32;
  }
}
__host__ __device__ constexpr bool has_scales(WordFormat format) { return bits_of(format) <= 8; }
/// Columns of one 32-bit word of a row.
__host__ __device__ constexpr int columns_of_word(WordFormat format) { return 32 / bits_of(format); }

inline WordFormat word_format(NumberFormat format) {
  switch (format) {
    case NumberFormat::fp32: return WordFormat::fp32;
    case NumberFormat::bf16: return WordFormat::bf16;
    case NumberFormat::fp16: return WordFormat::fp16;
    case NumberFormat::mxfp4: return WordFormat::mxfp4;
    case NumberFormat::fp8_e4m3: return WordFormat::e4m3;
    case NumberFormat::fp8_e5m2: return WordFormat::e5m2;
    case NumberFormat::int8: return WordFormat::int8;
    case NumberFormat::int4: return WordFormat::int4;
    case NumberFormat::nf4: return WordFormat::nf4;
    default: return WordFormat::any;
  }
}

/// A PackedMatrix without its functions: a kernel parameter. It brings the map of its layout, so that device code knows
/// no layout by name.
struct WeightView {
  WordFormat format = WordFormat::any;  ///< of its codes
  int64_t experts = 1, rows = 0, columns = 0;
  const uint8_t* data = nullptr;
  const uint8_t* scales = nullptr;
  AddressMap map = {};
};
template <class Matrix>
WeightView view_of(const Matrix& matrix) {
  const LayoutRow& row = row_of(matrix.layout);
  return {word_format(row.format), matrix.experts, matrix.rows, matrix.columns, matrix.data, matrix.scales, row.map};
}

/// The format whose kernels may read this matrix: its own if the rows are plain and all start on 16 bytes, else `any`.
inline WordFormat readable_format(const WeightView& w) {
  const bool aligned = reinterpret_cast<uintptr_t>(w.data) % 16 == 0 && w.columns * bits_of(w.format) % 128 == 0;
  return aligned && w.map.is_plain() ? w.format : WordFormat::any;
}

// ---- numbers
// --------------------------------------------------------------------------------------------------------------------------------

__host__ __device__ inline float float_of_bits(uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

/// PRMT: byte i of the result is the byte of {a, b} that nibble i of the selector names; bit 3 of it asks for that
/// byte's sign, eight times.
__host__ __device__ inline uint32_t permute_bytes(uint32_t a, uint32_t b, uint32_t selector) {
#ifdef __CUDA_ARCH__
  uint32_t result;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(selector));
  return result;
#else
  const uint64_t bytes = uint64_t{b} << 32 | a;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint32_t name = selector >> (4 * i) & 15, byte = static_cast<uint32_t>(bytes >> (8 * (name & 7)) & 0xff);
    result |= (name & 8 ? (byte & 0x80 ? 0xffu : 0u) : byte) << (8 * i);
  }
  return result;
#endif
}

/// Both halves of a word of FP16, exact; neither is an infinity or a NaN.
__host__ __device__ inline void decode_fp16_pair(uint32_t pair, float& low, float& high) {
#ifdef __CUDA_ARCH__
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }"
      : "=f"(low), "=f"(high)
      : "r"(pair));
#else
  const auto one = [](uint32_t half) {
    const uint32_t magnitude = half & 0x7fff, sign = (half & 0x8000) << 16;
    // As a float with the exponent of a half every number is 2^112 too small, subnormal ones included.
    const float value = float_of_bits(magnitude << 13) * 0x1p112f;
    return sign ? -value : value;
  };
  low = one(pair & 0xffff), high = one(pair >> 16);
#endif
}

/// 2^(byte - 127); 255 never arrives.
__host__ __device__ inline float decode_scale_byte(uint32_t byte) {
  return float_of_bits(byte == 0 ? 0x00400000u : byte << 23);
}

/// The 16 values of NF4 (src/formats/nf4.h), for a table in shared memory: any lanes may look at any of 16 banks at
/// once.
inline constexpr int nf4_table_size = 16;
__host__ __device__ inline float nf4_value(int code) {
  const float magnitudes[16] = {-1.0f,
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
  return magnitudes[code];
}

// ---- words
// ----------------------------------------------------------------------------------------------------------------------------------

/// E2M1, the even columns in the low nibbles. The magnitudes as FP16 have one byte each that is not zero: a byte
/// permutation looks four of them up.
__host__ __device__ inline void decode_e2m1_word(uint32_t word, float (&out)[8]) {
  const uint32_t magnitudes = word & 0x77777777u;
  const uint32_t low = permute_bytes(0x3e3c3800u, 0x46444240u, magnitudes),
                 high = permute_bytes(0x3e3c3800u, 0x46444240u, magnitudes >> 16);
  // Signs of odd columns are on top of their bytes in the word already, those of even columns half a byte below.
  const uint32_t even = permute_bytes(low, high, 0x6420) | (word << 4 & 0x80808080u),
                 odd = permute_bytes(low, high, 0x7531) | (word & 0x80808080u);
  decode_fp16_pair(permute_bytes(even, 0, 0x1404), out[0], out[2]),
      decode_fp16_pair(permute_bytes(even, 0, 0x3424), out[4], out[6]);
  decode_fp16_pair(permute_bytes(odd, 0, 0x1404), out[1], out[3]),
      decode_fp16_pair(permute_bytes(odd, 0, 0x3424), out[5], out[7]);
}

/// Nibbles 0…15 minus 8. A nibble in the mantissa of 2^23 is a number already: one fused multiply-add, exact, moves it
/// into place.
__host__ __device__ inline void decode_int4_word(uint32_t word, float (&out)[8]) {
  const uint32_t halves[2] = {word, word >> 16};
  for (int i = 0; i < 8; ++i) {
    const uint32_t half = halves[i / 4];
    const int shift = 4 * (i % 4);
    const float step = 1.0f / static_cast<float>(1 << shift);
    const float x = float_of_bits(0x4b000000u | (half & 15u << shift)), offset = 8388608.0f * step + 8.0f;
    out[i] = x * step - offset;
  }
}

/// One word of a plain row as columns_of_word numbers, before their scale.
template <WordFormat format>
__host__ __device__ inline void decode_word(uint32_t word, [[maybe_unused]] const float* nf4_table,
                                            float (&out)[columns_of_word(format)]) {
  if constexpr (format == WordFormat::fp32) {
    out[0] = float_of_bits(word);
  } else if constexpr (format == WordFormat::bf16) {
    out[0] = float_of_bits(word << 16), out[1] = float_of_bits(word & 0xffff0000u);
  } else if constexpr (format == WordFormat::fp16) {
    decode_fp16_pair(word, out[0], out[1]);
  } else if constexpr (format == WordFormat::mxfp4) {
    decode_e2m1_word(word, out);
  } else if constexpr (format == WordFormat::e5m2) {  // the upper byte of an FP16
    decode_fp16_pair(permute_bytes(word, 0, 0x1404), out[0], out[1]),
        decode_fp16_pair(permute_bytes(word, 0, 0x3424), out[2], out[3]);
  } else if constexpr (format == WordFormat::e4m3) {
    // With the exponent one bit further right it is an FP16 that is 2^8 too small, subnormal ones included.
    for (int i = 0; i < 4; i += 2) {
      const uint32_t pair = permute_bytes(word, 0, i == 0 ? 0x1404 : 0x3424);
      decode_fp16_pair((pair & 0x80008000u) | (pair >> 1 & 0x3f803f80u), out[i], out[i + 1]);
      out[i] *= 256.0f, out[i + 1] *= 256.0f;
    }
  } else if constexpr (format == WordFormat::int8) {
    const uint32_t shifted = word ^ 0x80808080u;  // 0…255, then in the mantissa of 2^23
    for (int i = 0; i < 4; ++i)
      out[i] = float_of_bits(permute_bytes(shifted, 0x4b000000u, 0x7440u + static_cast<uint32_t>(i))) - 8388736.0f;
  } else if constexpr (format == WordFormat::int4) {
    decode_int4_word(word, out);
  } else if constexpr (format == WordFormat::nf4) {  // the first of a pair in the high nibble
    for (int i = 0; i < 8; ++i) out[i] = nf4_table[word >> (4 * (i ^ 1)) & 15];
  }
}

/// One row of a matrix in a format that is not `any`.
struct WeightRow {
  const uint8_t* codes;  // aligned to 16 bytes
  const uint8_t* scales;
};
/// Bytes from the scales of one row to those of the next.
template <WordFormat format>
__host__ __device__ inline int scale_row_bytes(const WeightView& w) {
  if constexpr (!has_scales(format)) return 0;
  const int groups = static_cast<int>(w.columns >> w.map.scale_shift);
  return format == WordFormat::mxfp4 ? groups : bits_of(format) == 4 ? groups * 4 : 4;
}
template <WordFormat format>
__host__ __device__ inline WeightRow row_of(const WeightView& w, int64_t expert, int64_t row) {
  const int64_t at = expert * w.rows + row;
  return {w.data + at * (w.columns * bits_of(format) / 8),
          has_scales(format) ? w.scales + at * scale_row_bytes<format>(w) : nullptr};
}
/// The stored scale of the word that starts at `column`: a byte or the bits of a float. Kernels load it early and
/// decode it when they use it, because an instruction that waits for a load holds up those behind it. shift:
/// AddressMap::scale_shift.
template <WordFormat format>
__host__ __device__ inline uint32_t stored_scale(const uint8_t* scales, int64_t column, int shift) {
  if constexpr (format == WordFormat::mxfp4) return scales[column >> 5];
  else if constexpr (bits_of(format) == 4) return reinterpret_cast<const uint32_t*>(scales)[column >> shift];
  else if constexpr (has_scales(format)) return *reinterpret_cast<const uint32_t*>(scales);
  else return 0x3f800000u;
}
template <WordFormat format>
__host__ __device__ inline float decode_scale(uint32_t stored) {
  return format == WordFormat::mxfp4 ? decode_scale_byte(stored) : float_of_bits(stored);
}
/// What the numbers of the word that starts at `column` are to be multiplied by.
template <WordFormat format>
__host__ __device__ inline float scale_at(const uint8_t* scales, int64_t column, int shift) {
  return decode_scale<format>(stored_scale<format>(scales, column, shift));
}

// ---- any layout
// -----------------------------------------------------------------------------------------------------------------------------

/// Value `i` of a run of codes in one format, before its scale.
template <WordFormat format>
__host__ __device__ inline float code_at(const uint8_t* codes, int64_t i) {
  if constexpr (format == WordFormat::fp32) return reinterpret_cast<const float*>(codes)[i];
  else if constexpr (format == WordFormat::nf4) return nf4_value(codes[i >> 1] >> (i & 1 ? 0 : 4) & 15);
  else {
    float out[columns_of_word(format)];
    uint32_t word;
    if constexpr (bits_of(format) == 16) word = reinterpret_cast<const uint16_t*>(codes)[i];
    else if constexpr (bits_of(format) == 8) word = codes[i];
    else word = codes[i >> 1] >> (4 * (i & 1)) & 15;
    decode_word<format>(word, nullptr, out);
    return out[0];
  }
}

__host__ __device__ inline float code_at(WordFormat format, const uint8_t* codes, int64_t i) {
  switch (format) {
    case WordFormat::any: break;
    case WordFormat::fp32: return code_at<WordFormat::fp32>(codes, i);
    case WordFormat::bf16: return code_at<WordFormat::bf16>(codes, i);
    case WordFormat::fp16: return code_at<WordFormat::fp16>(codes, i);
    case WordFormat::mxfp4: return code_at<WordFormat::mxfp4>(codes, i);
    case WordFormat::e4m3: return code_at<WordFormat::e4m3>(codes, i);
    case WordFormat::e5m2: return code_at<WordFormat::e5m2>(codes, i);
    case WordFormat::int8: return code_at<WordFormat::int8>(codes, i);
    case WordFormat::int4: return code_at<WordFormat::int4>(codes, i);
    case WordFormat::nf4: return code_at<WordFormat::nf4>(codes, i);
  }
  return 0;
}

/// Weight [expert][row][column] of any layout but none and any, where its map says.
__host__ __device__ inline float weight_at(const WeightView& w, int64_t expert, int64_t row, int64_t column) {
  const float value = code_at(w.format, w.data, w.map.code(w.rows, w.columns, expert, row, column));
  if (w.map.scale_bytes == 0) return value;
  const int64_t scale = w.map.scale(w.rows, w.columns, expert, row, column);
  return value * (w.map.scale_bytes == 1 ? decode_scale_byte(w.scales[scale])
                                         : reinterpret_cast<const float*>(w.scales)[scale]);
}

}  // namespace mxpath
