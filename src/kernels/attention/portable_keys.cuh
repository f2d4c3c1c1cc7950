// attend_keys: a block for (part of the keys, key head, token): its warps share the keys, all query heads of the key
// head share what is read. add_parts puts the parts of one head together in a fixed order, with the sink. A decode.
#pragma once
#include "kernels/attention/portable_cache.cuh"

namespace mxpath {
namespace {

/// Query heads that attend_keys takes at once; larger groups take several blocks.
constexpr int heads_at_once = 8;

/// One partial result of a head: largest score, sum of weights, then head_dim weighted values.
__device__ float* part_of(const AttentionArgs& args, int64_t token, int64_t head, int part, int parts) {
  return static_cast<float*>(args.scratch) + ((token * args.heads + head) * parts + part) * (args.head_dim + 2);
}

/// Sums 8 values over the 8 lanes that differ in the low bits; lane l keeps value l % 8. Seven shuffles instead of
/// twenty-four.
__device__ float scatter_sums(float (&value)[8], int lane) {
#pragma unroll
  for (int half = 4; half > 0; half /= 2) {
    const bool upper = lane & half;
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const float kept = upper ? value[i + half] : value[i], sent = upper ? value[i] : value[i + half];
      value[i] = kept + __shfl_xor_sync(all_lanes, sent, half);
    }
  }
  return value[0];
}

/// A warp's share of a block's keys: `key_lanes` lanes of 8 dimensions for a key, 32 / key_lanes keys side by side,
/// four of each in flight.
template <int key_lanes, Held held>
struct KeyWalk {
  // Formats that are asked for are decoded as they come, which takes more registers.
  static constexpr int side_by_side = 32 / key_lanes, in_flight = held == Held::any ? 2 : 4,
                       keys = side_by_side * in_flight;
  float q[heads_at_once][8], y[heads_at_once][8] = {};
  float largest = -INFINITY, sum = 0;  // of head lane % 8, this lane's keys only

  /// wide: every head starts on 16 bytes.
  __device__ void load_queries(const float* query, int heads, int head_dim, int chunk, bool wide) {
#pragma unroll
    for (int h = 0; h < heads_at_once; ++h) {
      const bool there = h < heads && chunk < head_dim;
      const float* from = query + (there ? int64_t{h} * head_dim + chunk : 0);
#pragma unroll
      for (int i = 0; i < 8; i += 4) {
        const float4 x =
            wide ? *reinterpret_cast<const float4*>(from + i) : float4{from[i], from[i + 1], from[i + 2], from[i + 3]};
        q[h][i] = there ? x.x : 0, q[h][i + 1] = there ? x.y : 0, q[h][i + 2] = there ? x.z : 0,
        q[h][i + 3] = there ? x.w : 0;
      }
    }
  }

  /// Keys [base, base + keys) as far as they lie before `end`.
  __device__ void advance(const AttentionArgs& args, int slot, int64_t kv_head, int base, int end, int lane) {
    const int chunk = lane % key_lanes * 8;
    Eight<held> k[in_flight], v[in_flight];  // what is not there must not reach a sum, not even times zero
#pragma unroll
    for (int u = 0; u < in_flight; ++u) {
      const int position = base + u * side_by_side + lane / key_lanes;
      if (position < end && chunk < args.head_dim) {
        const CacheRow row = CacheRow::at<held>(args, slot, position, kv_head);
        k[u].load(args, row, args.kv.keys, chunk), v[u].load(args, row, args.kv.values, chunk);
      }
    }
    float score[in_flight], most = largest;
#pragma unroll
    for (int u = 0; u < in_flight; ++u) {
      float key[8], part[heads_at_once];
      k[u].decode(key);
#pragma unroll
      for (int h = 0; h < heads_at_once; ++h) {
        part[h] = q[h][0] * key[0];
#pragma unroll
        for (int i = 1; i < 8; ++i) part[h] += q[h][i] * key[i];
      }
      score[u] = scatter_sums(part, lane);
      if constexpr (key_lanes == 16) score[u] += __shfl_xor_sync(all_lanes, score[u], 8);
      score[u] = base + u * side_by_side + lane / key_lanes < end ? score[u] * args.scale : -INFINITY;
      most = fmaxf(most, score[u]);
    }
    accumulate(score, v, most, lane);
  }

