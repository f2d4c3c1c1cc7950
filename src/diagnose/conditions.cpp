#include "diagnose/conditions.h"

#include <iterator>

namespace mxpath::diagnose {

std::string_view name_of(Context context) {
  constexpr std::string_view names[] = {"gpt_oss",
                                        "mxfp4",
                                        "triton",
                                        "kernel_code",
                                        "dequantize",
                                        "hub_kernels",
                                        "offload",
                                        "training",
                                        "transformers",
                                        "unsloth",
                                        "vllm",
                                        "sglang",
                                        "trtllm",
                                        "llama_cpp",
                                        "ollama",
                                        "flashinfer",
                                        "amd",
                                        "no_bf16",
                                        "batch_invariant",
                                        "moe_backend_flag",
                                        "tensor_parallel",
                                        "ptxas_detail",
                                        "image_model",
                                        "failure",
                                        "progress",
                                        "lm_studio"};
  static_assert(std::size(names) == context_count);
  return names[static_cast<size_t>(context)];
}

std::string_view name_of(Need need) {
  constexpr std::string_view names[] = {"checkpoint", "machine", "versions", "full_log"};
  static_assert(std::size(names) == need_count);
  return names[static_cast<size_t>(need)];
}

}  // namespace mxpath::diagnose
