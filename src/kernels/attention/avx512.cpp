// FP32 attention on AVX-512; keys and values are widened from BF16.
#include "kernels/simd/exp_avx512.h"
#include "kernels/simd/head_group.h"

namespace mxpath {
namespace {

struct Avx512 {
  using Vector = __m512;
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

  /// `count` values; the others are zero and not read.
  static Vector bf16(const uint16_t* from, int count) {
    const __m256i codes = _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << count) - 1), from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(codes), 16));
  }

  static Vector exp(Vector x) { return exp_avx512(x); }

  /// 16 rows, `count` (≤ 32) dimensions from d → columns to[dimension * chunk + row].
  static void transpose(const uint16_t* const* rows, int d, int count, float* to) {
    const __mmask16 pairs = static_cast<__mmask16>((1u << ((count + 1) / 2)) - 1);
    __m512i a[16], b[16];
    // head_dim is even, so a pair is never cut.
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) a[i] = _mm512_maskz_loadu_epi32(pairs, rows[i] + d);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i += 2)
      b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]), b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4)
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j)
        a[i + 2 * j] = _mm512_unpacklo_epi64(b[i + j], b[i + j + 2]),
                  a[i + 2 * j + 1] = _mm512_unpackhi_epi64(b[i + j], b[i + j + 2]);
        // a[4i + j]: of rows 4i … 4i + 3 the pairs j, j + 4, j + 8, j + 12.
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const __m512i low = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88), high = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd);
      const __m512i low2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88),
                    high2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd);
      b[j] = _mm512_shuffle_i32x4(low, low2, 0x88), b[j + 8] = _mm512_shuffle_i32x4(low, low2, 0xdd);
      b[j + 4] = _mm512_shuffle_i32x4(high, high2, 0x88), b[j + 12] = _mm512_shuffle_i32x4(high, high2, 0xdd);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      if (2 * i >= count) break;
      store(to + 2 * i * chunk, _mm512_castsi512_ps(_mm512_slli_epi32(b[i], 16)));
      store(to + (2 * i + 1) * chunk,
            _mm512_castsi512_ps(_mm512_and_si512(b[i], _mm512_set1_epi32(static_cast<int>(0xffff0000)))));
    }
  }
};

}  // namespace

void head_group_avx512(const HeadGroupJob& job, float* scratch) { head_group<Avx512>(job, scratch); }

}  // namespace mxpath
