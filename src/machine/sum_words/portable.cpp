// Every x86-64 has 128-bit loads.
#include <emmintrin.h>

#include "machine/sum_words/streams.h"

namespace mxpath {
namespace {

struct Lane {
  __m128i sum;
  void add(const uint8_t* at) {
    const auto* p = reinterpret_cast<const __m128i*>(at);
    sum = _mm_add_epi64(sum, _mm_add_epi64(_mm_add_epi64(p[0], p[1]), _mm_add_epi64(p[2], p[3])));
  }
  uint64_t total() const {
    return static_cast<uint64_t>(_mm_cvtsi128_si64(sum)) +
           static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(sum, sum)));
  }
};

}  // namespace

uint64_t sum_words_portable(const uint8_t* data, size_t bytes, Reading how) { return sum_as<Lane>(data, bytes, how); }

}  // namespace mxpath
