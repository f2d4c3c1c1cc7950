// Vectors of 16 floats for the sealed AVX-512 files.
#pragma once
#include <stdint.h>

#include "kernels/simd/intrinsics.h"

namespace mxpath {
namespace {

/// What every Math over AVX-512 shares (simd/rows16.h).
struct Avx512 {
  using Sum = __m512;
  using Line = __m512i;
  using Scale = __m512;
  static constexpr int lanes = 16, tile_vectors = 2, tile_tokens = 8, direct_tokens = 4;

  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Sum sum) { _mm512_storeu_ps(to, sum); }
  static Line line(const uint8_t* codes) { return _mm512_loadu_si512(codes); }
  /// E8M0 is the exponent of a float; byte 0 is the subnormal 2^-127.
  static Scale scale(const uint8_t* bytes) {
    const __m512i exponents = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
    return _mm512_castsi512_ps(_mm512_max_epu32(_mm512_slli_epi32(exponents, 23), _mm512_set1_epi32(0x00400000)));
  }
  /// The table for VPERMW: BF16 of 0 .5 1 1.5 2 3 4 6 and the same with a sign. VPERMW looks at five bits of an index
  /// of which only four are a code, so the table stands there twice.
  static __m512i e2m1_as_bf16() {
    return _mm512_broadcast_i64x4(_mm256_setr_epi32(0x3f000000, 0x3fc03f80, 0x40404000, 0x40c04080,
                                                    static_cast<int>(0xbf008000), static_cast<int>(0xbfc0bf80),
                                                    static_cast<int>(0xc040c000), static_cast<int>(0xc0c0c080)));
  }
  static Sum add_scaled(Sum sum, Sum block, Scale scale) { return _mm512_fmadd_ps(block, scale, sum); }
};

}  // namespace
}  // namespace mxpath
