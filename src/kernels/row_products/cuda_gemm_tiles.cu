// Many rows of x: tiles of 64 rows of x by 128 rows of weights, both as floats in shared memory, columns first. A
// thread owns 8 × 8 sums.
#include "kernels/row_products/cuda_products.cuh"

namespace mxpath {
namespace {

constexpr int tile_x = 64, tile_w = 128, depth = 16, threads = 128;  // 16 columns at a time, two buffers: 24 KB
constexpr int columns_each = 8;                                      // a thread moves eight columns of a row at once
static_assert(threads % tile_x == 0 && threads % tile_w == 0, "a thread always moves pieces of the same rows");

/// Eight columns of a row of weights as they are stored, with the scale of their block.
template <WordFormat format>
struct Piece {
  static constexpr int words = format == WordFormat::any ? 8 : columns_each * bits_of(format) / 32;
  uint32_t word[words];
  uint32_t scale;  // as stored
};

template <WordFormat format>
__device__ inline void load_weights(const CudaProducts& p, const WeightRow& row, int expert, int64_t row_number,
                                    int64_t column, int shift, Piece<format>& piece) {
  if constexpr (format == WordFormat::any) {
    for (int i = 0; i < columns_each; ++i)
      piece.word[i] =
          column + i < p.weights.columns ? __float_as_uint(weight_at(p.weights, expert, row_number, column + i)) : 0;
  } else {
    const uint8_t* from = row.codes + column * bits_of(format) / 8;
    constexpr int words = Piece<format>::words;
    if (column >= p.weights.columns) {  // x is zero there; a code of zero is a number in every format
#pragma unroll
      for (int i = 0; i < words; ++i) piece.word[i] = 0;
      piece.scale = 0;
      return;
    }
    if constexpr (words == 1) {
      piece.word[0] = __ldg(reinterpret_cast<const uint32_t*>(from));
    } else if constexpr (words == 2) {
      const uint2 two = __ldg(reinterpret_cast<const uint2*>(from));
      piece.word[0] = two.x, piece.word[1] = two.y;
    } else {
#pragma unroll
      for (int i = 0; i < words; i += 4) {  // a row of floats may end after half a piece
        const bool inside = i == 0 || column + 4 < p.weights.columns;
        const uint4 four = inside ? __ldg(reinterpret_cast<const uint4*>(from) + i / 4) : uint4{0, 0, 0, 0};
        piece.word[i] = four.x, piece.word[i + 1] = four.y, piece.word[i + 2] = four.z, piece.word[i + 3] = four.w;
      }
    }
    piece.scale = stored_scale<format>(row.scales, column, shift);
  }
}

/// To column-first floats: to[column * tile_w].
template <WordFormat format>
__device__ inline void store_weights(const Piece<format>& piece, const float* table, float* to) {
  constexpr int columns = columns_of_word(format);
  [[maybe_unused]] const float scale = decode_scale<format>(piece.scale);
#pragma unroll
  for (int i = 0; i < Piece<format>::words; ++i) {
    float values[columns];
    if constexpr (format == WordFormat::any) values[0] = __uint_as_float(piece.word[i]);
    else decode_word<format>(piece.word[i], table, values);
#pragma unroll
    for (int c = 0; c < columns; ++c)
      to[(i * columns + c) * tile_w] = has_scales(format) ? values[c] * scale : values[c];
  }
}

__device__ inline void load_x(const float* x, int64_t column, int64_t columns, bool in_fours,
                              float (&piece)[columns_each]) {
  if (in_fours) {
#pragma unroll
    for (int i = 0; i < columns_each; i += 4) {
      const float4 four = column + i < columns ? *reinterpret_cast<const float4*>(x + column + i) : float4{0, 0, 0, 0};
      piece[i] = four.x, piece[i + 1] = four.y, piece[i + 2] = four.z, piece[i + 3] = four.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < columns_each; ++i) piece[i] = column + i < columns ? x[column + i] : 0.0f;
  }
}

/// Two quads, half a tile apart: neighbours in a warp then read neighbouring banks.
template <int size>
__device__ inline void load_fragment(const float* from, float (&out)[8]) {
  const float4 a = *reinterpret_cast<const float4*>(from), b = *reinterpret_cast<const float4*>(from + size / 2);
  out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w, out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
}

/// Eight sums of one row of x: two runs of four rows of weights.
__device__ inline void write_sums(const CudaProducts& p, int expert, int entry, int64_t n0, const float (&sums)[8],
                                  bool in_fours) {
  float* y = p.y + y_row(p, entry) * p.y_stride;
  const float* bias = p.bias ? p.bias + expert * p.weights.rows : nullptr;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int64_t n = n0 + half * (tile_w / 2);
    if (in_fours && n + 4 <= p.weights.rows) {
      float4 out = {sums[half * 4], sums[half * 4 + 1], sums[half * 4 + 2], sums[half * 4 + 3]};
      if (bias) out.x += bias[n], out.y += bias[n + 1], out.z += bias[n + 2], out.w += bias[n + 3];
      float4* to = reinterpret_cast<float4*>(y + n);
      if (p.accumulate) {
        const float4 before = *to;
        out.x += before.x, out.y += before.y, out.z += before.z, out.w += before.w;
      }
      *to = out;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (n + i >= p.weights.rows) continue;
        const float out = bias ? sums[half * 4 + i] + bias[n + i] : sums[half * 4 + i];
        y[n + i] = p.accumulate ? y[n + i] + out : out;
      }
    }
  }
}

