// Weights as device code reads them: any value of any layout (weight_at), and plain rows in whole 32-bit words (WordFormat, decode_word).
// The functions run on the host too: weights_test.cu compares them there with src/layout.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "plan/layout_kind.h"

namespace mxpath {

/// A PackedMatrix without its functions: a kernel parameter.
struct WeightView {
  Layout layout = Layout::none;
  int64_t experts = 1, rows = 0, columns = 0;
  const uint8_t* data = nullptr;
  const uint8_t* scales = nullptr;
};
template <class Matrix>
WeightView view_of(const Matrix& matrix) {
  return {matrix.layout, matrix.experts, matrix.rows, matrix.columns, matrix.data, matrix.scales};
}

/// What a kernel is compiled for. `any` reads value by value through weight_at; the others read plain rows in words, and every row starts
/// on 16 bytes.
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

/// The format whose kernels may read this matrix: its own if the rows are plain and all start on 16 bytes, else `any`.
inline WordFormat readable_format(const WeightView& w) {
  WordFormat format = WordFormat::any;
  switch (w.layout) {
    case Layout::fp32_rows: format = WordFormat::fp32; break;
    case Layout::bf16_rows: format = WordFormat::bf16; break;
    case Layout::fp16_rows: format = WordFormat::fp16; break;
    case Layout::mxfp4_rows: format = WordFormat::mxfp4; break;
    case Layout::fp8_e4m3_rows: format = WordFormat::e4m3; break;
    case Layout::fp8_e5m2_rows: format = WordFormat::e5m2; break;
    case Layout::int8_rows: format = WordFormat::int8; break;
    case Layout::int4_g32_rows:
    case Layout::int4_g64_rows: format = WordFormat::int4; break;
    case Layout::nf4_g32_rows:
    case Layout::nf4_g64_rows: format = WordFormat::nf4; break;
    default: break;
  }
  const bool aligned = reinterpret_cast<uintptr_t>(w.data) % 16 == 0 && w.columns * bits_of(format) % 128 == 0;
  return aligned ? format : WordFormat::any;
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

/// PRMT: byte i of the result is the byte of {a, b} that nibble i of the selector names; bit 3 of it asks for that byte's sign, eight
/// times.
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
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(low), "=f"(high) : "r"(pair));
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
__host__ __device__ inline float decode_scale_byte(uint32_t byte) { return float_of_bits(byte == 0 ? 0x00400000u : byte << 23); }

/// The 16 values of NF4 (src/formats/nf4.h), for a table in shared memory: any lanes may look at any of 16 banks at once.
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

/// E2M1, the even columns in the low nibbles. The magnitudes as FP16 have one byte each that is not zero: a byte permutation looks four of
/// them up.
__host__ __device__ inline void decode_e2m1_word(uint32_t word, float (&out)[8]) {
  const uint32_t magnitudes = word & 0x77777777u;
  const uint32_t low = permute_bytes(0x3e3c3800u, 0x46444240u, magnitudes),
                 high = permute_bytes(0x3e3c3800u, 0x46444240u, magnitudes >> 16);
  // Signs of odd columns are on top of their bytes in the word already, those of even columns half a byte below.
  const uint32_t even = permute_bytes(low, high, 0x6420) | (word << 4 & 0x80808080u),
                 odd = permute_bytes(low, high, 0x7531) | (word & 0x80808080u);
  decode_fp16_pair(permute_bytes(even, 0, 0x1404), out[0], out[2]), decode_fp16_pair(permute_bytes(even, 0, 0x3424), out[4], out[6]);
  decode_fp16_pair(permute_bytes(odd, 0, 0x1404), out[1], out[3]), decode_fp16_pair(permute_bytes(odd, 0, 0x3424), out[5], out[7]);
}

/// Nibbles 0…15 minus 8. A nibble in the mantissa of 2^23 is a number already: one fused multiply-add, exact, moves it into place.
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
__host__ __device__ inline void decode_word(uint32_t word, [[maybe_unused]] const float* nf4_table, float (&out)[columns_of_word(format)]) {
  if constexpr (format == WordFormat::fp32) {
    out[0] = float_of_bits(word);
  } else if constexpr (format == WordFormat::bf16) {
    out[0] = float_of_bits(word << 16), out[1] = float_of_bits(word & 0xffff0000u);
  } else if constexpr (format == WordFormat::fp16) {
    decode_fp16_pair(word, out[0], out[1]);
  } else if constexpr (format == WordFormat::mxfp4) {
    decode_e2m1_word(word, out);
  } else if constexpr (format == WordFormat::e5m2) {  // the upper byte of an FP16
    decode_fp16_pair(permute_bytes(word, 0, 0x1404), out[0], out[1]), decode_fp16_pair(permute_bytes(word, 0, 0x3424), out[2], out[3]);
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
  const int blocks = static_cast<int>(w.columns / 32), wide = w.layout == Layout::int4_g64_rows || w.layout == Layout::nf4_g64_rows;
  return format == WordFormat::mxfp4 ? blocks : bits_of(format) == 4 ? blocks * 4 >> wide : 4;
}
template <WordFormat format>
__host__ __device__ inline WeightRow row_of(const WeightView& w, int64_t expert, int64_t row) {
  const int64_t at = expert * w.rows + row;
  return {w.data + at * (w.columns * bits_of(format) / 8), has_scales(format) ? w.scales + at * scale_row_bytes<format>(w) : nullptr};
}
/// log2 of the columns under one scale; 62 where a row has one scale.
__host__ __device__ inline int scale_shift(Layout layout) {
  switch (layout) {
    case Layout::mxfp4_rows:
    case Layout::int4_g32_rows:
    case Layout::nf4_g32_rows: return 5;
    case Layout::int4_g64_rows:
    case Layout::nf4_g64_rows: return 6;
    default: return 62;
  }
}
/// The stored scale of the word that starts at `column`: a byte or the bits of a float. Kernels load it early and decode it when they use
/// it, because an instruction that waits for a load holds up those behind it. shift = scale_shift.
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

/// Weight [expert][row][column] of any layout but none and any, as src/layout decodes it.
__host__ __device__ inline float weight_at(const WeightView& w, int64_t expert, int64_t row, int64_t column) {
  const int64_t at = expert * w.rows + row, i = at * w.columns + column, padded_rows = (w.rows + 15) / 16 * 16, lane = row % 16;
  const float* scales = reinterpret_cast<const float*>(w.scales);
  switch (w.layout) {
    case Layout::none:
    case Layout::any: break;
    case Layout::fp32_rows: return code_at<WordFormat::fp32>(w.data, i);
    case Layout::bf16_rows: return code_at<WordFormat::bf16>(w.data, i);
    case Layout::fp16_rows: return code_at<WordFormat::fp16>(w.data, i);
    case Layout::mxfp4_rows:
      return code_at<WordFormat::mxfp4>(w.data, i) * decode_scale_byte(w.scales[at * (w.columns / 32) + column / 32]);
    case Layout::fp8_e4m3_rows: return code_at<WordFormat::e4m3>(w.data, i) * scales[at];
    case Layout::fp8_e5m2_rows: return code_at<WordFormat::e5m2>(w.data, i) * scales[at];
    case Layout::int8_rows: return code_at<WordFormat::int8>(w.data, i) * scales[at];
    case Layout::int4_g32_rows: return code_at<WordFormat::int4>(w.data, i) * scales[i / 32];
    case Layout::int4_g64_rows: return code_at<WordFormat::int4>(w.data, i) * scales[i / 64];
    case Layout::nf4_g32_rows: return code_at<WordFormat::nf4>(w.data, i) * scales[i / 32];
    case Layout::nf4_g64_rows: return code_at<WordFormat::nf4>(w.data, i) * scales[i / 64];
    case Layout::bf16_rows16: {
      const int64_t group = (expert * padded_rows + row) / 16, pairs = (w.columns + 1) / 2;
      return code_at<WordFormat::bf16>(w.data, (group * pairs + column / 2) * 32 + lane * 2 + column % 2);
    }
    case Layout::int8_rows16: {
      const int64_t padded = expert * padded_rows + row, quads = (w.columns + 3) / 4;
      return code_at<WordFormat::int8>(w.data, (padded / 16 * quads + column / 4) * 64 + lane * 4 + column % 4) * scales[padded];
    }
    case Layout::mxfp4_rows16: {
      const int64_t block = (expert * padded_rows + row) / 16 * (w.columns / 32) + column / 32;
      const int64_t in_line = column % 8, nibble = in_line / 2 + in_line % 2 * 4;
      return code_at<WordFormat::mxfp4>(w.data, (block * 4 + column % 32 / 8) * 128 + lane * 8 + nibble) *
             decode_scale_byte(w.scales[block * 16 + lane]);
    }
  }
  return 0;
}

}  // namespace mxpath
