// The loop over streams for one width of loads; each instruction-set file has it once, with its own Lane.
#pragma once
#include "machine/sum_words/sum_words.h"

namespace mxpath {
namespace {

/// Lane adds the line of 64 bytes at an address to a sum; total() is the sum of its words.
template <class Lane, int streams, bool prefetches>
uint64_t sum_in_streams(const uint8_t* data, size_t bytes, size_t ahead) {
  constexpr size_t line = 64;
  const size_t stride = bytes / streams;
  Lane lanes[streams] = {};
  for (size_t i = 0; i < stride; i += line)
    for (size_t s = 0; s < streams; ++s) {
      const uint8_t* at = data + s * stride + i;
      if (prefetches) __builtin_prefetch(at + ahead, 0, 0);  // beyond the end it does nothing
      lanes[s].add(at);
    }
  uint64_t sum = 0;
  for (const Lane& lane : lanes) sum += lane.total();
  return sum;
}

template <class Lane, int streams>
uint64_t sum_with(const uint8_t* data, size_t bytes, size_t ahead) {
  return ahead ? sum_in_streams<Lane, streams, true>(data, bytes, ahead)
               : sum_in_streams<Lane, streams, false>(data, bytes, ahead);
}

template <class Lane>
uint64_t sum_as(const uint8_t* data, size_t bytes, Reading how) {
  switch (how.streams) {
    case 8: return sum_with<Lane, 8>(data, bytes, how.ahead);
    case 4: return sum_with<Lane, 4>(data, bytes, how.ahead);
    case 2: return sum_with<Lane, 2>(data, bytes, how.ahead);
    default: return sum_with<Lane, 1>(data, bytes, how.ahead);
  }
}

}  // namespace
}  // namespace mxpath
