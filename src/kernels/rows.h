// The rows of each folder; catalogue.cpp puts them together.
//
// Efficiencies are the lower of a row's shares of the roof at one token and at 512, measured at the shapes of
// gpt-oss-20b (bench/kernels_bench.cpp) on two Zen 5 cores at 3.8 GHz: 39 GB/s read by one thread and 67 by two;
// GFLOP/s of a core 442 with VDPBF16PS, 241 with FP32 AVX-512, 121 with AVX2, 30 with SSE2.
//
// Those of the portable CUDA rows: one H200 at 1.98 GHz, 4.9 TB/s and 67 TFLOP/s of FP32, the time of a launch taken
// off (docs/performance.md).
#pragma once
#include <span>

#include "plan/path.h"

namespace mxpath {

struct Subject;
struct Comparison;
class Arguments;

/// What the folder of an operation brings: its rows, the problem that proves one (kernels/<op>/check.cpp) and the
/// arrays behind its arguments (kernels/<op>/arguments.cpp). A folder may bring several operations; their rows come
/// with the first.
struct OpKernels {
  Op op;
  std::span<const KernelPath> (*paths)();
  void (*check)(Subject& subject, Comparison& out);
  /// args: the Args of the operation's RunFn. Null: rows run where their arguments lie, on the CPU alone.
  void (*arguments)(Arguments& list, void* args);
};

/// list_arguments() of some Args, for the table.
template <class Args>
void list_any(Arguments& list, void* args) {
  list_arguments(list, *static_cast<Args*>(args));
}
void list_arguments(Arguments& list, EmbedArgs& args);
void list_arguments(Arguments& list, NormArgs& args);
void list_arguments(Arguments& list, LinearArgs& args);
void list_arguments(Arguments& list, RopeArgs& args);
void list_arguments(Arguments& list, AttentionArgs& args);
void list_arguments(Arguments& list, RouterArgs& args);
void list_arguments(Arguments& list, MoeMatmulArgs& args);
void list_arguments(Arguments& list, SwigluArgs& args);
void list_arguments(Arguments& list, SampleArgs& args);

const OpKernels& kernels_of(Op op);

void check_embed(Subject& subject, Comparison& out);
void check_norm(Subject& subject, Comparison& out);
void check_linear(Subject& subject, Comparison& out);
void check_rope(Subject& subject, Comparison& out);
void check_attention(Subject& subject, Comparison& out);
void check_router(Subject& subject, Comparison& out);
void check_moe(Subject& subject, Comparison& out);
void check_swiglu(Subject& subject, Comparison& out);
void check_sample(Subject& subject, Comparison& out);
void check_attention_block(Subject& subject, Comparison& out);
void check_experts_block(Subject& subject, Comparison& out);

std::span<const KernelPath> embed_paths();
std::span<const KernelPath> norm_paths();
std::span<const KernelPath> linear_paths();
std::span<const KernelPath> rope_paths();
std::span<const KernelPath> attention_paths();
std::span<const KernelPath> router_paths();
std::span<const KernelPath> moe_matmul_paths();
std::span<const KernelPath> swiglu_paths();
std::span<const KernelPath> sample_paths();
std::span<const KernelPath> attention_block_paths();
std::span<const KernelPath> experts_block_paths();

/// Whether portable.cu was compiled into this program, and what its code needs: PTX of compute_75, which the driver of
/// any later card can compile, and a driver of the same CUDA major version as the toolkit. Without CUDA the rows say
/// what a build of today would.
inline constexpr bool cuda_built = MXPATH_CUDA;
inline constexpr int driver_of_today = 13000;
inline constexpr Needs cuda_portable_needs = {
    .arch = from(75), .driver = MXPATH_CUDA_DRIVER, .driver_of_toolkit = true};

/// Instruction sets by the name of the source files that need them (cmake/isa_flags.cmake).
inline constexpr CpuFeatures avx2_features = {CpuFeature::avx2, CpuFeature::fma};
inline constexpr CpuFeatures avx512_features = {CpuFeature::avx512, CpuFeature::avx2, CpuFeature::fma};
inline constexpr CpuFeatures avx512_bf16_features = {CpuFeature::avx512, CpuFeature::avx512_bf16, CpuFeature::avx2,
                                                     CpuFeature::fma};

}  // namespace mxpath
