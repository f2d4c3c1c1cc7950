// The functions behind the portable CUDA rows: portable.cu of each folder, or no_cuda.cpp.
#pragma once
#include <span>

#include "plan/run_fn.h"

namespace mxpath {

void embed_cuda_portable(const EmbedArgs& args);
void norm_cuda_portable(const NormArgs& args);
void linear_cuda_portable(const LinearArgs& args);
void rope_cuda_portable(const RopeArgs& args);
void attention_cuda_portable(const AttentionArgs& args);
void router_cuda_portable(const RouterArgs& args);
void moe_gate_up_cuda_portable(const MoeMatmulArgs& args);
void swiglu_cuda_portable(const SwigluArgs& args);
void moe_down_cuda_portable(const MoeMatmulArgs& args);
void sample_cuda_portable(const SampleArgs& args);

/// One kernel of each kind that the row launches; planning asks the driver whether it loads.
using KernelImages = std::span<const void* const>;
KernelImages embed_cuda_images();
KernelImages norm_cuda_images();
KernelImages linear_cuda_images();
KernelImages rope_cuda_images();
KernelImages attention_cuda_images();
KernelImages router_cuda_images();
KernelImages moe_gate_up_cuda_images();
KernelImages swiglu_cuda_images();
KernelImages moe_down_cuda_images();
KernelImages sample_cuda_images();

}  // namespace mxpath
