// FP32 activations and sums on AVX2: a group of 16 rows is two vectors of eight.
#include "kernels/simd/rows16.h"

namespace mxpath {
namespace {

struct Float {
  using Element = float;
  using Sum = __m256;
  using Scale = __m256;
  struct Weight {
    __m256 even, odd;
  };
  struct Pair {
    __m256 even, odd;
  };
  /// Sixteen times the code values as signed bytes, of the lower and of the upper nibble of each byte.
  struct Line {
    __m256i nibble[2];
  };
  // Of sixteen registers ten hold sums, two weights, one the activation.
  static constexpr int lanes = 8, tile_vectors = 2, tile_tokens = 5, direct_tokens = 2;
  static constexpr int direct_vectors(int) { return 4; }
  static constexpr int64_t weight_bytes = 64;

  static Sum zero() { return _mm256_setzero_ps(); }
  static Sum load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Sum sum) { _mm256_storeu_ps(to, sum); }

  static Line line(const uint8_t* codes) {
    const __m256i values =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 8, 16, 24, 32, 48, 64, 96, 0, -8, -16, -24, -32, -48, -64, -96));
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes)), nibble = _mm256_set1_epi8(15);
    return {{_mm256_shuffle_epi8(values, _mm256_and_si256(both, nibble)),
             _mm256_shuffle_epi8(values, _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble))}};
  }
  /// Byte i of each lane as a float: moved to the top of the lane it is 2^24 times its value, and converts in one
  /// instruction. Three instructions with the multiply-add; VPERMPS on the magnitude would need six, because it knows
  /// no sign.
  static __m256 byte(__m256i codes, int i) {
    if (i == 3) return _mm256_cvtepi32_ps(_mm256_and_si256(codes, _mm256_set1_epi32(static_cast<int>(0xff000000))));
    const int top = i << 24 | 0x808080;  // bytes with the high bit set become zero
    const __m256i move = _mm256_setr_epi32(top, top + (4 << 24), top + (8 << 24), top + (12 << 24), top,
                                           top + (4 << 24), top + (8 << 24), top + (12 << 24));
    return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(codes, move));
  }
  /// Nibbles j (the even column) and 4 + j (the odd one) of the lanes.
  static Weight nibbles(const Line& line, int j) {
    return {byte(line.nibble[j % 2], j / 2), byte(line.nibble[j % 2], 2 + j / 2)};
  }

  static Scale scale(const uint8_t* bytes) {
    const __m256i exponents = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
    return _mm256_castsi256_ps(_mm256_max_epu32(_mm256_slli_epi32(exponents, 23), _mm256_set1_epi32(0x00400000)));
  }
  /// Weights come as 2^28 times the code values (see byte), which is taken back here; a power of two changes no
  /// rounding.
  static Sum add_scaled(Sum sum, Sum block, Scale scale) {
    return _mm256_fmadd_ps(_mm256_mul_ps(block, _mm256_set1_ps(0x1p-28f)), scale, sum);
  }

  static Pair pair(const float* x) { return {_mm256_broadcast_ss(x), _mm256_broadcast_ss(x + 1)}; }
  static Pair half_pair(const float* x) { return {_mm256_broadcast_ss(x), _mm256_setzero_ps()}; }
  static Sum add(Sum sum, const Weight& w, const Pair& x) {
    return _mm256_fmadd_ps(w.odd, x.odd, _mm256_fmadd_ps(w.even, x.even, sum));
  }

  static Weight bf16(const uint8_t* line) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)),
            _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000))))};
  }
  using Bytes = __m256i;
  static Bytes bytes(const uint8_t* codes) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes)); }
  /// 2^24 times the codes of columns 2j and 2j + 1 (see byte).
  static Weight int8(Bytes line, int j) { return {byte(line, 2 * j), byte(line, 2 * j + 1)}; }
  static Sum times_row_scales(Sum sum, const uint8_t* scales) {
    return _mm256_mul_ps(_mm256_mul_ps(sum, _mm256_set1_ps(0x1p-24f)), load(reinterpret_cast<const float*>(scales)));
  }

  static void store_weight(uint8_t* to, const Weight& w) {
    store(reinterpret_cast<float*>(to), w.even), store(reinterpret_cast<float*>(to + 32), w.odd);
  }
  static Weight load_weight(const uint8_t* from) {
    return {load(reinterpret_cast<const float*>(from)), load(reinterpret_cast<const float*>(from + 32))};
  }
};

}  // namespace

void rows16_mxfp4_avx2(const Rows16& rows, const TokenJob& job, void* scratch) {
  mxfp4_rows<Float>(rows, job, scratch);
}
void rows16_bf16_avx2(const Rows16& rows, const TokenJob& job, void*) { plain_rows<Bf16Rows<Float>>(rows, job); }
void rows16_int8_avx2(const Rows16& rows, const TokenJob& job, void*) { plain_rows<Int8Rows<Float>>(rows, job); }

}  // namespace mxpath
