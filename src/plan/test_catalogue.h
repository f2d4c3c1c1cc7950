// A small catalogue and machines for planning tests: rows that no kernel stands behind.
#pragma once
#include "checkpoint/manifest.h"
#include "plan/plan.h"

namespace mxpath::test {

inline const KernelPath linear_rows[] = {
    {.name = "linear.cuda.sm100.bf16.tcgen05",
     .op = Op::linear,
     .device = DeviceKind::cuda,
     .weights = Layout::bf16_rows16,
     .arithmetic = Arithmetic::bf16_inputs,
     .needs = {.arch = at(100), .driver = 12080, .shared_memory = 227 << 10},
     .unit = Unit::tensor_cores,
     .efficiency = .8,
     .built = false},
    {.name = "linear.cuda.sm90a.bf16.wgmma",
     .op = Op::linear,
     .device = DeviceKind::cuda,
     .weights = Layout::bf16_rows16,
     .arithmetic = Arithmetic::bf16_inputs,
     .needs = {.arch = at(90),
               .driver = 12030,
               .tokens = {32},
               .n_multiple = 16,
               .k_multiple = 128,
               .shared_memory = 200 << 10},
     .unit = Unit::tensor_cores,
     .efficiency = .8},
    {.name = "linear.cuda.portable.f32",
     .op = Op::linear,
     .device = DeviceKind::cuda,
     .weights = Layout::any,
     .unit = Unit::cuda_cores,
     .efficiency = .1},
    {.name = "linear.cpu.amx.bf16",
     .op = Op::linear,
     .weights = Layout::bf16_rows16,
     .arithmetic = Arithmetic::bf16_inputs,
     .needs = {.cpu = {CpuFeature::avx512, CpuFeature::amx_bf16}, .tokens = {16}},
     .unit = Unit::amx,
     .efficiency = .7},
    {.name = "linear.cpu.avx512.bf16_f32",
     .op = Op::linear,
     .weights = Layout::bf16_rows16,
     .needs = {.cpu = {CpuFeature::avx512}},
     .unit = Unit::avx512,
     .efficiency = .7},
    {.name = "linear.cpu.avx2.bf16_f32",
     .op = Op::linear,
     .weights = Layout::bf16_rows16,
     .needs = {.cpu = {CpuFeature::avx2}},
     .unit = Unit::avx2,
     .efficiency = .6},
    {.name = "linear.cpu.avx2.int8",
     .op = Op::linear,
     .weights = Layout::bf16_rows16,
     .arithmetic = Arithmetic::int8_dynamic,
     .needs = {.cpu = {CpuFeature::avx2}},
     .unit = Unit::avx2,
     .efficiency = .9},
    {.name = "linear.cpu.portable.f32", .op = Op::linear, .weights = Layout::any, .efficiency = .05},
};

/// The linear rows above and a portable row for every other op on both devices.
inline Catalogue catalogue() {
  static const KernelPath portable[] = {
      {.name = "embed.cpu.portable.f32", .op = Op::embed, .weights = Layout::any, .efficiency = .5},
      {.name = "norm.cpu.portable.f32", .op = Op::norm, .efficiency = .5},
      {.name = "rope.cpu.portable.f32", .op = Op::rope, .efficiency = .5},
      {.name = "attention.cpu.portable.f32", .op = Op::attention, .efficiency = .5},
      {.name = "router.cpu.portable.f32", .op = Op::router, .weights = Layout::any, .efficiency = .5},
      {.name = "moe_gate_up.cpu.avx512.mxfp4_f32",
       .op = Op::moe_gate_up,
       .weights = Layout::mxfp4_rows16,
       .needs = {.cpu = {CpuFeature::avx512}},
       .unit = Unit::avx512,
       .efficiency = .5},
      {.name = "moe_gate_up.cpu.portable.f32", .op = Op::moe_gate_up, .weights = Layout::any, .efficiency = .05},
      {.name = "swiglu.cpu.portable.f32", .op = Op::swiglu, .efficiency = .5},
      {.name = "moe_down.cpu.portable.f32", .op = Op::moe_down, .weights = Layout::any, .efficiency = .05},
      {.name = "sample.cpu.portable.f32", .op = Op::sample, .efficiency = .5},
      {.name = "embed.cuda.portable.f32",
       .op = Op::embed,
       .device = DeviceKind::cuda,
       .weights = Layout::any,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "norm.cuda.portable.f32",
       .op = Op::norm,
       .device = DeviceKind::cuda,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "rope.cuda.portable.f32",
       .op = Op::rope,
       .device = DeviceKind::cuda,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "attention.cuda.portable.f32",
       .op = Op::attention,
       .device = DeviceKind::cuda,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "router.cuda.portable.f32",
       .op = Op::router,
       .device = DeviceKind::cuda,
       .weights = Layout::any,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "moe_gate_up.cuda.portable.f32",
       .op = Op::moe_gate_up,
       .device = DeviceKind::cuda,
       .weights = Layout::any,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "swiglu.cuda.portable.f32",
       .op = Op::swiglu,
       .device = DeviceKind::cuda,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "moe_down.cuda.portable.f32",
       .op = Op::moe_down,
       .device = DeviceKind::cuda,
       .weights = Layout::any,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
      {.name = "attention_block.cpu.composite", .op = Op::attention_block, .efficiency = 1},
      {.name = "experts_block.cpu.composite", .op = Op::experts_block, .efficiency = 1},
      {.name = "attention_block.cuda.composite",
       .op = Op::attention_block,
       .device = DeviceKind::cuda,
       .unit = Unit::cuda_cores,
       .efficiency = 1,
       .launches = 0},
      {.name = "experts_block.cuda.composite",
       .op = Op::experts_block,
       .device = DeviceKind::cuda,
       .unit = Unit::cuda_cores,
       .efficiency = 1,
       .launches = 0},
      {.name = "sample.cuda.portable.f32",
       .op = Op::sample,
       .device = DeviceKind::cuda,
       .unit = Unit::cuda_cores,
       .efficiency = .3},
  };
  Catalogue all;
  for (const KernelPath& path : linear_rows) all.paths.push_back(&path);
  for (const KernelPath& path : portable) all.paths.push_back(&path);
  return all;
}

inline Machine cpu_machine(CpuFeatures features, double gigabytes = 32) {
  Machine machine;
  machine.name = "test";
  machine.cpu.features = features, machine.cpu.cores = 8, machine.cpu.bandwidth = 40e9;
  machine.memory = static_cast<uint64_t>(gigabytes * 1e9);
  const auto flops = [&](Unit unit) -> double& { return machine.cpu.flops[static_cast<size_t>(unit)]; };
  flops(Unit::scalar) = 50e9;
  if (features.has(CpuFeature::avx2)) flops(Unit::avx2) = 400e9;
  if (features.has(CpuFeature::avx512)) flops(Unit::avx512) = 800e9;
  if (features.has(CpuFeature::amx_bf16)) flops(Unit::amx) = 12e12;
  return machine;
}

inline Machine gpu_machine(int sm, int driver = 12080, uint64_t shared_memory = 232448) {
  Machine machine = cpu_machine({CpuFeature::avx2});
  machine.gpus.push_back({.name = "gpu",
                          .arch = {sm},
                          .driver = driver,
                          .shared_memory = shared_memory,
                          .memory = uint64_t{80} << 30,
                          .free_memory = uint64_t{79} << 30,
                          .bandwidth = 3e12,
                          .cuda_flops = 60e12,
                          .tensor_flops = 900e12});
  return machine;
}

inline ModelConfig small_config() {
  ModelConfig c;
  c.layers = 4, c.experts = 8, c.experts_per_token = 2, c.hidden = 2880, c.intermediate = 2880, c.heads = 64,
  c.kv_heads = 8, c.head_dim = 64, c.vocab = 4096;
  c.sliding = {true, false, true, false};
  c.quantized_mxfp4 = true;
  return c;
}

}  // namespace mxpath::test
