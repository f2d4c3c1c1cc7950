// What a block does with the logits of one part as it reads them.
#pragma once
#include "kernels/sample/device_row.h"
#include "kernels/sample/select.cuh"

namespace mxpath {

/// The logits of a part in the registers of a block, those of one thread `threads` apart.
template <int threads>
struct IdsOfPart {
  static constexpr int each = sample_part / threads;
  int first, end;
  float x[each];

  __device__ IdsOfPart(int part, int vocab, const float* logits)
      : first(part * sample_part), end(min(vocab, first + sample_part)) {
#pragma unroll
    for (int i = 0; i < each; ++i) x[i] = is_there(i) ? logits[id(i)] : 0;
  }
  __device__ int id(int i) const { return first + i * threads + static_cast<int>(threadIdx.x); }
  __device__ bool is_there(int i) const { return id(i) < end; }
  __device__ bool any_odd() const {
    bool odd = false;
#pragma unroll
    for (int i = 0; i < each; ++i) odd |= !isfinite(x[i]);
    return odd;
  }
};

/// Of the logits as they came: the largest and Σ e^(logit - largest), and the places of the `top` largest that have a
/// text.
template <int threads>
__device__ void report_part(const IdsOfPart<threads>& ids, const SampleArgs& args, SamplePart& found, uint64_t* top) {
  uint32_t largest = 0;
#pragma unroll
  for (int i = 0; i < ids.each; ++i)
    if (ids.is_there(i)) largest = max(largest, key_of(ids.x[i]));
  found.raw_largest = logit_of(static_cast<uint32_t>(block_most<threads>(largest)));
  float sum = 0;
#pragma unroll
  for (int i = 0; i < ids.each; ++i)
    if (ids.is_there(i)) sum += expf(ids.x[i] - found.raw_largest);
  found.raw_sum = block_total<threads>(sum);
  const int end = min(ids.end, choosable(args));
  top_places<threads>(args.top, top, [&](uint64_t bound) {
    uint64_t most = 0;
#pragma unroll
    for (int i = 0; i < ids.each; ++i) {
      const uint64_t place = ids.id(i) < end ? place_of(key_of(ids.x[i]), ids.id(i)) : 0;
      if (place < bound && place > most) most = place;
    }
    return most;
  });
}

/// Applies the penalties of a row. Each block looks for its own ids among all that the text holds.
template <int threads>
__device__ void change_logits(IdsOfPart<threads>& ids, const SampleArgs& args, const SampleRow& row) {
  __shared__ int seen_at[sample_part];  // which entry of `seen` an id has, counted from 1
  if (!is_penalised(row)) return;
  for (int i = static_cast<int>(threadIdx.x); i < sample_part; i += threads) seen_at[i] = 0;
  __syncthreads();
  const SeenToken* seen = args.seen + row.seen_first;
  for (int i = static_cast<int>(threadIdx.x); i < row.seen_count; i += threads)
    if (const int token = seen[i].token; token >= ids.first && token < ids.end) seen_at[token - ids.first] = i + 1;
  __syncthreads();
#pragma unroll
  for (int i = 0; i < ids.each; ++i)
    if (const int at = ids.is_there(i) ? seen_at[ids.id(i) - ids.first] : 0; at > 0)
      ids.x[i] = penalised(ids.x[i], row, seen[at - 1].count);
}

__device__ inline bool may_choose(const SampleArgs& args, const SampleRow& row, int id) {
  if (id >= choosable(args)) return false;
  return row.mask < 0 || (args.masks[row.mask * args.mask_stride + id / 32] >> id % 32 & 1);
}

}  // namespace mxpath
