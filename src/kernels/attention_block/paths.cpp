#include "kernels/attention_block/attention_block.h"
#include "kernels/rows.h"

namespace mxpath {
namespace {

void composite(const AttentionBlockArgs& args) {
  args.norm.run(args.trace);
  args.qkv.run(args.trace);
  args.rope.run(args.trace);
  args.attention.run(args.trace);
  args.output.run(args.trace);
}

constexpr KernelPath paths[] = {
    {.name = "attention_block.cpu.composite",
     .op = Op::attention_block,
     .efficiency = 1,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = composite},
    {.name = "attention_block.cuda.composite",
     .op = Op::attention_block,
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

std::span<const KernelPath> attention_block_paths() { return paths; }

/// The composite rows compute nothing themselves, and each of their parts is proven as a row of its own.
void check_attention_block(Subject&, Comparison&) {}

}  // namespace mxpath
