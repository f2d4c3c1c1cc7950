#include "kernels/cuda_row.h"
#include "kernels/linear/linear_kernels.h"
#include "kernels/row_products/scratch.h"
#include "kernels/rows.h"

namespace mxpath {

MXPATH_CUDA_ROW(linear_cuda_portable, LinearArgs)

namespace {

constexpr KernelPath paths[] = {
    {.name = "linear.cpu.avx512_bf16.bf16_bf16",
     .op = Op::linear,
     .weights = Layout::bf16_rows16,
     .arithmetic = Arithmetic::bf16_inputs,
     .needs = {.cpu = avx512_bf16_features},
     .unit = Unit::avx512_bf16,
     .efficiency = 0.87,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = bf16_tokens_scratch,
     .run = linear_avx512bf16_bf16_bf16},
    {.name = "linear.cpu.avx512.bf16_f32",
     .op = Op::linear,
     .weights = Layout::bf16_rows16,
     .needs = {.cpu = avx512_features},
     .unit = Unit::avx512,
     .efficiency = 0.87,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = panels_scratch,
     .run = linear_avx512_bf16_f32},
    {.name = "linear.cpu.avx512.int8_f32",
     .op = Op::linear,
     .weights = Layout::int8_rows16,
     .needs = {.cpu = avx512_features},
     .unit = Unit::avx512,
     .efficiency = 0.8,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = panels_scratch,
     .run = linear_avx512_int8_f32},
    {.name = "linear.cpu.avx2.bf16_f32",
     .op = Op::linear,
     .weights = Layout::bf16_rows16,
     .needs = {.cpu = avx2_features},
     .unit = Unit::avx2,
     .efficiency = 0.85,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = panels_scratch,
     .run = linear_avx2_bf16_f32},
    {.name = "linear.cpu.avx2.int8_f32",
     .op = Op::linear,
     .weights = Layout::int8_rows16,
     .needs = {.cpu = avx2_features},
     .unit = Unit::avx2,
     .efficiency = 0.6,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = panels_scratch,
     .run = linear_avx2_int8_f32},
    {.name = "linear.cpu.portable.f32",
     .op = Op::linear,
     .weights = Layout::any,
     .unit = Unit::scalar,
     .efficiency = 0.27,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = panels_scratch,
     .run = linear_portable},
    {.name = "linear.cuda.portable.f32",
     .op = Op::linear,
     .device = DeviceKind::cuda,
     .weights = Layout::any,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.46,
     .thread_invariant = true,
     .built = cuda_built,
     .run = linear_cuda_portable,
     .images = linear_cuda_portable_images},
};

}  // namespace

std::span<const KernelPath> linear_paths() { return paths; }

}  // namespace mxpath
