// moe_gate_up.cuda.portable.f32 and moe_down.cuda.portable.f32: FP32 arithmetic over weights of any layout. down writes
// the product of each pair to scratch and then adds the pairs of a token up, so that the order is the experts' whatever
// the grid does.
#include "kernels/cuda_row.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/row_products/cuda_products.cuh"

namespace mxpath {
namespace {

constexpr const char *gate_up_name = "moe_gate_up.cuda.portable.f32", *down_name = "moe_down.cuda.portable.f32";
constexpr int add_threads = 128, most_choices = 8;

/// What down adds up: products [pairs, n] and where each pair stands in the order by expert.
struct Choices {
  const float* products;
  const int32_t* position;  // [pairs]
  const float* weight;      // [pairs]
  float* y;                 // [tokens, n]
  int64_t n;
  int per_token;
};

/// A token's pair with the least position above `above`, which becomes that position.
__device__ inline int64_t next_pair(const Choices& c, int64_t first, int& above) {
  int64_t pair = first;
  int least = INT32_MAX;
  for (int i = 0; i < c.per_token; ++i) {
    const int position = c.position[first + i];
    if (position > above && position < least) least = position, pair = first + i;
  }
  above = least;
  return pair;
}

/// y[token, n] += Σ weight × product, experts in ascending order; one thread an output.
__global__ void __launch_bounds__(add_threads) add_choices(const Choices c, int blocks_a_token) {
  const int64_t token = blockIdx.x / blocks_a_token,
                n = int64_t{blockIdx.x % blocks_a_token} * add_threads + threadIdx.x;
  if (n >= c.n) return;
  const int64_t first = token * c.per_token;
  float sum = c.y[token * c.n + n];
  if (c.per_token <= most_choices) {
    // Everything is requested before anything is used.
    int position[most_choices];
    float term[most_choices];
#pragma unroll
    for (int i = 0; i < most_choices; ++i) {
      const bool there = i < c.per_token;
      position[i] = there ? c.position[first + i] : INT32_MAX;
      term[i] = there ? c.weight[first + i] * c.products[(first + i) * c.n + n] : 0.0f;
    }
    for (int step = 0; step < c.per_token; ++step) {
      float next = 0;
#pragma unroll
      for (int i = 0; i < most_choices; ++i) {
        int rank = 0;
#pragma unroll
        for (int j = 0; j < most_choices; ++j) rank += position[j] < position[i];
        if (rank == step) next = term[i];
      }
      sum += next;
    }
  } else {
    int above = -1;
    for (int step = 0; step < c.per_token; ++step) {
      const int64_t pair = next_pair(c, first, above);
      sum += c.weight[pair] * c.products[pair * c.n + n];
    }
  }
  c.y[token * c.n + n] = sum;
}

CudaProducts products_of(const MoeMatmulArgs& args) {
  CudaProducts p;
  p.weights = view_of(*args.weights);
  p.bias = args.bias;
  p.x = args.x, p.x_stride = args.weights->columns;
  p.y = args.y, p.y_stride = args.weights->rows;
  p.rows = args.batches->tokens * args.batches->experts_per_token;
  p.first = args.batches->first, p.order = args.batches->order;
  return p;
}

}  // namespace

void moe_gate_up_cuda_portable(const MoeMatmulArgs& args) {
  CudaProducts products = products_of(args);
  products.x_divisor = args.batches->experts_per_token;
  cuda_products(*args.stream, gate_up_name, products);
}

void moe_down_cuda_portable(const MoeMatmulArgs& args) {
  const ExpertBatches& batches = *args.batches;
  CudaProducts products = products_of(args);
  float* scratch = static_cast<float*>(args.scratch);
  products.y = scratch;
  products.position = reinterpret_cast<int32_t*>(scratch + products.rows * products.y_stride);
  cuda_products(*args.stream, down_name, products);
  const int64_t n = args.weights->rows, blocks_a_token = blocks_for(n, add_threads);
  const Choices choices{scratch, products.position, batches.weight, args.y, n, batches.experts_per_token};
  launch(*args.stream, down_name, add_choices, dim3(static_cast<unsigned>(batches.tokens * blocks_a_token)),
         dim3(add_threads), choices, static_cast<int>(blocks_a_token));
}

KernelImages moe_gate_up_cuda_portable_images() { return cuda_products_images(); }
KernelImages moe_down_cuda_portable_images() {
  static const void* const kernels[] = {cuda_gemv_tiles_kernel(), cuda_gemm_tiles_kernel(),
                                        reinterpret_cast<const void*>(add_choices)};
  return kernels;
}

}  // namespace mxpath
