#include "kernels/cuda_row.h"
#include "kernels/embed/embed.h"
#include "kernels/rows.h"

namespace mxpath {

MXPATH_CUDA_ROW(embed_cuda_portable, EmbedArgs)

namespace {

void embed_portable(const EmbedArgs& args) {
  for (int t = 0; t < args.count; ++t) decode_row(*args.table, 0, args.tokens[t], args.y + t * args.table->columns);
}

// One row of a table that is read in place: the latency of a few pages, whatever the kernel.
constexpr KernelPath paths[] = {
    {.name = "embed.cpu.portable.f32",
     .op = Op::embed,
     .weights = Layout::any,
     .unit = Unit::scalar,
     .efficiency = 0.1,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = embed_portable},
    {.name = "embed.cuda.portable.f32",
     .op = Op::embed,
     .device = DeviceKind::cuda,
     .weights = Layout::any,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.3,
     .batch_invariant = true,
     .thread_invariant = true,
     .built = cuda_built,
     .run = embed_cuda_portable,
     .images = embed_cuda_portable_images},
};

}  // namespace

std::span<const KernelPath> embed_paths() { return paths; }

}  // namespace mxpath
