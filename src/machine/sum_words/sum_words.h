// Reading memory as fast as a core can: the sum of all words of a buffer. Plain types, because the sealed
// instruction-set files include this.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace mxpath {

/// How a buffer is read: in so many streams side by side, with a prefetch of the line so many bytes ahead in each (0:
/// none).
struct Reading {
  int streams;
  size_t ahead;
};
/// Which is fastest depends on the core: one stream leaves some waiting for their prefetcher, eight are too many for
/// others. Two threads of a Sapphire Rapids read 17 GB/s in one stream of 128-bit loads, 20.5 in two to eight, and 23.5
/// in four of 512-bit loads.
constexpr Reading readings[] = {{4, 0}, {1, 1024}, {2, 0}, {8, 0}, {1, 0}, {4, 512}};
constexpr size_t word_block = 8 * 64;  ///< bytes are a multiple of this: eight streams of one line

/// Adds up all 64-bit words of [data, data + bytes); data is aligned to 64 bytes. The number of streams is one of
/// `readings`.
using SumWords = uint64_t (*)(const uint8_t* data, size_t bytes, Reading how);
uint64_t sum_words_portable(const uint8_t* data, size_t bytes, Reading how);
uint64_t sum_words_avx2(const uint8_t* data, size_t bytes, Reading how);
uint64_t sum_words_avx512(const uint8_t* data, size_t bytes, Reading how);

}  // namespace mxpath
