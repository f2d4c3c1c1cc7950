// e^x for 16 floats, for the sealed files.
#pragma once
#include "kernels/simd/intrinsics.h"

namespace mxpath {
namespace {

/// Within 2 ulp down to 2^-126, gradual below that, 0 below 2^-150; infinity beyond the largest float. Coefficients of
/// Cephes' expf.
inline __m512 exp_avx512(__m512 x) {
  const auto set = [](float value) { return _mm512_set1_ps(value); };
  const __m512 n =
      _mm512_roundscale_ps(_mm512_mul_ps(x, set(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 r = _mm512_fnmadd_ps(n, set(-2.12194440e-4f), _mm512_fnmadd_ps(n, set(0.693359375f), x));
  __m512 p = _mm512_fmadd_ps(set(1.9875691500e-4f), r, set(1.3981999507e-3f));
  p = _mm512_fmadd_ps(p, r, set(8.3334519073e-3f));
  p = _mm512_fmadd_ps(p, r, set(4.1665795894e-2f));
  p = _mm512_fmadd_ps(p, r, set(1.6666665459e-1f));
  p = _mm512_fmadd_ps(p, r, set(5.0000001201e-1f));
  p = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), set(1.0f));
  // Minus infinity leaves no remainder, hence the mask; the comparison is true for NaN.
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, set(-104.0f), _CMP_NLT_UQ), p, n);
}

}  // namespace
}  // namespace mxpath
