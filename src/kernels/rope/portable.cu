// A block for each token and a few of its heads: sines and cosines once into shared memory, then all pairs.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda_row.h"
#include "kernels/rope/rope.h"

namespace mxpath {
namespace {

constexpr int threads = 256, pairs_at_once = 128;
/// Few tokens are spread over more blocks, though each computes the sines again.
constexpr int heads_of_block(int tokens, int heads) { return tokens < 64 ? 16 : heads; }

__global__ void __launch_bounds__(threads) rotate(RopeArgs args, int heads_at_once) {
  __shared__ float cosine[pairs_at_once], sine[pairs_at_once];
  const int half = args.head_dim / 2, head = static_cast<int>(blockIdx.y) * heads_at_once,
            heads = min(heads_at_once, args.heads - head);
  float* x = args.x + blockIdx.x * args.x_stride + int64_t{head} * args.head_dim;
  const double position = args.positions[blockIdx.x];
  for (int first = 0; first < half; first += pairs_at_once) {
    const int count = min(pairs_at_once, half - first);
    if (threadIdx.x < count) {
      // In double: a float angle near position 131,071 is only known to 1/128 of a radian.
      double s, c;
      sincos(position * args.inverse_frequency[first + threadIdx.x], &s, &c);
      cosine[threadIdx.x] = static_cast<float>(args.attention_factor * c),
      sine[threadIdx.x] = static_cast<float>(args.attention_factor * s);
    }
    __syncthreads();
    for (int j = threadIdx.x; j < heads * count; j += threads) {
      const int i = j % count;
      float* pair = x + int64_t{j / count} * args.head_dim + first + i;
      const float a = pair[0], b = pair[half];
      pair[0] = a * cosine[i] - b * sine[i];
      pair[half] = b * cosine[i] + a * sine[i];
    }
    __syncthreads();
  }
}

const void* const images[] = {reinterpret_cast<const void*>(&rotate)};

}  // namespace

void rope_cuda_portable(const RopeArgs& args) {
  const int heads = heads_of_block(args.tokens, args.heads);
  launch(*args.stream, "rope.cuda.portable.f32", rotate,
         dim3(blocks_for(args.tokens, 1), blocks_for(args.heads, heads)), dim3(threads), args, heads);
}
KernelImages rope_cuda_portable_images() { return images; }

}  // namespace mxpath
