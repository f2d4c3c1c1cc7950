#include "kernels/moe_matmul/moe_kernels.h"
#include "kernels/rows.h"

namespace mxpath {
namespace {

constexpr KernelPath paths[] = {
    {.name = "moe_gate_up.cpu.avx512_bf16.mxfp4_bf16", .op = Op::moe_gate_up, .weights = Layout::mxfp4_rows16, .arithmetic = Arithmetic::bf16_f32,
     .needs = {.cpu = avx512_bf16_features}, .unit = Unit::avx512_bf16, .efficiency = 0.7, .run = moe_gate_up_avx512bf16_mxfp4_bf16},
    {.name = "moe_gate_up.cpu.avx512_bf16.bf16_bf16", .op = Op::moe_gate_up, .weights = Layout::bf16_rows16, .arithmetic = Arithmetic::bf16_f32,
     .needs = {.cpu = avx512_bf16_features}, .unit = Unit::avx512_bf16, .efficiency = 0.7, .run = moe_gate_up_avx512bf16_bf16_bf16},
    {.name = "moe_gate_up.cpu.avx512.mxfp4_f32", .op = Op::moe_gate_up, .weights = Layout::mxfp4_rows16,
     .needs = {.cpu = avx512_features}, .unit = Unit::avx512, .efficiency = 0.7, .run = moe_gate_up_avx512_mxfp4_f32},
    {.name = "moe_gate_up.cpu.avx512.bf16_f32", .op = Op::moe_gate_up, .weights = Layout::bf16_rows16,
     .needs = {.cpu = avx512_features}, .unit = Unit::avx512, .efficiency = 0.7, .run = moe_gate_up_avx512_bf16_f32},
    {.name = "moe_gate_up.cpu.avx2.mxfp4_f32", .op = Op::moe_gate_up, .weights = Layout::mxfp4_rows16,
     .needs = {.cpu = avx2_features}, .unit = Unit::avx2, .efficiency = 0.7, .run = moe_gate_up_avx2_mxfp4_f32},
    {.name = "moe_gate_up.cpu.avx2.bf16_f32", .op = Op::moe_gate_up, .weights = Layout::bf16_rows16,
     .needs = {.cpu = avx2_features}, .unit = Unit::avx2, .efficiency = 0.7, .run = moe_gate_up_avx2_bf16_f32},
    {.name = "moe_gate_up.cpu.portable.f32", .op = Op::moe_gate_up, .weights = Layout::any, .unit = Unit::scalar, .efficiency = 0.3,
     .run = moe_gate_up_portable},
    {.name = "moe_down.cpu.avx512_bf16.mxfp4_bf16", .op = Op::moe_down, .weights = Layout::mxfp4_rows16, .arithmetic = Arithmetic::bf16_f32,
     .needs = {.cpu = avx512_bf16_features}, .unit = Unit::avx512_bf16, .efficiency = 0.7, .run = moe_down_avx512bf16_mxfp4_bf16},
    {.name = "moe_down.cpu.avx512_bf16.bf16_bf16", .op = Op::moe_down, .weights = Layout::bf16_rows16, .arithmetic = Arithmetic::bf16_f32,
     .needs = {.cpu = avx512_bf16_features}, .unit = Unit::avx512_bf16, .efficiency = 0.7, .run = moe_down_avx512bf16_bf16_bf16},
    {.name = "moe_down.cpu.avx512.mxfp4_f32", .op = Op::moe_down, .weights = Layout::mxfp4_rows16,
     .needs = {.cpu = avx512_features}, .unit = Unit::avx512, .efficiency = 0.7, .run = moe_down_avx512_mxfp4_f32},
    {.name = "moe_down.cpu.avx512.bf16_f32", .op = Op::moe_down, .weights = Layout::bf16_rows16,
     .needs = {.cpu = avx512_features}, .unit = Unit::avx512, .efficiency = 0.7, .run = moe_down_avx512_bf16_f32},
    {.name = "moe_down.cpu.avx2.mxfp4_f32", .op = Op::moe_down, .weights = Layout::mxfp4_rows16,
     .needs = {.cpu = avx2_features}, .unit = Unit::avx2, .efficiency = 0.7, .run = moe_down_avx2_mxfp4_f32},
    {.name = "moe_down.cpu.avx2.bf16_f32", .op = Op::moe_down, .weights = Layout::bf16_rows16,
     .needs = {.cpu = avx2_features}, .unit = Unit::avx2, .efficiency = 0.7, .run = moe_down_avx2_bf16_f32},
    {.name = "moe_down.cpu.portable.f32", .op = Op::moe_down, .weights = Layout::any, .unit = Unit::scalar, .efficiency = 0.3,
     .run = moe_down_portable},
};

}  // namespace

std::span<const KernelPath> moe_matmul_paths() { return paths; }

}  // namespace mxpath
