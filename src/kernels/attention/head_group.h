// One key head and its query heads for one token: what attention kernels compute. Plain C++ for sealed files too.
#pragma once
#include <stdint.h>

namespace mxpath {

/// The format of keys and values, as the loops take it.
enum class KvCodes : uint8_t { bf16, fp16, fp32, e4m3, int8 };

/// Attention of the query heads of one key head for one token, over positions [first, last].
struct HeadGroupJob {
  const float* q;      // [group] rows of head_dim, contiguous
  float* y;            // the same
  const float* sinks;  // [group]
  int group, head_dim;
  int64_t first, last;   // positions
  const int32_t* table;  // pages of the sequence
  const uint8_t* pool;
  int64_t page_bytes;
  int64_t keys, values;              // bytes from the start of a page to the rows of this key head: [64][head_dim]
  int64_t key_scales, value_scales;  // the same of their scales [64]; INT8 only
  float scale;
  KvCodes codes;
};

static constexpr int chunk_positions = 64;  // online softmax works on positions 64c … 64c + 63, which are a page

/// A sealed kernel: scratch is attention_thread_floats(group, head_dim, codes) floats.
using HeadGroupFn = void (*)(const HeadGroupJob& job, float* scratch);

/// Codes of eight bits are widened a page at a time before they are used.
constexpr bool is_unpacked(KvCodes codes) { return codes == KvCodes::e4m3 || codes == KvCodes::int8; }

/// Scores of a chunk, its keys as columns, the sums, rows padded to 32 floats, and a page of unpacked rows.
constexpr int64_t attention_thread_floats(int64_t group, int64_t head_dim, KvCodes codes) {
  const int64_t padded = (head_dim + 31) / 32 * 32, unpacked = is_unpacked(codes) ? chunk_positions * padded : 0;
  return group * chunk_positions + padded * chunk_positions + group * padded + 3 * ((group + 15) / 16 * 16) + unpacked;
}

void head_group_avx2(const HeadGroupJob& job, float* scratch);
void head_group_avx512(const HeadGroupJob& job, float* scratch);

}  // namespace mxpath
