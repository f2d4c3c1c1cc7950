// e^x for 8 floats, for the sealed files.
#pragma once
#include "kernels/simd/intrinsics.h"

namespace mxpath {
namespace {

/// Within 2 ulp for -87.33 ≤ x ≤ 88.37, 0 below; not to be called with more. Coefficients of Cephes' expf.
inline __m256 exp_avx2(__m256 x) {
  const auto set = [](float value) { return _mm256_set1_ps(value); };
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, set(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256 r = _mm256_fnmadd_ps(n, set(-2.12194440e-4f), _mm256_fnmadd_ps(n, set(0.693359375f), x));
  __m256 p = _mm256_fmadd_ps(set(1.9875691500e-4f), r, set(1.3981999507e-3f));
  p = _mm256_fmadd_ps(p, r, set(8.3334519073e-3f));
  p = _mm256_fmadd_ps(p, r, set(4.1665795894e-2f));
  p = _mm256_fmadd_ps(p, r, set(1.6666665459e-1f));
  p = _mm256_fmadd_ps(p, r, set(5.0000001201e-1f));
  p = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r), set(1.0f));
  const __m256 result =
      _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
  return _mm256_and_ps(result, _mm256_cmp_ps(x, set(-87.33f), _CMP_NLT_UQ));
}

}  // namespace
}  // namespace mxpath
