// attend_tile: a block for (a few tokens with all their heads, key head): scores and sums as small matrix products in
// registers. A prompt.
#pragma once
#include <type_traits>

#include "kernels/attention/portable_cache.cuh"

namespace mxpath {
namespace {

/// rows: (token, head) pairs of a block; keys: at once. A thread owns row_tile rows, and of them key_tile scores and
/// dim_tile outputs.
template <int dims_, int rows_, int keys_, Held held_>
struct Tile {
  static constexpr Held held = held_;
  static constexpr int dims = dims_, rows = rows_, keys = keys_, columns = 16;
  static constexpr int row_tile = rows / (threads / columns), key_tile = keys / columns, dim_tile = dims / columns;
  static_assert(row_tile % 4 == 0 && dim_tile % 4 == 0 && key_tile % 2 == 0 && threads % keys == 0);
  float q[dims][rows];
  union {
    float k[dims][keys];
    float p[keys][rows];  // the scores take the place of the keys
  };
  /// As they are held, or decoded.
  std::conditional_t<held == Held::any, float, uint16_t> v[keys][dims];
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
template <Held held>
__device__ Eight<held> load_8(const AttentionArgs& args, int slot, int64_t half, int64_t kv_head, int position, int end,
                              int chunk) {
  Eight<held> eight;
  if (position < end && chunk < args.head_dim)
    eight.load(args, CacheRow::at<held>(args, slot, position, kv_head), half, chunk);
  return eight;
}

/// Keys and values of positions [base, base + keys) before `end`; zeros for the rest.
template <class T>
__device__ void load_keys(const AttentionArgs& args, int slot, int64_t kv_head, int base, int end, T& tile) {
  const int thread = static_cast<int>(threadIdx.x);
  constexpr int chunks = T::dims / 8;
  // Keys are turned around: neighbouring threads take neighbouring keys, and write side by side.
#pragma unroll
  for (int at = thread; at < T::keys * chunks; at += threads) {
    const int key = at % T::keys, chunk = at / T::keys * 8;
    float values[8];
    load_8<T::held>(args, slot, args.kv.keys, kv_head, base + key, end, chunk).decode(values);
#pragma unroll
    for (int i = 0; i < 8; ++i) tile.k[chunk + i][key] = values[i];
  }
  // Values keep their order: neighbouring threads read side by side.
#pragma unroll
  for (int at = thread; at < T::keys * chunks; at += threads) {
    const int key = at / chunks, chunk = at % chunks * 8;
    const Eight<T::held> eight = load_8<T::held>(args, slot, args.kv.values, kv_head, base + key, end, chunk);
    if constexpr (T::held == Held::any) {
#pragma unroll
      for (int i = 0; i < 8; ++i) tile.v[key][chunk + i] = eight.values[i];
    } else {
      *reinterpret_cast<uint4*>(&tile.v[key][chunk]) = eight.words;
    }
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
        if constexpr (T::held == Held::any) {
          const float4 x = *reinterpret_cast<const float4*>(&tile.v[key][column * T::dim_tile + d]);
          b[d] = x.x, b[d + 1] = x.y, b[d + 2] = x.z, b[d + 3] = x.w;
        } else {
          const uint2 words = *reinterpret_cast<const uint2*>(&tile.v[key][column * T::dim_tile + d]);
          b[d] = low_of<T::held>(words.x), b[d + 1] = high_of<T::held>(words.x);
          b[d + 2] = low_of<T::held>(words.y), b[d + 3] = high_of<T::held>(words.y);
        }
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
    const int slot = args.slots[rows.first_token + from];
    for (to = from + 1; to < rows.token_count; ++to) {
      const int64_t t = rows.first_token + to;
      if (args.slots[t] != slot || args.positions[t] != args.positions[t - 1] + 1) break;
    }
    // Whole rounds of keys from an aligned one on, so that a token meets the same sums whatever shares its tile.
    const int begin = first_position(args, args.positions[rows.first_token + from]) / T::keys * T::keys,
              end = args.positions[rows.first_token + to - 1] + 1;
    state.limits(args, rows, from, to);
    for (int base = begin; base < end; base += T::keys) {
      float s[T::row_tile][T::key_tile];
      __syncthreads();  // nobody reads the last keys any more
      load_keys(args, slot, kv_head, base, end, tile);
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
template <Held held>
using Tile64 = Tile<64, 64, 64, held>;
template <Held held>
using Tile128 = Tile<128, 32, 32, held>;
static_assert(sizeof(Tile64<Held::any>) <= 48 * 1024 && sizeof(Tile128<Held::any>) <= 48 * 1024);
static_assert(kv_page_tokens % Tile64<Held::any>::keys == 0 && kv_page_tokens % Tile128<Held::any>::keys == 0,
              "a round of keys reads no page but that of a key that is seen");

}  // namespace
}  // namespace mxpath
