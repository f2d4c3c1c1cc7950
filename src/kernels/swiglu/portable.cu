// Elementwise: rows do not matter, u and h are one long array each.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda_row.h"
#include "kernels/swiglu/swiglu.h"

namespace mxpath {
namespace {

constexpr int threads = 256;

__device__ float activate(float gate, float up, float limit, float alpha) {
  // Comparisons with NaN are false: asked this way round, a NaN stays one.
  const float cut = gate > limit ? limit : gate, most = up > limit ? limit : up,
              clamped = most < -limit ? -limit : most;
  return cut / (1.0f + expf(-alpha * cut)) * (clamped + 1.0f);
}

__global__ void __launch_bounds__(threads)
    swiglu_by_4(const float4* u, float4* h, int64_t count, float limit, float alpha) {
  const int64_t i = int64_t{blockIdx.x} * threads + threadIdx.x;
  if (i >= count) return;
  const float4 a = u[2 * i], b = u[2 * i + 1];
  h[i] = {activate(a.x, a.y, limit, alpha), activate(a.z, a.w, limit, alpha), activate(b.x, b.y, limit, alpha),
          activate(b.z, b.w, limit, alpha)};
}

__global__ void __launch_bounds__(threads)
    swiglu_by_1(const float* u, float* h, int64_t count, float limit, float alpha) {
  const int64_t i = int64_t{blockIdx.x} * threads + threadIdx.x;
  if (i < count) h[i] = activate(u[2 * i], u[2 * i + 1], limit, alpha);
}

const void* const images[] = {reinterpret_cast<const void*>(&swiglu_by_4), reinterpret_cast<const void*>(&swiglu_by_1)};

}  // namespace

void swiglu_cuda_portable(const SwigluArgs& args) {
  constexpr const char* name = "swiglu.cuda.portable.f32";
  const int64_t count = args.rows * args.width;
  if (on_16_bytes(args.u, 0) && on_16_bytes(args.h, count))
    launch(*args.stream, name, swiglu_by_4, dim3(blocks_for(count / 4, threads)), dim3(threads),
           reinterpret_cast<const float4*>(args.u), reinterpret_cast<float4*>(args.h), count / 4, args.limit,
           args.alpha);
  else
    launch(*args.stream, name, swiglu_by_1, dim3(blocks_for(count, threads)), dim3(threads), args.u, args.h, count,
           args.limit, args.alpha);
}
KernelImages swiglu_cuda_portable_images() { return images; }

}  // namespace mxpath
