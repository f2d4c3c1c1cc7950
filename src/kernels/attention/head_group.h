// One key head and its query heads for one token: what attention kernels compute. Plain C++ for sealed files too.
#pragma once
#include <stdint.h>

namespace mxpath {

/// Attention of the query heads of one key head for one token, over positions [first, last].
struct HeadGroupJob {
  const float* q;      // [group] rows of head_dim, contiguous
  float* y;            // the same
  const float* sinks;  // [group]
  int group, head_dim;
  int64_t first, last;              // positions
  int64_t capacity;                 // of the ring
  const uint16_t* const* k_blocks;  // BF16 blocks of 64 slots
  const uint16_t* const* v_blocks;
  int64_t head_offset;  // elements from the start of a block to this head's keys
  float scale;
};

static constexpr int chunk_positions = 64;  // online softmax works on positions 64c … 64c + 63, wherever they lie

/// A sealed kernel: scratch is attention_thread_floats(group, head_dim) floats.
using HeadGroupFn = void (*)(const HeadGroupJob& job, float* scratch);

/// Scores of a chunk, its keys as columns, and the sums: rows padded to 32 floats.
constexpr int64_t attention_thread_floats(int64_t group, int64_t head_dim) {
  const int64_t padded = (head_dim + 31) / 32 * 32;
  return group * chunk_positions + padded * chunk_positions + group * padded + 3 * ((group + 15) / 16 * 16);
}

void head_group_avx2(const HeadGroupJob& job, float* scratch);
void head_group_avx512(const HeadGroupJob& job, float* scratch);

}  // namespace mxpath
