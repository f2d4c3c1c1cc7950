#include <immintrin.h>

#include "machine/sum_words/streams.h"

namespace mxpath {
namespace {

struct Lane {
  __m256i sum;
  void add(const uint8_t* at) {
    const auto* p = reinterpret_cast<const __m256i*>(at);
    sum = _mm256_add_epi64(sum, _mm256_add_epi64(_mm256_load_si256(p), _mm256_load_si256(p + 1)));
  }
  uint64_t total() const {
    alignas(32) uint64_t words[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(words), sum);
    return words[0] + words[1] + words[2] + words[3];
  }
};

}  // namespace

uint64_t sum_words_avx2(const uint8_t* data, size_t bytes, Reading how) { return sum_as<Lane>(data, bytes, how); }

}  // namespace mxpath