 private:
  __device__ void accumulate(float (&score)[in_flight], const Eight<held> (&v)[in_flight], float most, int lane) {
    for (int step = key_lanes; step < 32; step *= 2) most = fmaxf(most, __shfl_xor_sync(all_lanes, most, step));
    const float base = base_of(most), keep = expf(largest - base);
    largest = most, sum *= keep;
#pragma unroll
    for (int u = 0; u < in_flight; ++u) sum += score[u] = expf(score[u] - base);
    if (__any_sync(all_lanes, keep != 1.0f)) {
#pragma unroll
      for (int h = 0; h < heads_at_once; ++h) {
        const float factor = __shfl_sync(all_lanes, keep, h);
#pragma unroll
        for (int i = 0; i < 8; ++i) y[h][i] *= factor;
      }
    }
#pragma unroll
    for (int u = 0; u < in_flight; ++u) {
      float value[8];
      v[u].decode(value);
#pragma unroll
      for (int h = 0; h < heads_at_once; ++h) {
        const float weight = __shfl_sync(all_lanes, score[u], lane / key_lanes * key_lanes + h);
#pragma unroll
        for (int i = 0; i < 8; ++i) y[h][i] += weight * value[i];
      }
    }
  }
};

/// parts == 1: writes y itself; otherwise a part for add_parts. groups: blocks that the heads of one key head take.
/// stores: this kernel also stores k and v, which only works when no token needs those of another one.
template <int key_lanes, Held held>
__global__ void __launch_bounds__(threads) attend_keys(AttentionArgs args, int parts, int groups, bool stores) {
  constexpr int width = key_lanes * 8;
  __shared__ float warp_largest[warps][heads_at_once], warp_sums[warps][heads_at_once],
      warp_y[warps][heads_at_once][width];
  using Walk = KeyWalk<key_lanes, held>;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32,
            part = static_cast<int>(blockIdx.x);
  const int64_t token = blockIdx.z, kv_head = blockIdx.y / groups;
  const int group = args.heads / args.kv_heads, in_group = static_cast<int>(blockIdx.y) % groups * heads_at_once,
            heads = min(heads_at_once, group - in_group);
  const int64_t head = kv_head * group + in_group;
  const int last = args.positions[token], first = first_position(args, last), count = last - first + 1;
  // Whole rounds of the block, so that a short context is not spread over parts with a key each.
  constexpr int round = Walk::keys * warps;
  const int share = ((count + parts - 1) / parts + round - 1) / round * round;
  const int64_t begin = first + int64_t{part} * share;
  const int end = static_cast<int>(min(int64_t{last} + 1, begin + share));
  if (begin > last) {  // nothing left for this part; parts > 1, as the first is never empty
    if (threadIdx.x < heads) {
      float* out = part_of(args, token, head + threadIdx.x, part, parts);
      out[0] = -INFINITY, out[1] = 0;
    }
    return;
  }
  if (stores && end > last) {
    store_row<held>(args, token, kv_head, static_cast<int>(threadIdx.x), threads);
    __syncthreads();
  }

  const int slot = args.slots[token];
  Walk walk;
  const float* query = args.q + token * args.q_stride + head * args.head_dim;
  walk.load_queries(query, heads, args.head_dim, lane % key_lanes * 8, starts_on_16_bytes(query));
  for (int base = static_cast<int>(begin) + warp * Walk::keys; base < end; base += round)
    walk.advance(args, slot, kv_head, base, end, lane);

  for (int step = key_lanes; step < 32; step *= 2) {
    walk.sum += __shfl_xor_sync(all_lanes, walk.sum, step);
#pragma unroll
    for (int h = 0; h < heads_at_once; ++h)
#pragma unroll
      for (int i = 0; i < 8; ++i) walk.y[h][i] += __shfl_xor_sync(all_lanes, walk.y[h][i], step);
  }
  if (lane < heads_at_once) warp_largest[warp][lane] = walk.largest, warp_sums[warp][lane] = walk.sum;
  if (lane < key_lanes) {
#pragma unroll
    for (int h = 0; h < heads_at_once; ++h)
#pragma unroll
      for (int i = 0; i < 8; ++i) warp_y[warp][h][lane * 8 + i] = walk.y[h][i];
  }
  __syncthreads();

  for (int at = static_cast<int>(threadIdx.x); at < heads * args.head_dim; at += threads) {
    const int h = at / args.head_dim, i = at % args.head_dim;
    const float sink = args.sinks[head + h];
    float largest = parts == 1 ? sink : -INFINITY;
    for (int w = 0; w < warps; ++w) largest = fmaxf(largest, warp_largest[w][h]);
    const float base = base_of(largest);
    float sum = parts == 1 ? expf(sink - base) : 0.0f, y = 0;
    for (int w = 0; w < warps; ++w) {
      const float weight = expf(warp_largest[w][h] - base);
      sum += weight * warp_sums[w][h], y += weight * warp_y[w][h][i];
    }
    if (parts == 1) {
      args.y[(token * args.heads + head + h) * args.head_dim + i] = y / sum;
    } else {
      float* out = part_of(args, token, head + h, part, parts);
      out[2 + i] = y;
      if (i == 0) out[0] = largest, out[1] = sum;
    }
  }
}

/// A block for (head, token).
__global__ void __launch_bounds__(threads) add_parts(AttentionArgs args, int parts) {
  __shared__ float weights[attention_splits], sums[attention_splits];
  const int64_t head = blockIdx.x, token = blockIdx.y;
  const float* from = part_of(args, token, head, 0, parts);
  const float sink = args.sinks[head];
  const int64_t stride = args.head_dim + 2;
  if (threadIdx.x < 32) {
    const bool mine = static_cast<int>(threadIdx.x) < parts;
    const float score = mine ? from[threadIdx.x * stride] : -INFINITY;
    float largest = fmaxf(score, sink);
    for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(all_lanes, largest, step));
    const float base = base_of(largest), weight = expf(score - base);
    weights[threadIdx.x] = weight;
    sums[threadIdx.x] =
        (mine ? weight * from[threadIdx.x * stride + 1] : 0.0f) + (threadIdx.x == 0 ? expf(sink - base) : 0.0f);
  }
  __syncthreads();
  float sum = 0;
  for (int part = 0; part < parts; ++part) sum += sums[part];
  for (int i = static_cast<int>(threadIdx.x); i < args.head_dim; i += threads) {
    float y = 0;
    for (int first = 0; first < parts; first += 8) {
      float value[8];
#pragma unroll  // eight loads under way; the values of an empty part were never written
      for (int j = 0; j < 8; ++j) value[j] = weights[first + j] != 0 ? from[(first + j) * stride + 2 + i] : 0.0f;
#pragma unroll
      for (int j = 0; j < 8; ++j) y += weights[first + j] * value[j];
    }
    args.y[(token * args.heads + head) * args.head_dim + i] = y / sum;
  }
}
static_assert(attention_splits == 32, "add_parts has a lane for each");

}  // namespace
}  // namespace mxpath
