#include "kernels/experts_block/experts_block.h"
#include "kernels/moe_matmul/moe_kernels.h"
#include "kernels/row_products/scratch.h"
#include "kernels/rows.h"
#include "kernels/scratch.h"

namespace mxpath {
namespace {

void composite(const ExpertsBlockArgs& args) {
  args.norm.run(args.trace);
  args.router.run(args.trace);
  args.gate_up.run(args.trace);
  args.swiglu.run(args.trace);
  args.down.run(args.trace);
}

/// The activation in the loop of the product: each thread gates the outputs that it has just computed, while they lie
/// in its cache. A loop less to hand out, and u is not read from memory again.
template <void (*gate_up_and_swiglu)(const MoeMatmulArgs&, const SwigluArgs&)>
void swiglu_in_gate_up(const ExpertsBlockArgs& args) {
  args.norm.run(args.trace);
  args.router.run(args.trace);
  gate_up_and_swiglu(args.gate_up.args, args.swiglu.args);
  args.down.run(args.trace);
}

constexpr FusedPart like_avx512_bf16[] = {{SiteId::gate_up, Layout::mxfp4_rows16,
                                           "moe_gate_up.cpu.avx512_bf16.mxfp4_bf16"},
                                          {SiteId::swiglu, Layout::none, "swiglu.cpu.avx512.f32"}},
                    like_avx512[] = {{SiteId::gate_up, Layout::mxfp4_rows16, "moe_gate_up.cpu.avx512.mxfp4_f32"},
                                     {SiteId::swiglu, Layout::none, "swiglu.cpu.avx512.f32"}},
                    like_avx2[] = {{SiteId::gate_up, Layout::mxfp4_rows16, "moe_gate_up.cpu.avx2.mxfp4_f32"},
                                   {SiteId::swiglu, Layout::none, "swiglu.cpu.avx2.f32"}};

constexpr KernelPath paths[] = {
    {.name = "experts_block.cpu.avx512_bf16.mxfp4_swiglu",
     .op = Op::experts_block,
     .arithmetic = Arithmetic::bf16_inputs,
     .needs = {.cpu = avx512_bf16_features},
     .unit = Unit::avx512_bf16,
     .efficiency = 0.73,
     .fuses = like_avx512_bf16,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = bf16_tokens_scratch,
     .run = swiglu_in_gate_up<moe_gate_up_swiglu_avx512bf16_mxfp4_bf16>},
    {.name = "experts_block.cpu.avx512.mxfp4_swiglu",
     .op = Op::experts_block,
     .needs = {.cpu = avx512_features},
     .unit = Unit::avx512,
     .efficiency = 0.65,
     .fuses = like_avx512,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = panels_scratch,
     .run = swiglu_in_gate_up<moe_gate_up_swiglu_avx512_mxfp4_f32>},
    {.name = "experts_block.cpu.avx2.mxfp4_swiglu",
     .op = Op::experts_block,
     .needs = {.cpu = avx2_features},
     .unit = Unit::avx2,
     .efficiency = 0.38,
     .fuses = like_avx2,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = panels_scratch,
     .run = swiglu_in_gate_up<moe_gate_up_swiglu_avx2_mxfp4_f32>},
    {.name = "experts_block.cpu.composite",
     .op = Op::experts_block,
     .efficiency = 1,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = composite},
    {.name = "experts_block.cuda.composite",
     .op = Op::experts_block,
     .device = DeviceKind::cuda,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 1,
     .launches = 0,
     .thread_invariant = true,
     .built = cuda_built,
     .run = composite},
};

}  // namespace

std::span<const KernelPath> experts_block_paths() { return paths; }

SiteCall call_of(const ExpertsBlockArgs& args) {
  const ExpertBatches& batches = *args.gate_up.args.batches;
  Site site{.id = SiteId::experts_block, .experts_per_token = batches.experts_per_token};
  site.n = site.k = args.gate_up.args.weights->columns;
  return {site, {.tokens = batches.tokens}};
}

}  // namespace mxpath
