// Logits: some warps for each expert and tile of tokens. Choice: a warp for each token. Grouping: a block, or a warp,
// for each expert.
#include <climits>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/weights.cuh"
#include "kernels/cuda_row.h"
#include "kernels/router/router.h"

namespace mxpath {
namespace {

constexpr int warps = 8, threads = 32 * warps, group_threads = 1024;
/// Up to so many tokens are chosen for and grouped by one block in one launch.
constexpr int few_tokens = 8;

// ---- logits
// ---------------------------------------------------------------------------------------------------------------------------------

/// Eight weights from a column that is a multiple of 8, or one.
template <WordFormat format>
__device__ void load_weights(const WeightView& w, int64_t row, int64_t column, float (&out)[8]) {
  const uint4* words = reinterpret_cast<const uint4*>(row_of<format>(w, 0, row).codes) + column * bits_of(format) / 128;
  if constexpr (format == WordFormat::bf16) {
    const uint4 a = words[0];
    const uint32_t word[4] = {a.x, a.y, a.z, a.w};
    for (int i = 0; i < 4; ++i)
      out[2 * i] = float_of_bits(word[i] << 16), out[2 * i + 1] = float_of_bits(word[i] & 0xffff0000u);
  } else {
    const uint4 a = words[0], b = words[1];
    const uint32_t word[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
    for (int i = 0; i < 8; ++i) out[i] = float_of_bits(word[i]);
  }
}

/// Adds the products of columns that this lane takes: every `stride`-th, from `lane` on.
template <WordFormat format, int tokens>
__device__ void add_products(const WeightView& w, int64_t row, const float* const (&x)[tokens], int64_t lane,
                             int64_t stride, float (&sum)[tokens]) {
  if constexpr (format == WordFormat::any) {
    for (int64_t c = lane; c < w.columns; c += stride) {
      const float weight = weight_at(w, 0, row, c);
      for (int t = 0; t < tokens; ++t) sum[t] += x[t][c] * weight;
    }
  } else {
    for (int64_t c = 8 * lane; c < w.columns; c += 8 * stride) {
      float weight[8];
      load_weights<format>(w, row, c, weight);
#pragma unroll
      for (int t = 0; t < tokens; ++t) {
        const float4 a = *reinterpret_cast<const float4*>(x[t] + c), b = *reinterpret_cast<const float4*>(x[t] + c + 4);
        sum[t] += ((a.x * weight[0] + a.y * weight[1]) + (a.z * weight[2] + a.w * weight[3])) +
                  ((b.x * weight[4] + b.y * weight[5]) + (b.z * weight[6] + b.w * weight[7]));
      }
    }
  }
}

/// `split` warps share the columns of one expert; a block has warps / split experts and one tile of tokens.
template <WordFormat format, int tile, int split>
__global__ void __launch_bounds__(threads)
    router_logits(WeightView w, const float* bias, const float* x, int tokens, float* logits) {
  __shared__ float sums[warps][tile];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = warp % split;
  const int64_t expert = int64_t{blockIdx.x} * (warps / split) + warp / split,
                row = expert < w.rows ? expert : w.rows - 1, first = int64_t{blockIdx.y} * tile;
  const float* rows[tile];
  float sum[tile];
#pragma unroll
  for (int t = 0; t < tile; ++t) rows[t] = x + (first + t < tokens ? first + t : tokens - 1) * w.columns, sum[t] = 0;
  add_products<format, tile>(w, row, rows, part * 32 + lane, split * 32, sum);
#pragma unroll
  for (int t = 0; t < tile; ++t) {
    const float total = warp_sum(sum[t]);
    if (lane == 0) sums[warp][t] = total;
  }
  __syncthreads();
  if (part != 0 || expert >= w.rows || lane >= tile || first + lane >= tokens) return;
  float total = 0;
  for (int i = 0; i < split; ++i) total += sums[warp + i][lane];
  logits[(first + lane) * w.rows + expert] = total + bias[expert];
}

// ---- choice
// ---------------------------------------------------------------------------------------------------------------------------------

/// Descending logits, the lower index first among equals; NaN counts as minus infinity, so that every choice is an
/// expert.
struct Candidate {
  float logit;
  int expert;
};
__device__ bool before(Candidate a, Candidate b) {
  return a.logit > b.logit || (a.logit == b.logit && a.expert < b.expert);
}

/// The first candidate after `last`.
__device__ Candidate next_choice(const float* logits, int experts, Candidate last, int lane) {
  Candidate best{-INFINITY, INT_MAX};
  for (int e = lane; e < experts; e += 32) {
    const Candidate candidate{logits[e] == logits[e] ? logits[e] : -INFINITY, e};
    if (before(last, candidate) && before(candidate, best)) best = candidate;
  }
  for (int step = 16; step > 0; step /= 2) {
    const Candidate other{__shfl_xor_sync(all_lanes, best.logit, step), __shfl_xor_sync(all_lanes, best.expert, step)};
    if (before(other, best)) best = other;
  }
  return best;
}

/// One warp, one token.
__device__ void choose(const RouterArgs& args, int experts, int64_t token, int lane) {
  const int k = args.experts_per_token;
  const float* logits = args.logits + token * experts;
  int32_t* expert = args.expert + token * k;
  float* weight = args.weight + token * k;
  Candidate choice{INFINITY, -1};
  // NaN where a logit of any expert is not finite: which experts are the largest is not known then.
  bool odd = false;
  for (int e = lane; e < experts; e += 32) odd |= !isfinite(logits[e]);
  float largest = 0, sum = __any_sync(all_lanes, odd) ? NAN : 0;
  for (int i = 0; i < k; ++i) {
    choice = next_choice(logits, experts, choice, lane);
    const float logit = logits[choice.expert];
    if (i == 0) largest = logit;
    const float e = expf(logit - largest);
    sum += e;
    if (lane == 0) expert[i] = choice.expert, weight[i] = e;
  }
  __syncwarp();
  for (int i = lane; i < k; i += 32) weight[i] /= sum;
}

__global__ void __launch_bounds__(threads) choose_experts(RouterArgs args, int experts) {
  const int64_t token = int64_t{blockIdx.x} * warps + threadIdx.x / 32;
  if (token < args.tokens) choose(args, experts, token, threadIdx.x % 32);
}

// ---- grouping
// -------------------------------------------------------------------------------------------------------------------------------

/// One warp, one expert: how many rows go to lower ones, then its own rows in ascending order.
__device__ void group_rows(const RouterArgs& args, int expert, int rows, int lane) {
  int before_it = 0;
  for (int first = 0; first < rows; first += 32)
    before_it += __popc(__ballot_sync(all_lanes, first + lane < rows && args.expert[first + lane] < expert));
  if (lane == 0) args.first[expert] = before_it;
  for (int first = 0; first < rows; first += 32) {
    const bool mine = first + lane < rows && args.expert[first + lane] == expert;
    const unsigned all = __ballot_sync(all_lanes, mine);
    if (mine) args.order[before_it + __popc(all & ((1u << lane) - 1))] = first + lane;
    before_it += __popc(all);
  }
}

/// One block does both for a few tokens.
__global__ void __launch_bounds__(threads) choose_and_group(RouterArgs args, int experts) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, rows = args.tokens * args.experts_per_token;
  for (int token = warp; token < args.tokens; token += warps) choose(args, experts, token, lane);
  __syncthreads();
  for (int expert = warp; expert < experts; expert += warps) group_rows(args, expert, rows, lane);
  if (threadIdx.x == 0) args.first[experts] = rows;
}

/// Over a block: every thread gets the number of `mine` before it, and `total` of all.
__device__ int count_before(bool mine, int (&counts)[group_threads / 32], int& total) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const unsigned all = __ballot_sync(all_lanes, mine);
  if (lane == 0) counts[warp] = __popc(all);
  __syncthreads();
  int before_it = __popc(all & ((1u << lane) - 1));
  total = 0;
  for (int i = 0; i < group_threads / 32; ++i) {
    if (i < warp) before_it += counts[i];
    total += counts[i];
  }
  __syncthreads();
  return before_it;
}

/// One block, one expert.
__global__ void __launch_bounds__(group_threads)
    group_by_expert_blocks(const int32_t* expert, int rows, int32_t* first, int32_t* order) {
  __shared__ int counts[group_threads / 32];
  const int e = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  int lower = 0;
  for (int r = thread; r < rows; r += group_threads) lower += expert[r] < e;
  for (int step = 16; step > 0; step /= 2) lower += __shfl_xor_sync(all_lanes, lower, step);
  if (thread % 32 == 0) counts[thread / 32] = lower;
  __syncthreads();
  int at = 0;
  for (int i = 0; i < group_threads / 32; ++i) at += counts[i];
  __syncthreads();
  if (thread == 0) first[e] = at;
  if (thread == 0 && blockIdx.x + 1 == gridDim.x) first[e + 1] = rows;
  for (int begin = 0; begin < rows; begin += group_threads) {
    const int r = begin + thread;
    const bool mine = r < rows && expert[r] == e;
    int total;
    const int before_it = count_before(mine, counts, total);
    if (mine) order[at + before_it] = r;
    at += total;
  }
}

template <WordFormat format, int tile, int split>
void launch_logits(const RouterArgs& args, const WeightView& w) {
  launch(*args.stream, "router.cuda.portable.f32", router_logits<format, tile, split>,
         dim3(blocks_for(w.rows, warps / split), blocks_for(args.tokens, tile)), dim3(threads), w, args.bias, args.x,
         args.tokens, args.logits);
}
template <WordFormat format>
void launch_logits(const RouterArgs& args, const WeightView& w) {
  if (args.tokens == 1) launch_logits<format, 1, 8>(args, w);
  else if (args.tokens <= 64) launch_logits<format, 8, 8>(args, w);
  else launch_logits<format, 8, 1>(args, w);
}

const void* const images[] = {reinterpret_cast<const void*>(&router_logits<WordFormat::bf16, 1, 8>),
                              reinterpret_cast<const void*>(&router_logits<WordFormat::bf16, 8, 1>),
                              reinterpret_cast<const void*>(&router_logits<WordFormat::any, 8, 1>),
                              reinterpret_cast<const void*>(&choose_experts),
                              reinterpret_cast<const void*>(&choose_and_group),
                              reinterpret_cast<const void*>(&group_by_expert_blocks)};

}  // namespace

void router_cuda_portable(const RouterArgs& args) {
  constexpr const char* name = "router.cuda.portable.f32";
  const WeightView w = view_of(*args.weights);
  const WordFormat format = readable_format(w);
  const bool wide = w.columns % 8 == 0 && on_16_bytes(args.x, w.columns);
  if (wide && format == WordFormat::bf16) launch_logits<WordFormat::bf16>(args, w);
  else if (wide && format == WordFormat::fp32) launch_logits<WordFormat::fp32>(args, w);
  else launch_logits<WordFormat::any>(args, w);
  const int experts = static_cast<int>(w.rows), rows = args.tokens * args.experts_per_token;
  if (args.tokens <= few_tokens)
    return launch(*args.stream, name, choose_and_group, dim3(1), dim3(threads), args, experts);
  launch(*args.stream, name, choose_experts, dim3(blocks_for(args.tokens, warps)), dim3(threads), args, experts);
  launch(*args.stream, name, group_by_expert_blocks, dim3(static_cast<unsigned>(experts)), dim3(group_threads),
         args.expert, rows, args.first, args.order);
}
KernelImages router_cuda_portable_images() { return images; }

}  // namespace mxpath
