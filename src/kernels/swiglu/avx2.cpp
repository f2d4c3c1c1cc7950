#include "kernels/simd/exp_avx2.h"
#include "kernels/swiglu/swiglu_row.h"

namespace mxpath {
namespace {

/// Eight interleaved pairs u → eight results h.
inline void swiglu_eight(const float* u, float* h, float limit, float alpha) {
  const __m256 most = _mm256_set1_ps(limit), least = _mm256_set1_ps(-limit), one = _mm256_set1_ps(1.0f);
  const __m256 a = _mm256_loadu_ps(u), b = _mm256_loadu_ps(u + 8);
  // Pairs 0 1 4 5 | 2 3 6 7: the order is put right by a permutation of 64-bit parts before the store.
  // Of a NaN and a number min and max give the second, so the value comes last: a NaN must not become the limit.
  const __m256 gate = _mm256_min_ps(most, _mm256_shuffle_ps(a, b, 0x88));
  const __m256 up = _mm256_max_ps(least, _mm256_min_ps(most, _mm256_shuffle_ps(a, b, 0xdd)));
  // e^x is bounded so that it stays finite; the quotient is far below the smallest normal number there.
  const __m256 x = _mm256_min_ps(_mm256_mul_ps(_mm256_set1_ps(-alpha), gate), _mm256_set1_ps(88.37f));
  const __m256 gated = _mm256_div_ps(gate, _mm256_add_ps(one, exp_avx2(x))),
               result = _mm256_mul_ps(gated, _mm256_add_ps(up, one));
  _mm256_storeu_ps(h, _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(result), 0xd8)));
}

}  // namespace

void swiglu_row_avx2(const float* u, float* h, int64_t width, float limit, float alpha) {
  int64_t j = 0;
  for (; j + 8 <= width; j += 8) swiglu_eight(u + 2 * j, h + j, limit, alpha);
  if (j == width) return;
  float rest[16] = {}, result[8];
  for (int64_t i = 0; i < 2 * (width - j); ++i) rest[i] = u[2 * j + i];
  swiglu_eight(rest, result, limit, alpha);
  for (int64_t i = j; i < width; ++i) h[i] = result[i - j];
}

}  // namespace mxpath
