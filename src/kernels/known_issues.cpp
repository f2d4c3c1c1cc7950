// Faults of compilers and drivers that a self-check may miss, since they strike some inputs only. Each is public; the
// link says more.
#include "kernels/known_issues.h"

#include <array>

namespace mxpath {
namespace {

/// Codes of four bits and less, which are taken out of packed words.
constexpr FormatSet packed_formats = {NumberFormat::mxfp4, NumberFormat::int4, NumberFormat::nf4};

constexpr std::array issues = {
    KnownIssue{.device = DeviceKind::cuda,
               .unit = Unit::tensor_cores,
               .nvcc_from = nvcc_version(12, 8, 0),
               .nvcc_below = nvcc_version(12, 9, 86),
               .reason = "nvcc of CUDA 12.8 and 12.9.0 miscompiles tensor core products whose sizes are not multiples "
                         "of 16 (NVBUG 5218000)",
               .link = "https://docs.nvidia.com/cuda/cublasdx/0.4.1"},
    KnownIssue{.device = DeviceKind::cuda,
               .unit = Unit::tensor_cores,
               .arch = at(120),
               .family_code = true,
               .nvcc_from = nvcc_version(13, 0, 0),
               .nvcc_below = nvcc_version(13, 1, 115),
               .reason = "nvcc of CUDA 13.0 can silently corrupt the data of matrix products on GB202, fixed in 13.1.1",
               .link = "https://github.com/glfs-book/glfs/issues/360"},
    // The portable rows are of this kind too: they take the bytes of a packed word apart with PRMT
    // (kernels/cuda/weights.cuh).
    KnownIssue{.device = DeviceKind::cuda,
               .formats = packed_formats,
               .nvcc_from = nvcc_version(13, 2, 0),
               .nvcc_below = nvcc_version(13, 2, 86),
               .reason = "nvcc of CUDA 13.2.0 and 13.2.1 reads the wrong byte of a packed word, so that weights of 4 "
                         "bits and less decode to noise",
               .link = "https://github.com/ggml-org/llama.cpp/issues/28581"},
};

}  // namespace

std::span<const KnownIssue> known_issues() { return issues; }

}  // namespace mxpath
