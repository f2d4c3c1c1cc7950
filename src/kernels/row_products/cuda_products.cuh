// Rows of x times rows of a weight matrix on a CUDA device: what linear/ and moe_matmul/ share.
#pragma once
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/weights.cuh"
#include "kernels/cuda_row.h"

namespace mxpath {

/// y[row, n] (+)= Σ_k x[row, k] w[n, k] + bias[n]. With experts (first is set) rows are the entries of `order`: entry i
/// works with row order[i] of y, row order[i] / x_divisor of x and the expert e of first[e] <= i < first[e + 1]. All
/// pointers lie in device memory.
struct CudaProducts {
  WeightView weights;
  const float* bias = nullptr;  // [experts, n] or null
  const float* x = nullptr;
  int64_t x_stride = 0;
  float* y = nullptr;
  int64_t y_stride = 0;
  int rows = 0;
  bool accumulate = false;
  const int32_t* first = nullptr;  // [experts + 1]
  const int32_t* order = nullptr;  // [rows]
  int x_divisor = 1;
  int32_t* position = nullptr;  // [rows] out: position[order[i]] = i; null: not wanted
};

/// Chooses by the number of rows. Grids depend on shapes alone, so that a graph may hold the launch.
void cuda_products(Stream& stream, const char* name, const CudaProducts& products);
/// Up to some sixty rows: one pass over the weights for every eight of them (cuda_gemv_tiles.cu).
void cuda_gemv_tiles(Stream& stream, const char* name, const CudaProducts& products);
/// Any number: tiles of 64 rows (cuda_gemm_tiles.cu).
void cuda_gemm_tiles(Stream& stream, const char* name, const CudaProducts& products);

/// One kernel of each file, and both as a list for planning to ask the driver about.
const void* cuda_gemv_tiles_kernel();
const void* cuda_gemm_tiles_kernel();
KernelImages cuda_products_images();

/// Calls body.template operator()<format>() for the kernels that may read the matrix.
template <class Body>
void with_format(const WeightView& weights, Body&& body) {
  switch (readable_format(weights)) {
    case WordFormat::any: return body.template operator()<WordFormat::any>();
    case WordFormat::fp32: return body.template operator()<WordFormat::fp32>();
    case WordFormat::bf16: return body.template operator()<WordFormat::bf16>();
    case WordFormat::fp16: return body.template operator()<WordFormat::fp16>();
    case WordFormat::mxfp4: return body.template operator()<WordFormat::mxfp4>();
    case WordFormat::e4m3: return body.template operator()<WordFormat::e4m3>();
    case WordFormat::e5m2: return body.template operator()<WordFormat::e5m2>();
    case WordFormat::int8: return body.template operator()<WordFormat::int8>();
    case WordFormat::int4: return body.template operator()<WordFormat::int4>();
    case WordFormat::nf4: return body.template operator()<WordFormat::nf4>();
  }
}

/// Tiles of `size` rows that can be needed, whatever the router says: an expert's last tile may be a short one.
inline int64_t tile_bound(const CudaProducts& p, int size) {
  const int64_t whole = (p.rows + size - 1) / size, ragged = p.rows / size + p.weights.experts;
  return !p.first ? whole : ragged < p.rows ? ragged : p.rows;
}

#ifdef __CUDACC__
/// Entries [begin, begin + count) of one expert; count 0: there is no such tile.
struct RowTile {
  int expert, begin, count;
};

/// Tile number `tile` of `size` rows, experts in ascending order. For whole warps; every warp of a block gets the same.
__device__ inline RowTile find_tile(const CudaProducts& p, int tile, int size) {
  if (!p.first) return {0, tile * size, min(size, p.rows - tile * size)};
  const int lane = threadIdx.x % 32, experts = static_cast<int>(p.weights.experts);
  int before = 0;
  for (int base = 0; base < experts; base += 32) {
    const int e = base + lane, from = e < experts ? p.first[e] : 0, to = e < experts ? p.first[e + 1] : 0;
    const int tiles = (to - from + size - 1) / size;
    int through = tiles;
    for (int offset = 1; offset < 32; offset *= 2) {
      const int left = __shfl_up_sync(~0u, through, offset);
      if (lane >= offset) through += left;
    }
    const unsigned found = __ballot_sync(~0u, tile < before + through);
    if (found != 0) {
      const int source = __ffs(static_cast<int>(found)) - 1;
      const int begin = from + (tile - (before + through - tiles)) * size, count = min(size, to - begin);
      return {base + source, __shfl_sync(~0u, begin, source), __shfl_sync(~0u, count, source)};
    }
    before += __shfl_sync(~0u, through, 31);
  }
  return {0, 0, 0};
}

/// The expert of one entry: as many experts end at or before it. For whole warps; the loads do not wait for each other.
__device__ inline int find_expert(const CudaProducts& p, int entry) {
  if (!p.first) return 0;
  const int lane = threadIdx.x % 32, experts = static_cast<int>(p.weights.experts);
  int expert = 0;
#pragma unroll 4
  for (int base = 0; base < experts; base += 32)
    expert += __popc(__ballot_sync(~0u, base + lane < experts && p.first[base + lane + 1] <= entry));
  return expert;
}

__device__ inline int64_t y_row(const CudaProducts& p, int entry) { return p.order ? p.order[entry] : entry; }
__device__ inline int64_t x_row(const CudaProducts& p, int entry) {
  return p.order ? p.order[entry] / p.x_divisor : entry;
}

/// Whether rows of x may be read four floats at a time.
__device__ inline bool x_in_fours(const CudaProducts& p) {
  return reinterpret_cast<uintptr_t>(p.x) % 16 == 0 && p.x_stride % 4 == 0 && p.weights.columns % 4 == 0;
}

/// The table that decode_word<nf4> looks into; needs a barrier before it is read.
template <WordFormat format>
__device__ inline void fill_nf4_table(float* table) {
  if constexpr (format == WordFormat::nf4)
    if (threadIdx.x < nf4_table_size) table[threadIdx.x] = nf4_value(static_cast<int>(threadIdx.x));
}
#endif

}  // namespace mxpath