template <WordFormat format>
__global__ void __launch_bounds__(threads, 3) gemm_tiles(const __grid_constant__ CudaProducts p, int tiles) {
  __shared__ __align__(16) float xs[2][depth][tile_x], ws[2][depth][tile_w];
  __shared__ float table[nf4_table_size];
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32;
  const RowTile tile = find_tile(p, static_cast<int>(blockIdx.x % static_cast<unsigned>(tiles)), tile_x);
  if (tile.count <= 0) return;
  fill_nf4_table<format>(table);

  const int64_t columns = p.weights.columns, n0 = int64_t{blockIdx.x / static_cast<unsigned>(tiles)} * tile_w;
  // What this thread moves: 8 columns of one row of x, 16 columns of one row of weights. Beyond the ends it moves the
  // last row once more.
  const int x_lane = tid % tile_x, x_part = tid / tile_x * columns_each;
  const float* x = p.x + x_row(p, tile.begin + min(x_lane, tile.count - 1)) * p.x_stride;
  const bool x_fours = x_in_fours(p);
  const int64_t w_row = min(n0 + tid, p.weights.rows - 1);
  const WeightRow w = row_of<format>(p.weights, tile.expert, w_row);
  const int shift = p.weights.map.scale_shift;

  float x_piece[columns_each];
  Piece<format> w_piece[depth / columns_each];
  const auto load = [&](int64_t column) {
    load_x(x, column + x_part, columns, x_fours, x_piece);
#pragma unroll
    for (int i = 0; i < depth / columns_each; ++i)
      load_weights<format>(p, w, tile.expert, w_row, column + i * columns_each, shift, w_piece[i]);
  };
  const auto store = [&](int buffer) {
#pragma unroll
    for (int i = 0; i < columns_each; ++i) xs[buffer][x_part + i][x_lane] = x_piece[i];
#pragma unroll
    for (int i = 0; i < depth / columns_each; ++i)
      store_weights<format>(w_piece[i], table, &ws[buffer][i * columns_each][tid]);
  };

  // A warp is 4 × 8 threads: what it reads of x and of the weights for one column is 64 and 128 bytes.
  const int mx = (warp / 2 * 4 + lane / 8) * 4, nx = (warp % 2 * 8 + lane % 8) * 4;
  float sums[8][8] = {};
  load(0);
  __syncthreads();  // the table
  store(0);
  __syncthreads();
  int buffer = 0;
  for (int64_t column = 0; column < columns; column += depth) {
    const bool more = column + depth < columns;
    if (more) load(column + depth);
#pragma unroll 8
    for (int k = 0; k < depth; ++k) {
      float a[8], b[8];
      load_fragment<tile_x>(&xs[buffer][k][mx], a);
      load_fragment<tile_w>(&ws[buffer][k][nx], b);
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int j = 0; j < 8; ++j) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
    }
    if (more) store(buffer ^ 1);
    __syncthreads();
    buffer ^= 1;
  }

  const bool y_fours = reinterpret_cast<uintptr_t>(p.y) % 16 == 0 && p.y_stride % 4 == 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int m = mx + i % 4 + i / 4 * (tile_x / 2);
    if (m < tile.count) write_sums(p, tile.expert, tile.begin + m, n0 + nx, sums[i], y_fours);
  }
  if (p.position && n0 == 0 && tid < tile.count) p.position[p.order[tile.begin + tid]] = tile.begin + tid;
}

}  // namespace

void cuda_gemm_tiles(Stream& stream, const char* name, const CudaProducts& p) {
  with_format(p.weights, [&]<WordFormat format>() {
    const int64_t tiles = tile_bound(p, tile_x);
    launch(stream, name, gemm_tiles<format>, dim3(static_cast<unsigned>(tiles * blocks_for(p.weights.rows, tile_w))),
           dim3(threads), p, static_cast<int>(tiles));
  });
}

const void* cuda_gemm_tiles_kernel() { return reinterpret_cast<const void*>(gemm_tiles<WordFormat::mxfp4>); }

}  // namespace mxpath
