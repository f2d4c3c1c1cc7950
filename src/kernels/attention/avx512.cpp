// FP32 attention on AVX-512; keys and values are widened from whatever they are held in.
#include "kernels/simd/exp_avx512.h"
#include "kernels/simd/head_group.h"

namespace mxpath {
namespace {

struct Avx512 {
  using Vector = __m512;
  using Words = __m512i;
  static constexpr int lanes = 16, heads = 8;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector set(float x) { return _mm512_set1_ps(x); }
  static Vector load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Vector v) { _mm512_storeu_ps(to, v); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector add_product(Vector sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }
  static Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static float largest(Vector v) { return _mm512_reduce_max_ps(v); }
  static float sum(Vector v) { return _mm512_reduce_add_ps(v); }
  static float first(Vector v) { return _mm512_cvtss_f32(v); }

  static __mmask16 first_lanes(int count) { return static_cast<__mmask16>((1u << count) - 1); }
  /// `count` values; the others are zero and not read.
  static Vector bf16(const uint16_t* from, int count) {
    const __m256i codes = _mm256_maskz_loadu_epi16(first_lanes(count), from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(codes), 16));
  }
  static Vector fp16(const uint16_t* from, int count) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(count), from));
  }
  static Vector fp32(const float* from, int count) { return _mm512_maskz_loadu_ps(first_lanes(count), from); }
  static Vector int8(const uint8_t* from, int count) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(first_lanes(count), from)));
  }
  static Vector e4m3(const uint8_t* from, int count) {
    const __m512i codes = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_lanes(count), from)),
                  magnitude = _mm512_and_si512(codes, _mm512_set1_epi32(0x7f));
    // The exponent is 120 too small as a float's; the product is exact, of subnormals too.
    const __m512 value = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_slli_epi32(magnitude, 20)), _mm512_set1_ps(0x1p120f));
    const __m512i sign = _mm512_slli_epi32(_mm512_and_si512(codes, _mm512_set1_epi32(0x80)), 24),
                  bits = _mm512_or_si512(_mm512_castps_si512(value), sign);
    const __mmask16 none = _mm512_cmpeq_epi32_mask(magnitude, _mm512_set1_epi32(0x7f));
    return _mm512_castsi512_ps(_mm512_mask_mov_epi32(bits, none, _mm512_set1_epi32(0x7fc00000)));
  }

  static Vector exp(Vector x) { return exp_avx512(x); }

  static Vector low_bf16(Words pair) { return _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16)); }
  static Vector high_bf16(Words pair) {
    return _mm512_castsi512_ps(_mm512_and_si512(pair, _mm512_set1_epi32(static_cast<int>(0xffff0000))));
  }
  static Vector low_fp16(Words pair) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(pair)); }
  static Vector high_fp16(Words pair) { return low_fp16(_mm512_srli_epi32(pair, 16)); }
  static Vector words_as_floats(Words words) { return _mm512_castsi512_ps(words); }

  /// 16 rows of `count` (≤ 16) words → column[word] with a lane for each row.
  static void transpose(const uint8_t* rows, int64_t stride, int count, Words* column) {
    const __mmask16 there = first_lanes(count);
    __m512i a[16];
    __m512i* b = column;
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) a[i] = _mm512_maskz_loadu_epi32(there, rows + i * stride);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i += 2)
      b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]), b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4)
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j)
        a[i + 2 * j] = _mm512_unpacklo_epi64(b[i + j], b[i + j + 2]),
                  a[i + 2 * j + 1] = _mm512_unpackhi_epi64(b[i + j], b[i + j + 2]);
        // a[4i + j]: of rows 4i … 4i + 3 the words j, j + 4, j + 8, j + 12.
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const __m512i low = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88), high = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd);
      const __m512i low2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88),
                    high2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd);
      b[j] = _mm512_shuffle_i32x4(low, low2, 0x88), b[j + 8] = _mm512_shuffle_i32x4(low, low2, 0xdd);
      b[j + 4] = _mm512_shuffle_i32x4(high, high2, 0x88), b[j + 12] = _mm512_shuffle_i32x4(high, high2, 0xdd);
    }
  }
};

}  // namespace

void head_group_avx512(const HeadGroupJob& job, float* scratch) { head_group<Avx512>(job, scratch); }

}  // namespace mxpath
