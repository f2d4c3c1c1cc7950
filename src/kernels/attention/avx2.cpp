// FP32 attention on AVX2; keys and values are widened from BF16.
#include "kernels/simd/exp_avx2.h"
#include "kernels/simd/head_group.h"

namespace mxpath {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr int lanes = 8, heads = 4;

  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector set(float x) { return _mm256_set1_ps(x); }
  static Vector load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Vector v) { _mm256_storeu_ps(to, v); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector add_product(Vector sum, Vector a, Vector b) { return _mm256_fmadd_ps(a, b, sum); }
  static Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static float largest(Vector v) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)),
                 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
  static float sum(Vector v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)),
                 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static float first(Vector v) { return _mm256_cvtss_f32(v); }

  /// `count` values; the others are zero and not read.
  static Vector bf16(const uint16_t* from, int count) {
    __m128i codes;
    if (count == 8) {
      codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    } else {
      alignas(16) uint16_t some[8] = {};
      for (int i = 0; i < count; ++i) some[i] = from[i];
      codes = _mm_load_si128(reinterpret_cast<const __m128i*>(some));
    }
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(codes), 16));
  }

  static Vector exp(Vector x) { return exp_avx2(x); }

  /// Up to eight pairs of dimensions of one row.
  static __m256i pairs_of(const uint16_t* from, int count) {
    if (count == 16) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    alignas(32) uint16_t some[16] = {};
    for (int i = 0; i < count; ++i) some[i] = from[i];
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(some));
  }

  /// 8 rows, `count` (≤ 16) dimensions from d → columns to[dimension * chunk + row].
  static void transpose(const uint16_t* const* rows, int d, int count, float* to) {
    __m256i a[8], b[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) a[i] = pairs_of(rows[i] + d, count);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2)
      b[i] = _mm256_unpacklo_epi32(a[i], a[i + 1]), b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 1]);
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4)
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j)
        a[i + 2 * j] = _mm256_unpacklo_epi64(b[i + j], b[i + j + 2]),
                  a[i + 2 * j + 1] = _mm256_unpackhi_epi64(b[i + j], b[i + j + 2]);
        // a[4i + j]: of rows 4i … 4i + 3 the pairs j and j + 4.
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j)
      b[j] = _mm256_permute2x128_si256(a[j], a[4 + j], 0x20),
      b[j + 4] = _mm256_permute2x128_si256(a[j], a[4 + j], 0x31);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      if (2 * i >= count) break;
      store(to + 2 * i * chunk, _mm256_castsi256_ps(_mm256_slli_epi32(b[i], 16)));
      store(to + (2 * i + 1) * chunk,
            _mm256_castsi256_ps(_mm256_and_si256(b[i], _mm256_set1_epi32(static_cast<int>(0xffff0000)))));
    }
  }
};

}  // namespace

void head_group_avx2(const HeadGroupJob& job, float* scratch) { head_group<Avx2>(job, scratch); }

}  // namespace mxpath
