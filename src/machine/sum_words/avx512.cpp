#include <immintrin.h>

#include "machine/sum_words/streams.h"

namespace mxpath {
namespace {

struct Lane {
  __m512i sum;
  void add(const uint8_t* at) { sum = _mm512_add_epi64(sum, _mm512_load_si512(at)); }
  uint64_t total() const {  // by hand: GCC 12 warns about its own _mm512_reduce_add_epi64
    alignas(64) uint64_t words[8];
    _mm512_store_si512(words, sum);
    uint64_t all = 0;
    for (uint64_t word : words) all += word;
    return all;
  }
};

}  // namespace

uint64_t sum_words_avx512(const uint8_t* data, size_t bytes, Reading how) { return sum_as<Lane>(data, bytes, how); }

}  // namespace mxpath
