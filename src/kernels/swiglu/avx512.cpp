#include "kernels/simd/exp_avx512.h"
#include "kernels/swiglu/swiglu_row.h"

namespace mxpath {
namespace {

/// Sixteen interleaved pairs, of which a has the first eight → sixteen results.
inline __m512 swiglu_sixteen(__m512 a, __m512 b, float limit, float alpha) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
                odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const __m512 most = _mm512_set1_ps(limit), least = _mm512_set1_ps(-limit), one = _mm512_set1_ps(1.0f);
  // Of a NaN and a number min and max give the second, so the value comes last: a NaN must not become the limit.
  const __m512 gate = _mm512_min_ps(most, _mm512_permutex2var_ps(a, even, b));
  const __m512 up = _mm512_max_ps(least, _mm512_min_ps(most, _mm512_permutex2var_ps(a, odd, b)));
  // e^x is bounded so that it stays finite; the quotient is far below the smallest normal number there.
  const __m512 x = _mm512_min_ps(_mm512_mul_ps(_mm512_set1_ps(-alpha), gate), _mm512_set1_ps(88.37f));
  return _mm512_mul_ps(_mm512_div_ps(gate, _mm512_add_ps(one, exp_avx512(x))), _mm512_add_ps(up, one));
}

}  // namespace

void swiglu_row_avx512(const float* u, float* h, int64_t width, float limit, float alpha) {
  int64_t j = 0;
  // Masks for the rest only: a masked store is four times slower on Zen 5 where the line is not in the cache.
  for (; j + 16 <= width; j += 16)
    _mm512_storeu_ps(h + j, swiglu_sixteen(_mm512_loadu_ps(u + 2 * j), _mm512_loadu_ps(u + 2 * j + 16), limit, alpha));
  if (j == width) return;
  const uint32_t left = static_cast<uint32_t>(width - j), pairs = (1u << (2 * left)) - 1;
  const __m512 a = _mm512_maskz_loadu_ps(static_cast<__mmask16>(pairs), u + 2 * j),
               b = _mm512_maskz_loadu_ps(static_cast<__mmask16>(pairs >> 16), u + 2 * j + 16);
  _mm512_mask_storeu_ps(h + j, static_cast<__mmask16>((1u << left) - 1), swiglu_sixteen(a, b, limit, alpha));
}

}  // namespace mxpath
