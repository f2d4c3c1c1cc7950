// Four kernels beside the one that stores keys and values:
//   attend_keys   a block for (part of the keys, key head, token): its warps share the keys, all query heads of the key
//   head share what is read. A decode. add_parts     puts the parts of one head together in a fixed order, with the
//   sink. attend_tile   a block for (a few tokens with all their heads, key head): scores and sums as small matrix
//   products in registers. A prompt. attend_plain  a block for (token, head), for head sizes that the others do not
//   take.
#include <climits>

#include "kernels/attention/attention.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda_row.h"

namespace mxpath {
namespace {

constexpr const char* name = "attention.cuda.portable.f32";
constexpr int threads = 128, warps = threads / 32;
/// Query heads that attend_keys takes at once; larger groups take several blocks.
constexpr int heads_at_once = 8;
/// Up to so many tokens attend_keys is used: a tile of tokens pays off when many of them share a sequence.
constexpr int most_single_tokens = 64;

// ---- positions, keys and values
// -------------------------------------------------------------------------------------------------------------

/// The bits of what BF16 holds, as src/formats/bf16.h rounds.
__device__ uint16_t bf16_of(float x) {
  const uint32_t u = __float_as_uint(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((u >> 16) | 0x40);
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}
__device__ float low_bf16(uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ float high_bf16(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }
__device__ void decode_8(uint4 words, float (&out)[8]) {
  out[0] = low_bf16(words.x), out[1] = high_bf16(words.x), out[2] = low_bf16(words.y), out[3] = high_bf16(words.y);
  out[4] = low_bf16(words.z), out[5] = high_bf16(words.z), out[6] = low_bf16(words.w), out[7] = high_bf16(words.w);
}

/// A KvView in registers. No load of keys or values may go through the read-only cache: the kernel itself may have
/// stored them.
struct Cache {
  uint16_t* const* k_blocks;
  uint16_t* const* v_blocks;
  unsigned capacity;
  __device__ explicit Cache(const KvView* view)
      : k_blocks(view->k_blocks),
        v_blocks(view->v_blocks),
        capacity(view->capacity < INT_MAX ? static_cast<unsigned>(view->capacity) : INT_MAX) {}
};
/// Where the row of one position and key head lies.
struct CacheSlot {
  unsigned block;
  int64_t offset;  // elements
  __device__ CacheSlot(const Cache& cache, int position, int64_t kv_head, int head_dim) {
    const unsigned p = static_cast<unsigned>(position), slot = p < cache.capacity ? p : p % cache.capacity;
    block = slot / kv_block_tokens, offset = (kv_head * kv_block_tokens + slot % kv_block_tokens) * head_dim;
  }
};

__device__ int first_position(const AttentionArgs& args, int last) {
  return args.window > 0 && last >= args.window ? last - args.window + 1 : 0;
}

/// Writes k and v of one token and key head; `lanes` threads of which this is number `lane`.
__device__ void store_row(const AttentionArgs& args, int64_t token, int64_t kv_head, int lane, int lanes) {
  const Cache cache(args.kv[token]);
  const CacheSlot slot(cache, args.positions[token], kv_head, args.head_dim);
  uint16_t *k = cache.k_blocks[slot.block] + slot.offset, *v = cache.v_blocks[slot.block] + slot.offset;
  const int64_t from = token * args.q_stride + kv_head * args.head_dim;
  for (int i = lane; i < args.head_dim; i += lanes) k[i] = bf16_of(args.k[from + i]), v[i] = bf16_of(args.v[from + i]);
}

__global__ void __launch_bounds__(threads) store_keys(AttentionArgs args) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t head = warp; head < args.kv_heads; head += warps) store_row(args, blockIdx.x, head, lane, 32);
}

__device__ bool starts_on_16_bytes(const float* x) { return reinterpret_cast<uintptr_t>(x) % 16 == 0; }

/// For e^(score - base_of(largest)), where minus infinity stands for nothing at all: 0 even if the largest is that too.
__device__ float base_of(float largest) { return largest == -INFINITY ? 0.0f : largest; }

// ---- attend_keys
// ----------------------------------------------------------------------------------------------------------------------------

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
template <int key_lanes>
struct KeyWalk {
  static constexpr int side_by_side = 32 / key_lanes, in_flight = 4, keys = side_by_side * in_flight;
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
  __device__ void advance(const AttentionArgs& args, const Cache& cache, int64_t kv_head, int base, int end, int lane) {
    const int chunk = lane % key_lanes * 8;
    uint4 k[in_flight], v[in_flight];
#pragma unroll
    for (int u = 0; u < in_flight; ++u) {
      const int position = base + u * side_by_side + lane / key_lanes;
      k[u] = v[u] = uint4{0, 0, 0, 0};  // what is not there must not reach a sum, not even times zero
      if (position < end && chunk < args.head_dim) {
        const CacheSlot slot(cache, position, kv_head, args.head_dim);
        k[u] = *reinterpret_cast<const uint4*>(cache.k_blocks[slot.block] + slot.offset + chunk);
        v[u] = *reinterpret_cast<const uint4*>(cache.v_blocks[slot.block] + slot.offset + chunk);
      }
    }
    float score[in_flight], most = largest;
#pragma unroll
    for (int u = 0; u < in_flight; ++u) {
      float key[8], part[heads_at_once];
      decode_8(k[u], key);
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
  __device__ void accumulate(float (&score)[in_flight], const uint4 (&v)[in_flight], float most, int lane) {
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
      decode_8(v[u], value);
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
template <int key_lanes>
__global__ void __launch_bounds__(threads) attend_keys(AttentionArgs args, int parts, int groups, bool stores) {
  constexpr int width = key_lanes * 8;
  __shared__ float warp_largest[warps][heads_at_once], warp_sums[warps][heads_at_once],
      warp_y[warps][heads_at_once][width];
  using Walk = KeyWalk<key_lanes>;
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
    store_row(args, token, kv_head, static_cast<int>(threadIdx.x), threads);
    __syncthreads();
  }

  const Cache cache(args.kv[token]);
  Walk walk;
  const float* query = args.q + token * args.q_stride + head * args.head_dim;
  walk.load_queries(query, heads, args.head_dim, lane % key_lanes * 8, starts_on_16_bytes(query));
  for (int base = static_cast<int>(begin) + warp * Walk::keys; base < end; base += round)
    walk.advance(args, cache, kv_head, base, end, lane);

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

// ---- attend_tile
// ----------------------------------------------------------------------------------------------------------------------------

/// rows: (token, head) pairs of a block; keys: at once. A thread owns row_tile rows, and of them key_tile scores and
/// dim_tile outputs.
template <int dims_, int rows_, int keys_>
struct Tile {
  static constexpr int dims = dims_, rows = rows_, keys = keys_, columns = 16;
  static constexpr int row_tile = rows / (threads / columns), key_tile = keys / columns, dim_tile = dims / columns;
  static_assert(row_tile % 4 == 0 && dim_tile % 4 == 0 && key_tile % 2 == 0 && threads % keys == 0);
  float q[dims][rows];
  union {
    float k[dims][keys];
    float p[keys][rows];  // the scores take the place of the keys
  };
  uint16_t v[keys][dims];
};

template <int count>
__device__ void load_floats(const float* from, float (&to)[count]) {
  if constexpr (count % 4 == 0) {
#pragma unroll
    for (int i = 0; i < count; i += 4) {
      const float4 x = *reinterpret_cast<const float4*>(from + i);
      to[i] = x.x, to[i + 1] = x.y, to[i + 2] = x.z, to[i + 3] = x.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < count; i += 2) {
      const float2 x = *reinterpret_cast<const float2*>(from + i);
      to[i] = x.x, to[i + 1] = x.y;
    }
  }
}

/// The rows of a block: token_count tokens from first_token on, `heads` heads each. Row r is head r % heads of token r
/// / heads.
struct TileRows {
  int first_token, token_count, heads;
  int64_t head;
};

template <class T>
__device__ void load_queries(const AttentionArgs& args, const TileRows& rows, T& tile) {
  const bool wide = starts_on_16_bytes(args.q) && args.q_stride % 4 == 0;
  // Neighbouring threads take neighbouring rows: they write side by side.
  for (int at = static_cast<int>(threadIdx.x); at < T::dims / 4 * T::rows; at += threads) {
    const int row = at % T::rows, d = at / T::rows * 4, token = row / rows.heads, head = row % rows.heads;
    float4 x{0, 0, 0, 0};
    if (token < rows.token_count && d < args.head_dim) {
      const float* from = args.q + (rows.first_token + token) * args.q_stride + (rows.head + head) * args.head_dim + d;
      x = wide ? *reinterpret_cast<const float4*>(from) : float4{from[0], from[1], from[2], from[3]};
    }
    tile.q[d][row] = x.x, tile.q[d + 1][row] = x.y, tile.q[d + 2][row] = x.z, tile.q[d + 3][row] = x.w;
  }
}

/// Eight elements of the row of a position before `end`, otherwise zeros.
__device__ uint4 load_8(const AttentionArgs& args, const Cache& cache, uint16_t* const* blocks, int64_t kv_head,
                        int position, int end, int chunk) {
  if (position >= end || chunk >= args.head_dim) return {0, 0, 0, 0};
  const CacheSlot slot(cache, position, kv_head, args.head_dim);
  return *reinterpret_cast<const uint4*>(blocks[slot.block] + slot.offset + chunk);
}

/// Keys and values of positions [base, base + keys) before `end`; zeros for the rest.
template <class T>
__device__ void load_keys(const AttentionArgs& args, const Cache& cache, int64_t kv_head, int base, int end, T& tile) {
  const int thread = static_cast<int>(threadIdx.x);
  constexpr int chunks = T::dims / 8;
  // Keys are turned around: neighbouring threads take neighbouring keys, and write side by side.
#pragma unroll
  for (int at = thread; at < T::keys * chunks; at += threads) {
    const int key = at % T::keys, chunk = at / T::keys * 8;
    float values[8];
    decode_8(load_8(args, cache, cache.k_blocks, kv_head, base + key, end, chunk), values);
#pragma unroll
    for (int i = 0; i < 8; ++i) tile.k[chunk + i][key] = values[i];
  }
  // Values keep their order: neighbouring threads read side by side.
#pragma unroll
  for (int at = thread; at < T::keys * chunks; at += threads) {
    const int key = at / chunks, chunk = at % chunks * 8;
    *reinterpret_cast<uint4*>(&tile.v[key][chunk]) =
        load_8(args, cache, cache.v_blocks, kv_head, base + key, end, chunk);
  }
}

/// What one thread holds of its rows.
template <class T>
struct TileState {
  float y[T::row_tile][T::dim_tile] = {}, largest[T::row_tile], sum[T::row_tile] = {};
  int first[T::row_tile],
      last[T::row_tile];  // positions that a row looks at in the sequence at hand; none: last < first
  int row, column;

  __device__ TileState()
      : row(static_cast<int>(threadIdx.x) / T::columns * T::row_tile),
        column(static_cast<int>(threadIdx.x) % T::columns) {
#pragma unroll
    for (int i = 0; i < T::row_tile; ++i) largest[i] = -INFINITY;
  }

  __device__ void limits(const AttentionArgs& args, const TileRows& rows, int from, int to) {
#pragma unroll
    for (int i = 0; i < T::row_tile; ++i) {
      const int token = (row + i) / rows.heads;
      const bool here = from <= token && token < to;
      last[i] = here ? args.positions[rows.first_token + token] : -1;
      first[i] = here ? first_position(args, last[i]) : 0;
    }
  }

  __device__ void score(const T& tile, float (&s)[T::row_tile][T::key_tile]) const {
#pragma unroll
    for (int i = 0; i < T::row_tile; ++i)
#pragma unroll
      for (int j = 0; j < T::key_tile; ++j) s[i][j] = 0;
#pragma unroll 8
    for (int d = 0; d < T::dims; ++d) {
      float a[T::row_tile], b[T::key_tile];
      load_floats(&tile.q[d][row], a), load_floats(&tile.k[d][column * T::key_tile], b);
#pragma unroll
      for (int i = 0; i < T::row_tile; ++i)
#pragma unroll
        for (int j = 0; j < T::key_tile; ++j) s[i][j] += a[i] * b[j];
    }
  }

  /// Scores to weights, with everything before them brought down to the new largest score.
  __device__ void softmax(float (&s)[T::row_tile][T::key_tile], float scale, int base) {
#pragma unroll
    for (int i = 0; i < T::row_tile; ++i) {
      float most = largest[i];
#pragma unroll
      for (int j = 0; j < T::key_tile; ++j) {
        const int position = base + column * T::key_tile + j;
        s[i][j] = first[i] <= position && position <= last[i] ? s[i][j] * scale : -INFINITY;
        most = fmaxf(most, s[i][j]);
      }
      for (int step = 1; step < T::columns; step *= 2) most = fmaxf(most, __shfl_xor_sync(all_lanes, most, step));
      const float zero = base_of(most), keep = expf(largest[i] - zero);
      largest[i] = most, sum[i] *= keep;
#pragma unroll
      for (int j = 0; j < T::key_tile; ++j) sum[i] += s[i][j] = expf(s[i][j] - zero);
#pragma unroll
      for (int d = 0; d < T::dim_tile; ++d) y[i][d] *= keep;
    }
  }

  __device__ void store_probabilities(const float (&s)[T::row_tile][T::key_tile], T& tile) const {
#pragma unroll
    for (int j = 0; j < T::key_tile; ++j)
#pragma unroll
      for (int i = 0; i < T::row_tile; i += 4)
        *reinterpret_cast<float4*>(&tile.p[column * T::key_tile + j][row + i]) =
            float4{s[i][j], s[i + 1][j], s[i + 2][j], s[i + 3][j]};
  }

  __device__ void add_values(const T& tile) {
#pragma unroll 4
    for (int key = 0; key < T::keys; ++key) {
      float a[T::row_tile], b[T::dim_tile];
      load_floats(&tile.p[key][row], a);
#pragma unroll
      for (int d = 0; d < T::dim_tile; d += 4) {
        const uint2 words = *reinterpret_cast<const uint2*>(&tile.v[key][column * T::dim_tile + d]);
        b[d] = low_bf16(words.x), b[d + 1] = high_bf16(words.x), b[d + 2] = low_bf16(words.y),
        b[d + 3] = high_bf16(words.y);
      }
#pragma unroll
      for (int i = 0; i < T::row_tile; ++i)
#pragma unroll
        for (int d = 0; d < T::dim_tile; ++d) y[i][d] += a[i] * b[d];
    }
  }

  __device__ void finish(const AttentionArgs& args, const TileRows& rows) {
#pragma unroll
    for (int i = 0; i < T::row_tile; ++i) {
      for (int step = 1; step < T::columns; step *= 2) sum[i] += __shfl_xor_sync(all_lanes, sum[i], step);
      const int token = (row + i) / rows.heads;
      const int64_t head = rows.head + (row + i) % rows.heads;
      if (token >= rows.token_count) continue;
      const float sink = args.sinks[head], base = base_of(fmaxf(largest[i], sink)), weight = expf(largest[i] - base),
                  total = sum[i] * weight + expf(sink - base);
      float* out =
          args.y + ((int64_t{rows.first_token} + token) * args.heads + head) * args.head_dim + column * T::dim_tile;
#pragma unroll
      for (int d = 0; d < T::dim_tile; ++d)
        if (column * T::dim_tile + d < args.head_dim) out[d] = y[i][d] * weight / total;
    }
  }
};

/// tokens_at_once tokens per block; `heads` of a key head's query heads at once, `groups` blocks for all of them.
template <class T>
__global__ void __launch_bounds__(threads) attend_tile(AttentionArgs args, int tokens_at_once, int heads, int groups) {
  __shared__ __align__(16) unsigned char memory[sizeof(T)];
  T& tile = *reinterpret_cast<T*>(memory);
  const int group = args.heads / args.kv_heads, in_group = static_cast<int>(blockIdx.y) % groups * heads;
  const int64_t kv_head = blockIdx.y / groups;
  TileRows rows;
  // The last tokens look at most keys: they start first.
  rows.first_token = static_cast<int>(gridDim.x - 1 - blockIdx.x) * tokens_at_once;
  rows.token_count = min(tokens_at_once, args.tokens - rows.first_token);
  rows.heads = min(heads, group - in_group), rows.head = kv_head * group + in_group;
  load_queries(args, rows, tile);
  TileState<T> state;
  // A stretch of tokens that follow each other in one sequence looks at a stretch of keys; a batch of many sequences
  // has many of them.
  for (int from = 0, to; from < rows.token_count; from = to) {
    const KvView* view = args.kv[rows.first_token + from];
    for (to = from + 1; to < rows.token_count; ++to) {
      const int64_t t = rows.first_token + to;
      if (args.kv[t] != view || args.positions[t] != args.positions[t - 1] + 1) break;
    }
    const Cache cache(view);
    const int begin = first_position(args, args.positions[rows.first_token + from]),
              end = args.positions[rows.first_token + to - 1] + 1;
    state.limits(args, rows, from, to);
    for (int base = begin; base < end; base += T::keys) {
      float s[T::row_tile][T::key_tile];
      __syncthreads();  // nobody reads the last keys any more
      load_keys(args, cache, kv_head, base, end, tile);
      __syncthreads();
      state.score(tile, s);
      state.softmax(s, args.scale, base);
      __syncthreads();
      state.store_probabilities(s, tile);
      __syncthreads();
      state.add_values(tile);
    }
  }
  state.finish(args, rows);
}
using Tile64 = Tile<64, 64, 64>;
using Tile128 = Tile<128, 32, 32>;
static_assert(sizeof(Tile64) <= 48 * 1024 && sizeof(Tile128) <= 48 * 1024);

// ---- attend_plain
// ---------------------------------------------------------------------------------------------------------------------------

/// A block for (token, head); a thread for a key, then for a dimension. y itself holds the sums on the way.
__global__ void __launch_bounds__(threads) attend_plain(AttentionArgs args) {
  __shared__ float scores[threads], most[warps];
  const int64_t token = blockIdx.x, head = blockIdx.y, kv_head = head / (args.heads / args.kv_heads);
  const int thread = static_cast<int>(threadIdx.x), last = args.positions[token];
  const Cache cache(args.kv[token]);
  const float* q = args.q + token * args.q_stride + head * args.head_dim;
  float* y = args.y + (token * args.heads + head) * args.head_dim;
  float largest = args.sinks[head], sum = largest == -INFINITY ? 0.0f : 1.0f;
  for (int i = thread; i < args.head_dim; i += threads) y[i] = 0;
  for (int base = first_position(args, last); base <= last; base += threads) {
    const int count = min(threads, last + 1 - base);
    float score = -INFINITY;
    if (thread < count) {
      const CacheSlot slot(cache, base + thread, kv_head, args.head_dim);
      const uint16_t* k = cache.k_blocks[slot.block] + slot.offset;
      score = 0;
      for (int i = 0; i < args.head_dim; ++i) score += q[i] * low_bf16(k[i]);
      score *= args.scale;
    }
    float chunk_most = score;
    for (int step = 16; step > 0; step /= 2)
      chunk_most = fmaxf(chunk_most, __shfl_xor_sync(all_lanes, chunk_most, step));
    if (thread % 32 == 0) most[thread / 32] = chunk_most;
    __syncthreads();
    float now = largest;
    for (int w = 0; w < warps; ++w) now = fmaxf(now, most[w]);
    const float zero = base_of(now), keep = expf(largest - zero);
    largest = now;
    scores[thread] = expf(score - zero);
    __syncthreads();
    sum *= keep;
    for (int j = 0; j < count; ++j) sum += scores[j];
    for (int i = thread; i < args.head_dim; i += threads) {
      float value = y[i] * keep;
      for (int j = 0; j < count; ++j) {
        const CacheSlot slot(cache, base + j, kv_head, args.head_dim);
        value += scores[j] * low_bf16(cache.v_blocks[slot.block][slot.offset + i]);
      }
      y[i] = value;
    }
    __syncthreads();
  }
  for (int i = thread; i < args.head_dim; i += threads) y[i] /= sum;
}

// ---- which of them
// --------------------------------------------------------------------------------------------------------------------------

void launch_keys(const AttentionArgs& args) {
  const int groups = (args.heads / args.kv_heads + heads_at_once - 1) / heads_at_once;
  // A window is short: up to 128 keys of it a block, so the usual one needs no second kernel.
  const int most = args.window > 0 ? (args.window - 1) / 128 + 1 : attention_splits;
  const int parts = args.tokens > attention_split_tokens ? 1 : most < attention_splits ? most : attention_splits;
  const dim3 grid(static_cast<unsigned>(parts), static_cast<unsigned>(args.kv_heads * groups),
                  static_cast<unsigned>(args.tokens));
  const bool stores = args.k && args.tokens == 1;
  launch(*args.stream, name, args.head_dim <= 64 ? attend_keys<8> : attend_keys<16>, grid, dim3(threads), args, parts,
         groups, stores);
  if (parts > 1)
    launch(*args.stream, name, add_parts, dim3(static_cast<unsigned>(args.heads), static_cast<unsigned>(args.tokens)),
           dim3(threads), args, parts);
}

template <class T>
void launch_tile(const AttentionArgs& args) {
  const int group = args.heads / args.kv_heads, heads = group < T::rows ? group : T::rows,
            groups = (group + heads - 1) / heads, tokens_at_once = T::rows / heads;
  launch(*args.stream, name, attend_tile<T>,
         dim3(blocks_for(args.tokens, tokens_at_once), static_cast<unsigned>(args.kv_heads * groups)), dim3(threads),
         args, tokens_at_once, heads, groups);
}

const void* const images[] = {
    reinterpret_cast<const void*>(&store_keys),          reinterpret_cast<const void*>(&attend_keys<8>),
    reinterpret_cast<const void*>(&attend_keys<16>),     reinterpret_cast<const void*>(&add_parts),
    reinterpret_cast<const void*>(&attend_tile<Tile64>), reinterpret_cast<const void*>(&attend_tile<Tile128>),
    reinterpret_cast<const void*>(&attend_plain)};

}  // namespace

void attention_cuda_portable(const AttentionArgs& args) {
  const bool plain = args.head_dim % 8 != 0 || args.head_dim > 128,
             single = !plain && args.tokens <= most_single_tokens;
  if (args.k && !(single && args.tokens == 1))
    launch(*args.stream, name, store_keys, dim3(blocks_for(args.tokens, 1)), dim3(threads), args);
  if (plain)
    launch(*args.stream, name, attend_plain, dim3(blocks_for(args.tokens, 1), static_cast<unsigned>(args.heads)),
           dim3(threads), args);
  else if (single) launch_keys(args);
  else if (args.head_dim <= 64) launch_tile<Tile64>(args);
  else launch_tile<Tile128>(args);
}
KernelImages attention_cuda_portable_images() { return images; }

}  // namespace mxpath
