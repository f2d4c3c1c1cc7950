// BF16 activations, FP32 sums: VDPBF16PS takes two columns at a time. It treats subnormal operands and results (below
// 2^-126) as zero.
#include "kernels/simd/avx512.h"
#include "kernels/simd/rows16.h"

namespace mxpath {
namespace {

struct Bf16 : Avx512 {
  using Element = uint16_t;
  using Weight = __m512i;
  using Pair = __m512i;
  static constexpr int64_t weight_bytes = 64;
  static constexpr int direct_vectors(int) { return 1; }

  static Pair pair(const uint16_t* x) {
    int32_t both;
    __builtin_memcpy(&both, x, 4);
    return _mm512_set1_epi32(both);
  }
  static Pair half_pair(const uint16_t* x) { return pair(x); }  // padded with a zero
  static Sum add(Sum sum, Weight w, Pair x) { return _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)x); }

  static Weight bf16(const uint8_t* line) { return _mm512_loadu_si512(line); }
  /// One lookup by 16-bit word for two columns.
  static Weight nibbles(Line line, int j) {
    return _mm512_permutexvar_epi16(_mm512_srli_epi16(line, static_cast<unsigned>(4 * j)), e2m1_as_bf16());
  }
  static void store_weight(uint8_t* to, Weight w) { _mm512_storeu_si512(to, w); }
  static Weight load_weight(const uint8_t* from) { return _mm512_loadu_si512(from); }
};

}  // namespace

void rows16_mxfp4_avx512_bf16(const Rows16& rows, const TokenJob& job, void* scratch) {
  mxfp4_rows<Bf16>(rows, job, scratch);
}
void rows16_bf16_avx512_bf16(const Rows16& rows, const TokenJob& job, void*) { plain_rows<Bf16Rows<Bf16>>(rows, job); }

}  // namespace mxpath
