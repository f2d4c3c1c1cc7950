// e^x in plain C++, for one float or for four at a time.
#pragma once
#include <stdint.h>

namespace mxpath {

/// Four floats in a register that every x86-64 has; elsewhere the compiler makes do.
typedef float Float4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint32_t Bits4 __attribute__((vector_size(16)));

/// F and Bits: float and uint32_t, or vectors of as many. Within 2 ulp for results from 2^-126 to the largest float; 0
/// below that, finite (2.4e38) for everything above 88.37; NaN gives NaN. Cody-Waite reduction and the polynomial of
/// Cephes' expf.
template <class F, class Bits>
static inline F exp_of(F x) {
  const F most = F{} + 88.37f;
  const F bounded = x > most ? most : x;                  // false for NaN, which so passes through
  const F shifted = bounded * 1.44269504f + 12582912.0f;  // 1.5 · 2^23: the integer part ends up in the low bits
  const F n = shifted - 12582912.0f;
  const F r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  F p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Bits bits, power;
  __builtin_memcpy(&bits, &p, sizeof p);
  __builtin_memcpy(&power, &shifted, sizeof p);
  bits += power << 23;
  F result;
  __builtin_memcpy(&result, &bits, sizeof p);
  result = x == x ? result : x;  // NOLINT(misc-redundant-expression): false for NaN alone, lane by lane
  return x < -87.33f ? F{} : result;
}

inline float exp_f32(float x) { return exp_of<float, uint32_t>(x); }
inline Float4 exp_f32(Float4 x) { return exp_of<Float4, Bits4>(x); }

}  // namespace mxpath
