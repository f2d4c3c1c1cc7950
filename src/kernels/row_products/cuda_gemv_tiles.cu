// Few rows of x: a warp takes a few rows of weights and all columns, so that weights are read once, in 16-byte pieces,
// and every piece feeds up to eight rows of x. x lies in shared memory as floats.
#include <algorithm>

#include "kernels/row_products/cuda_products.cuh"

namespace mxpath {
namespace {

constexpr int warps = 8;
/// A block takes up to so many rounds of rows, as long as there are so many blocks: a few times what is at work at once
/// on the largest cards.
constexpr int64_t most_rounds = 8, enough_blocks = 1024;

/// How a warp of the kernel works for one format and T rows of x.
template <WordFormat format, int T>
struct Shape {
  static constexpr int chunk =
      format == WordFormat::any ? 8 : 128 / bits_of(format);  // columns of a lane's 16-byte piece
  static constexpr int base = format == WordFormat::any ? 1 : bits_of(format) >= 16 ? 1 : bits_of(format) == 8 ? 2 : 4;
  // Rows of weights share what is read of x: the more rows of x, the more of them. As many pieces are requested ahead
  // as are at work.
  static constexpr int rows = format == WordFormat::any ? 1 : T == 8 ? 4 : T == 4 && base < 2 ? 2 : base;
  static constexpr int depth = format == WordFormat::any ? 1 : T == 1 && rows == 1 ? 2 : 4 / rows;
  static constexpr int step = 32 * chunk * depth;         // columns that a warp takes at once; divides 1024
  static constexpr int panel = T <= 2 ? 4096 : 8192 / T;  // columns of x in shared memory
  static constexpr bool block_scales =
      format == WordFormat::mxfp4 || format == WordFormat::int4 || format == WordFormat::nf4;
  static constexpr bool row_scales = has_scales(format) && !block_scales;
  // Blocks a multiprocessor that the registers must allow. Five: 5,120 rows of 16-bit weights (the 20b's q, k and v)
  // are then at work at once on 132.
  static constexpr int blocks = format == WordFormat::any || T == 8 || (T > 1 && base == 4) ? 2
                                : T > 1 || base == 4                                        ? 3
                                : base == 2                                                 ? 4
                                                                                            : 5;
  static constexpr int group = chunk < 8 || bits_of(format) >= 8 ? 4 : 8;  // columns decoded at once
};

/// Where column c of a panel lies: four floats of padding after every 32 keep the lanes of a warp in different banks
/// for pieces of any length.
__device__ constexpr int spread(int c) { return c + c / 32 * 4; }

__device__ inline uint4 load_piece(const uint8_t* from) {
  uint4 piece;
  // Read once: not worth a line of the first-level cache. volatile keeps it where it is, ahead of the barrier.
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(piece.x), "=r"(piece.y), "=r"(piece.z), "=r"(piece.w)
               : "l"(from));
  return piece;
}

/// Columns [g * group, (g + 1) * group) of a piece, before their scale.
template <WordFormat format, int group>
__device__ inline void decode_group(const uint4& piece, int g, const float* table, float (&out)[group]) {
  const uint32_t words[4] = {piece.x, piece.y, piece.z, piece.w};
  constexpr int columns = columns_of_word(format), count = group / columns;
#pragma unroll
  for (int i = 0; i < count; ++i) {
    float values[columns];
    decode_word<format>(words[g * count + i], table, values);
#pragma unroll
    for (int c = 0; c < columns; ++c) out[i * columns + c] = values[c];
  }
}

/// Adds the lanes of a warp up, for N values at once: every step halves the values of a lane while there are several.
/// The total of value lane / (32 / N) is what the lane returns. Recursion, so that every index is a constant and the
/// values stay in registers.
template <int N, int offset = 16>
__device__ inline float add_lanes(const float (&values)[N]) {
  if constexpr (N > 1) {
    const bool upper = (threadIdx.x & offset) != 0;
    float half[N / 2];
#pragma unroll
    for (int i = 0; i < N / 2; ++i)
      half[i] =
          (upper ? values[i + N / 2] : values[i]) + __shfl_xor_sync(~0u, upper ? values[i] : values[i + N / 2], offset);
    return add_lanes<N / 2, offset / 2>(half);
  } else {
    float sum = values[0];
#pragma unroll
    for (int o = offset; o > 0; o /= 2) sum += __shfl_xor_sync(~0u, sum, o);
    return sum;
  }
}

__device__ inline void load_four(const float* from, float* to) {
  const float4 four = *reinterpret_cast<const float4*>(from);
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
template <int N>
__device__ inline void add_products(const float (&w)[N], const float (&x)[N], float& sum) {
#pragma unroll
  for (int i = 0; i < N; ++i) sum = fmaf(w[i], x[i], sum);
}

/// Columns [panel, panel + size) of T rows of x, zeros up to the next multiple of 32 behind the last one. A warp moves
/// columns of one row, four 16-byte pieces a lane before it stores the first.
template <int T, int size>
__device__ inline void stage_x(const CudaProducts& p, const RowTile& tile, int64_t x_row_of_one, int panel,
                               float (&xs)[T][size + size / 8]) {
  constexpr int stride = warps * 32 * 4 / T, batch = 4;
  static_assert(size % (stride * batch) == 0);
  const int warp = threadIdx.x / 32, t = warp % T, left = static_cast<int>(p.weights.columns) - panel,
            wanted = min((left + 31) / 32 * 32, size);
  if (t >= tile.count) return;
  const float* x = p.x + (T == 1 ? x_row_of_one : x_row(p, tile.begin + t)) * p.x_stride + panel;
  const int begin = (warp / T * 32 + threadIdx.x % 32) * 4;
  if (!x_in_fours(p)) {
    for (int c = begin / 4; c < wanted; c += stride / 4) xs[t][spread(c)] = c < left ? x[c] : 0;
    return;
  }
#pragma unroll
  for (int b = begin; b < size + begin; b += stride * batch) {
    float4 fours[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i)
      fours[i] = b + i * stride < left ? *reinterpret_cast<const float4*>(x + b + i * stride) : float4{0, 0, 0, 0};
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (b + i * stride < wanted) *reinterpret_cast<float4*>(&xs[t][spread(b + i * stride)]) = fours[i];
  }
}

/// The pieces of one step: rows × depth, with the scales of their blocks.
template <class S>
struct Pieces {
  uint4 codes[S::rows][S::depth];
  uint32_t scale[S::rows][S::depth];  // as stored
};

template <WordFormat format, int T>
__global__ void __launch_bounds__(warps * 32, Shape<format, T>::blocks)
    gemv_tiles(const __grid_constant__ CudaProducts p, int tiles, int rounds) {
  using S = Shape<format, T>;
  constexpr int R = S::rows, D = S::depth;
  __shared__ __align__(16) float xs[T][S::panel + S::panel / 8];
  __shared__ float table[nf4_table_size];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int number = static_cast<int>(blockIdx.x % static_cast<unsigned>(tiles));
  // A tile of one row is an entry: its row of x is looked up beside its expert, not after it.
  const int64_t x_row_of_one = T == 1 ? x_row(p, number) : 0;
  const RowTile tile = T == 1 ? RowTile{find_expert(p, number), number, 1} : find_tile(p, number, T);
  if (tile.count <= 0) return;
  fill_nf4_table<format>(table);

  const int columns = static_cast<int>(p.weights.columns);
  const int row_codes = columns / 4 * bits_of(format) / 2, row_scales = scale_row_bytes<format>(p.weights),
            shift = p.weights.map.scale_shift;

  // Several rows of x take long to lie down: a block uses them for the rows of several rounds.
  for (int round = 0; round < (T == 1 ? 1 : rounds); ++round) {
    // The last group of rows moves back to end with the matrix; rows that it shares with the group before are written
    // by that one.
    const int64_t group = int64_t{blockIdx.x / static_cast<unsigned>(tiles)} * (T == 1 ? 1 : rounds) + round;
    if (T > 1 && group * warps * R >= p.weights.rows) break;
    const int64_t own = (group * warps + warp) * R;
    const int64_t last = p.weights.rows - R, begin = own < last ? own : last;
    const WeightRow first_row = row_of<format>(p.weights, tile.expert, begin);

    Pieces<S> next;
    const auto request = [&](int step) {
      if constexpr (format != WordFormat::any) {
#pragma unroll
        for (int d = 0; d < D; ++d) {
          const int column = step + (d * 32 + lane) * S::chunk;
#pragma unroll
          for (int r = 0; r < R; ++r) {
            if (column < columns) {
              next.codes[r][d] = load_piece(first_row.codes + r * row_codes + column / 4 * bits_of(format) / 2);
              if constexpr (S::block_scales)
                next.scale[r][d] = stored_scale<format>(first_row.scales + r * row_scales, column, shift);
            }
          }
        }
      }
    };

    float sums[R * T] = {};
    request(0);

    // What this lane will write, looked up while the weights are on their way: value `lane / lanes_each` of add_lanes.
    constexpr int lanes_each = 32 / (R * T);
    const int value = lane / lanes_each, t = value % T;
    const int64_t row = begin + value / T;
    const bool writes = lane % lanes_each == 0 && t < tile.count && row >= own;
    int64_t y_index = 0;
    float addend = 0, factor = 1;
    if (writes) {
      y_index = y_row(p, tile.begin + t) * p.y_stride + row;
      if (p.bias) addend = p.bias[tile.expert * p.weights.rows + row];
      if (p.accumulate) addend += p.y[y_index];
      if constexpr (S::row_scales) factor = scale_at<format>(first_row.scales + value / T * row_scales, 0, 0);
    }

    for (int panel = 0; panel < columns; panel += S::panel) {
      const bool is_there = T > 1 && round > 0 && columns <= S::panel;  // from the round before
      if (!is_there) {
        if (panel != 0 || round > 0) __syncthreads();
        stage_x<T, S::panel>(p, tile, x_row_of_one, panel, xs);
        __syncthreads();
      }
      const int end = min(panel + S::panel, columns);
      for (int step = panel; step < end; step += S::step) {
        const Pieces<S> now = next;
        request(step + S::step);
#pragma unroll
        for (int d = 0; d < D; ++d) {
          const int column = step + (d * 32 + lane) * S::chunk;
          if (column >= columns) continue;
          const float* x = &xs[0][spread(column - panel)];
          // One or two rows of x: sums of a piece, scaled once. More: the scale goes to the weights, which saves a sum
          // for each row.
          constexpr bool apart = T <= 2;
          float piece_sums[apart ? R * T : 1] = {};
          const auto weights = [&](int r, int g, float(&w)[S::group]) {
            if constexpr (format == WordFormat::any) {
              for (int i = 0; i < S::group; ++i) {
                const int c = column + g * S::group + i;
                w[i] = c < columns ? weight_at(p.weights, tile.expert, begin + r, c) : 0.0f;
              }
            } else {
              decode_group<format>(now.codes[r][d], g, table, w);
              if constexpr (S::block_scales && !apart)
                for (int i = 0; i < S::group; ++i) w[i] *= decode_scale<format>(now.scale[r][d]);
            }
          };
#pragma unroll
          for (int g = 0; g < S::chunk / S::group; ++g) {
            if constexpr (T == 1) {  // x once, then row by row: few numbers alive
              float x1[S::group], w[S::group];
#pragma unroll
              for (int q = 0; q < S::group; q += 4) load_four(x + g * S::group + q, &x1[q]);
#pragma unroll
              for (int r = 0; r < R; ++r) weights(r, g, w), add_products(w, x1, piece_sums[r]);
            } else {
              float w[R][S::group], xt[S::group];
#pragma unroll
              for (int r = 0; r < R; ++r) weights(r, g, w[r]);
#pragma unroll
              for (int t = 0; t < T; ++t) {
#pragma unroll
                for (int q = 0; q < S::group; q += 4)
                  load_four(x + t * (S::panel + S::panel / 8) + g * S::group + q, &xt[q]);
#pragma unroll
                for (int r = 0; r < R; ++r)
                  add_products(w[r], xt, apart ? piece_sums[(r * T + t) % (apart ? R * T : 1)] : sums[r * T + t]);
              }
            }
          }
          if constexpr (apart) {
#pragma unroll
            for (int i = 0; i < R * T; ++i) {
              if constexpr (S::block_scales)
                sums[i] = fmaf(piece_sums[i], decode_scale<format>(now.scale[i / T][d]), sums[i]);
              else sums[i] += piece_sums[i];
            }
          }
        }
      }
    }

    const float sum = add_lanes(sums);
    if (writes) p.y[y_index] = fmaf(sum, factor, addend);
  }
  if (p.position && blockIdx.x < static_cast<unsigned>(tiles) && threadIdx.x < tile.count) {
    const int entry = tile.begin + static_cast<int>(threadIdx.x);
    p.position[p.order[entry]] = entry;
  }
}

template <int T>
void run(Stream& stream, const char* name, const CudaProducts& p) {
  const auto run_as = [&]<WordFormat format>() {
    const int64_t tiles = tile_bound(p, T), row_tiles = blocks_for(p.weights.rows, warps * Shape<format, T>::rows),
                  rounds = T == 1 ? 1 : std::clamp<int64_t>(tiles * row_tiles / enough_blocks, 1, most_rounds);
    launch(stream, name, gemv_tiles<format, T>,
           dim3(static_cast<unsigned>(tiles * blocks_for(row_tiles, static_cast<int>(rounds)))), dim3(warps * 32), p,
           static_cast<int>(tiles), static_cast<int>(rounds));
  };
  if (p.weights.rows < 4) run_as.template operator()<WordFormat::any>();  // a warp of the others takes up to four rows
  else with_format(p.weights, run_as);
}

}  // namespace

void cuda_gemv_tiles(Stream& stream, const char* name, const CudaProducts& p) {
  const int64_t together = p.first ? p.rows / p.weights.experts : p.rows;  // rows that share weights
  if (together < 2) return run<1>(stream, name, p);
  if (together == 2) return run<2>(stream, name, p);
  if (together <= 4) return run<4>(stream, name, p);
  run<8>(stream, name, p);
}

const void* cuda_gemv_tiles_kernel() { return reinterpret_cast<const void*>(gemv_tiles<WordFormat::mxfp4, 1>); }

}  // namespace mxpath
