#include "kernels/swiglu/swiglu.h"

#include "kernels/cuda_row.h"
#include "kernels/rows.h"
#include "kernels/simd/exp.h"
#include "kernels/swiglu/swiglu_row.h"

namespace mxpath {

MXPATH_CUDA_ROW(swiglu_cuda_portable, SwigluArgs)

namespace {

// Comparisons with NaN are false: asked this way round, a NaN stays one and does not become the limit.
// Four gates or ups at a time: the interleaved row is taken apart in registers; scalar code needs 5 ns an element for
// e^x, this 1.7.

Float4 clamp(Float4 x, float low, float high) {
  const Float4 least = Float4{} + low, most = Float4{} + high, cut = x > most ? most : x;
  return cut < least ? least : cut;
}

Float4 swiglu(Float4 gate, Float4 up, float limit, float alpha) {
  const Float4 most = Float4{} + limit, cut = gate > most ? most : gate;
  return cut / (1.0f + exp_f32(-alpha * cut)) * (clamp(up, -limit, limit) + 1.0f);
}

void swiglu_row_portable(const float* u, float* h, int64_t width, float limit, float alpha) {
  int64_t j = 0;
  for (; j + 4 <= width; j += 4) {
    const Float4 a = *reinterpret_cast<const Float4*>(u + 2 * j), b = *reinterpret_cast<const Float4*>(u + 2 * j + 4);
    const Float4 gate = __builtin_shufflevector(a, b, 0, 2, 4, 6), up = __builtin_shufflevector(a, b, 1, 3, 5, 7);
    *reinterpret_cast<Float4*>(h + j) = swiglu(gate, up, limit, alpha);
  }
  for (; j < width; ++j) h[j] = swiglu(Float4{u[2 * j]}, Float4{u[2 * j + 1]}, limit, alpha)[0];
}

void run_rows(const SwigluArgs& args, SwigluRowFn row) {
  const size_t grain = items_worth_a_thread(0.5 * static_cast<double>(args.width));  // 0.3 to 1.7 ns an element, by row
  args.threads->for_range(static_cast<size_t>(args.rows), grain, [&](size_t begin, size_t end, int) {
    for (int64_t r = static_cast<int64_t>(begin); r < static_cast<int64_t>(end); ++r)
      row(args.u + r * 2 * args.width, args.h + r * args.width, args.width, args.limit, args.alpha);
  });
}

void swiglu_portable(const SwigluArgs& args) { run_rows(args, swiglu_row_portable); }
void swiglu_avx2(const SwigluArgs& args) { run_rows(args, swiglu_row_avx2); }
void swiglu_avx512(const SwigluArgs& args) { run_rows(args, swiglu_row_avx512); }

constexpr KernelPath paths[] = {
    {.name = "swiglu.cpu.avx512.f32",
     .op = Op::swiglu,
     .needs = {.cpu = avx512_features},
     .unit = Unit::avx512,
     .efficiency = 0.43,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = swiglu_avx512},
    {.name = "swiglu.cpu.avx2.f32",
     .op = Op::swiglu,
     .needs = {.cpu = avx2_features},
     .unit = Unit::avx2,
     .efficiency = 0.5,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = swiglu_avx2},
    // 0.6 where it was measured; priced lower, because elsewhere bandwidth would hide what its calls of exp cost.
    {.name = "swiglu.cpu.portable.f32",
     .op = Op::swiglu,
     .unit = Unit::scalar,
     .efficiency = 0.3,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = swiglu_portable},
    {.name = "swiglu.cuda.portable.f32",
     .op = Op::swiglu,
     .device = DeviceKind::cuda,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.3,
     .thread_invariant = true,
     .built = cuda_built,
     .run = swiglu_cuda_portable,
     .images = swiglu_cuda_portable_images},
};

}  // namespace

std::span<const KernelPath> swiglu_paths() { return paths; }

}  // namespace mxpath
