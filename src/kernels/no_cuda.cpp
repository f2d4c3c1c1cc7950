// What the CUDA rows run in a build without CUDA: nothing, since `built` is false and planning refuses them.
#include "kernels/cuda_portable.h"

namespace mxpath {

void embed_cuda_portable(const EmbedArgs&) {}
void norm_cuda_portable(const NormArgs&) {}
void linear_cuda_portable(const LinearArgs&) {}
void rope_cuda_portable(const RopeArgs&) {}
void attention_cuda_portable(const AttentionArgs&) {}
void router_cuda_portable(const RouterArgs&) {}
void moe_gate_up_cuda_portable(const MoeMatmulArgs&) {}
void swiglu_cuda_portable(const SwigluArgs&) {}
void moe_down_cuda_portable(const MoeMatmulArgs&) {}
void sample_cuda_portable(const SampleArgs&) {}

KernelImages embed_cuda_images() { return {}; }
KernelImages norm_cuda_images() { return {}; }
KernelImages linear_cuda_images() { return {}; }
KernelImages rope_cuda_images() { return {}; }
KernelImages attention_cuda_images() { return {}; }
KernelImages router_cuda_images() { return {}; }
KernelImages moe_gate_up_cuda_images() { return {}; }
KernelImages swiglu_cuda_images() { return {}; }
KernelImages moe_down_cuda_images() { return {}; }
KernelImages sample_cuda_images() { return {}; }

}  // namespace mxpath
