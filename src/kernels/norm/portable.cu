// A block for each token: its sum of squares, then the row once more out of the cache.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda_row.h"
#include "kernels/norm/norm.h"

namespace mxpath {
namespace {

constexpr int threads = 256;

__device__ float squares(float4 x) { return x.x * x.x + x.y * x.y + (x.z * x.z + x.w * x.w); }
__device__ float squares(float x) { return x * x; }
__device__ float4 scaled(float4 x, float factor, float4 scale) {
  return {x.x * factor * scale.x, x.y * factor * scale.y, x.z * factor * scale.z, x.w * factor * scale.w};
}
__device__ float scaled(float x, float factor, float scale) { return x * factor * scale; }

/// Vector: float4 where every row starts on 16 bytes. y may be x: a thread only reads again what it writes itself.
template <class Vector>
__global__ void __launch_bounds__(threads)
    normalize(const float* x, const float* scale, float* y, int64_t width, float eps) {
  const int64_t count = width / static_cast<int64_t>(sizeof(Vector) / sizeof(float));
  const Vector* from = reinterpret_cast<const Vector*>(x + blockIdx.x * width);
  Vector* to = reinterpret_cast<Vector*>(y + blockIdx.x * width);
  float sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += threads) sum += squares(from[i]);
  // Beyond the largest float 1/√∞ would make zeros of the row, and nobody would see that it was lost.
  const float all = block_sum<threads>(sum),
              factor = isfinite(all) ? 1.0f / sqrtf(all / static_cast<float>(width) + eps) : NAN;
  for (int64_t i = threadIdx.x; i < count; i += threads)
    to[i] = scaled(from[i], factor, reinterpret_cast<const Vector*>(scale)[i]);
}

const void* const images[] = {reinterpret_cast<const void*>(&normalize<float4>),
                              reinterpret_cast<const void*>(&normalize<float>)};

}  // namespace

void norm_cuda_portable(const NormArgs& args) {
  const bool wide =
      on_16_bytes(args.x, args.width) && on_16_bytes(args.y, args.width) && on_16_bytes(args.scale, args.width);
  launch(*args.stream, "norm.cuda.portable.f32", wide ? normalize<float4> : normalize<float>,
         dim3(blocks_for(args.tokens, 1)), dim3(threads), args.x, args.scale, args.y, args.width, args.eps);
}
KernelImages norm_cuda_portable_images() { return images; }

}  // namespace mxpath
