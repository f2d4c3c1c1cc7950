// FP32 attention on AVX2; keys and values are widened from whatever they are held in.
#include "kernels/simd/exp_avx2.h"
#include "kernels/simd/head_group.h"

namespace mxpath {
namespace {

struct Avx2 {
  using Vector = __m256;
  using Words = __m256i;
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

  /// `count` (≤ 8) elements; the others are zero and not read.
  template <class T>
  static const T* some_of(const T* from, int count, T (&some)[8]) {
    if (count == 8) return from;
    for (int i = 0; i < 8; ++i) some[i] = i < count ? from[i] : T{};
    return some;
  }
  static __m128i words16(const uint16_t* from, int count) {
    uint16_t some[8];
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(some_of(from, count, some)));
  }
  static __m128i bytes(const uint8_t* from, int count) {
    uint8_t some[8];
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(some_of(from, count, some)));
  }
  static Vector bf16(const uint16_t* from, int count) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words16(from, count)), 16));
  }
  static Vector fp16(const uint16_t* from, int count) { return _mm256_cvtph_ps(words16(from, count)); }
  static Vector fp32(const float* from, int count) {
    float some[8];
    return load(some_of(from, count, some));
  }
  static Vector int8(const uint8_t* from, int count) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes(from, count)));
  }
  static Vector e4m3(const uint8_t* from, int count) {
    const __m256i codes = _mm256_cvtepu8_epi32(bytes(from, count)),
                  magnitude = _mm256_and_si256(codes, _mm256_set1_epi32(0x7f));
    // The exponent is 120 too small as a float's; the product is exact, of subnormals too.
    const __m256 value = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(magnitude, 20)), _mm256_set1_ps(0x1p120f));
    const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(codes, _mm256_set1_epi32(0x80)), 24),
                  none = _mm256_cmpeq_epi32(magnitude, _mm256_set1_epi32(0x7f));
    const __m256 bits = _mm256_or_ps(value, _mm256_castsi256_ps(sign));
    return _mm256_blendv_ps(bits, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000)), _mm256_castsi256_ps(none));
  }

  static Vector exp(Vector x) { return exp_avx2(x); }

  static Vector low_bf16(Words pair) { return _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16)); }
  static Vector high_bf16(Words pair) {
    return _mm256_castsi256_ps(_mm256_and_si256(pair, _mm256_set1_epi32(static_cast<int>(0xffff0000))));
  }
  static Vector low_fp16(Words pair) { return high_fp16(_mm256_slli_epi32(pair, 16)); }
  static Vector high_fp16(Words pair) {
    const __m256i halves = _mm256_srli_epi32(pair, 16), packed = _mm256_packus_epi32(halves, halves);
    return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
  }
  static Vector words_as_floats(Words words) { return _mm256_castsi256_ps(words); }

  static __m256i some_words(const uint8_t* from, int count) {
    if (count == 8) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_epi32(reinterpret_cast<const int*>(from),
                                 _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane));
  }

  /// 8 rows of `count` (≤ 8) words → column[word] with a lane for each row.
  static void transpose(const uint8_t* rows, int64_t stride, int count, Words* column) {
    __m256i a[8];
    __m256i* b = column;
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) a[i] = some_words(rows + i * stride, count);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2)
      b[i] = _mm256_unpacklo_epi32(a[i], a[i + 1]), b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 1]);
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4)
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j)
        a[i + 2 * j] = _mm256_unpacklo_epi64(b[i + j], b[i + j + 2]),
                  a[i + 2 * j + 1] = _mm256_unpackhi_epi64(b[i + j], b[i + j + 2]);
        // a[4i + j]: of rows 4i … 4i + 3 the words j and j + 4.
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j)
      b[j] = _mm256_permute2x128_si256(a[j], a[4 + j], 0x20),
      b[j + 4] = _mm256_permute2x128_si256(a[j], a[4 + j], 0x31);
  }
};

}  // namespace

void head_group_avx2(const HeadGroupJob& job, float* scratch) { head_group<Avx2>(job, scratch); }

}  // namespace mxpath
