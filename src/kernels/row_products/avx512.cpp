// FP32 activations and sums on AVX-512.
#include "kernels/simd/avx512.h"

#include "kernels/simd/rows16.h"

namespace mxpath {
namespace {

struct Float : Avx512 {
  using Element = float;
  struct Weight {
    __m512 even, odd;
  };
  struct Pair {
    __m512 even, odd;
  };
  static constexpr int64_t weight_bytes = 128;
  static constexpr int direct_vectors(int tokens) { return tokens < 4 ? 4 / tokens : 1; }

  static Pair pair(const float* x) { return {_mm512_set1_ps(x[0]), _mm512_set1_ps(x[1])}; }
  static Pair half_pair(const float* x) { return {_mm512_set1_ps(x[0]), _mm512_setzero_ps()}; }
  static Sum add(Sum sum, const Weight& w, const Pair& x) {
    return _mm512_fmadd_ps(w.odd, x.odd, _mm512_fmadd_ps(w.even, x.even, sum));
  }

  static Weight widen(__m512i pairs) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
            _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000))))};
  }
  static Weight bf16(const uint8_t* line) { return widen(_mm512_loadu_si512(line)); }
  /// One lookup by 16-bit word gives both columns as BF16: half the lookups of VPERMPS, which are what this loop is
  /// bound by.
  static Weight nibbles(Line line, int j) {
    return widen(_mm512_permutexvar_epi16(_mm512_srli_epi16(line, static_cast<unsigned>(4 * j)), e2m1_as_bf16()));
  }
  using Bytes = __m512i;
  static Bytes bytes(const uint8_t* codes) { return _mm512_loadu_si512(codes); }
  /// 2^24 times byte i of each lane: moved to its top and converted, two instructions.
  static __m512 byte(Bytes codes, int i) {
    if (i == 3) return _mm512_cvtepi32_ps(_mm512_and_si512(codes, _mm512_set1_epi32(static_cast<int>(0xff000000))));
    if (i == 0) return _mm512_cvtepi32_ps(_mm512_slli_epi32(codes, 24));
    const int top = i << 24 | 0x808080;  // bytes with the high bit set become zero
    const __m512i move =
        _mm512_broadcast_i32x4(_mm_setr_epi32(top, top + (4 << 24), top + (8 << 24), top + (12 << 24)));
    return _mm512_cvtepi32_ps(_mm512_shuffle_epi8(codes, move));
  }
  static Weight int8(Bytes line, int j) { return {byte(line, 2 * j), byte(line, 2 * j + 1)}; }
  static Sum times_row_scales(Sum sum, const uint8_t* scales) {
    return _mm512_mul_ps(_mm512_mul_ps(sum, _mm512_set1_ps(0x1p-24f)), _mm512_loadu_ps(scales));
  }

  static void store_weight(uint8_t* to, const Weight& w) {
    _mm512_storeu_ps(to, w.even), _mm512_storeu_ps(to + 64, w.odd);
  }
  static Weight load_weight(const uint8_t* from) { return {_mm512_loadu_ps(from), _mm512_loadu_ps(from + 64)}; }
};

}  // namespace

void rows16_mxfp4_avx512(const Rows16& rows, const TokenJob& job, void* scratch) {
  mxfp4_rows<Float>(rows, job, scratch);
}
void rows16_bf16_avx512(const Rows16& rows, const TokenJob& job, void*) { plain_rows<Bf16Rows<Float>>(rows, job); }
void rows16_int8_avx512(const Rows16& rows, const TokenJob& job, void*) { plain_rows<Int8Rows<Float>>(rows, job); }

}  // namespace mxpath
