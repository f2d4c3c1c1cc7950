#include "diagnose/harmless_settings.h"

#include <algorithm>
#include <string>

namespace mxpath::diagnose {
namespace {

/// What a setting takes. Names have no dots, slashes or colons: they are looked up by the program, never a module, file or address.
enum class Takes { nothing, number, decimal, size, name, list, truth };

struct Row {
  Takes takes;
  std::string_view names;
};
// Not here though harmless: what only shows more (NCCL_DEBUG, CUDA_LAUNCH_BLOCKING, --verbose) or is advised by the tables themselves
// (PYTORCH_CUDA_ALLOC_CONF). Names that a prefix would let in too load code or files (NCCL_NET_PLUGIN, VLLM_PLUGINS), so none is used.
constexpr Row rows[] = {
    {Takes::nothing,
     "--enforce-eager --enable-expert-parallel --disable-cuda-graph --disable-custom-all-reduce "
     "--disable-radix-cache --disable-overlap-schedule --disable-frontend-multiprocessing --enable-prefix-caching "
     "--no-enable-prefix-caching --enable-chunked-prefill --no-enable-chunked-prefill --disable-sliding-window "
     "--disable-hybrid-kv-cache-manager --async-scheduling --no-async-scheduling --enable-auto-tool-choice "
     "--enable-lora --skip-server-warmup --disable-chunked-prefill --disable-shared-experts-fusion --cpu-moe "
     "--no-mmap --no-kv-offload --no-warmup --jinja --flash-attn"},
    {Takes::number,
     "--max-model-len --max-num-seqs --max-num-batched-tokens --max-num-tokens --max-seq-len --max-seq-length "
     "--max-batch-size --max-total-tokens --max-running-requests --max-prefill-tokens --max-new-tokens "
     "--max-lora-rank --max-loras --tensor-parallel-size --pipeline-parallel-size --data-parallel-size --tp "
     "--tp-size --dp --dp-size --pp --pp-size --ep-size --context-length --ctx-size --n-gpu-layers --gpu-layers "
     "--n-cpu-moe --batch-size --ubatch-size --parallel --threads --n-predict --chunk-size --chunked-prefill-size "
     "--cuda-graph-max-bs --cuda-graph-sizes --cuda-graph-bs --max-cudagraph-capture-size --num-gpu-blocks-override "
     "--block-size --swap-space --kv-cache-memory --kv-cache-memory-bytes --port OMP_NUM_THREADS MAX_JOBS "
     "VLLM_FLASH_ATTN_VERSION VLLM_CPU_KVCACHE_SPACE VLLM_RPC_TIMEOUT VLLM_ENGINE_ITERATION_TIMEOUT_S "
     "HF_HUB_DOWNLOAD_TIMEOUT HF_HUB_ETAG_TIMEOUT OLLAMA_NUM_PARALLEL OLLAMA_CONTEXT_LENGTH OLLAMA_MAX_LOADED_MODELS "
     "NCCL_TIMEOUT NCCL_P2P_LEVEL NCCL_IB_TIMEOUT NCCL_MIN_NCHANNELS NCCL_MAX_NCHANNELS BNB_CUDA_VERSION "
     "max_model_len max_num_seqs max_seq_length max_seq_len max_length max_new_tokens max_batch_size batch_size "
     "per_device_train_batch_size gradient_accumulation_steps tensor_parallel_size num_workers"},
    {Takes::decimal,
     "--gpu-memory-utilization --mem-fraction-static --free-gpu-memory-fraction --kv-cache-free-gpu-memory-fraction "
     "--cpu-offload-gb gpu_memory_utilization"},
    {Takes::size, "--shm-size"},
    {Takes::name,
     "--dtype --kv-cache-dtype --quantization --moe-backend --moe-runner-backend --attention-backend "
     "--prefill-attention-backend --decode-attention-backend --sampling-backend --all2all-backend "
     "--distributed-executor-backend --device --gpus --tool-call-parser --reasoning-parser --reasoning-format "
     "VLLM_ATTENTION_BACKEND VLLM_WORKER_MULTIPROC_METHOD NCCL_SOCKET_IFNAME NCCL_SOCKET_FAMILY NCCL_PROTO NCCL_ALGO "
     "GLOO_SOCKET_IFNAME CUDA_DEVICE_ORDER CUDA_MODULE_LOADING MKL_THREADING_LAYER "
     "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"},
    {Takes::list, "CUDA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES TORCH_CUDA_ARCH_LIST HSA_OVERRIDE_GFX_VERSION"},
    {Takes::truth,
     "VLLM_USE_V1 VLLM_BATCH_INVARIANT VLLM_ALLOW_LONG_MAX_MODEL_LEN VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8 "
     "VLLM_USE_FLASHINFER_MOE_MXFP4_BF16 VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8_CUTLASS VLLM_USE_FLASHINFER_SAMPLER "
     "VLLM_MXFP4_USE_MARLIN VLLM_ROCM_USE_AITER VLLM_USE_DEEP_GEMM VLLM_USE_TRITON_FLASH_ATTN VLLM_SKIP_P2P_CHECK "
     "VLLM_DISABLE_COMPILE_CACHE VLLM_ENABLE_V1_MULTIPROCESSING VLLM_USE_STANDALONE_COMPILE "
     "UNSLOTH_VLLM_NO_FLASHINFER UNSLOTH_COMPILE_DISABLE SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN "
     "FLASHINFER_DISABLE_VERSION_CHECK TORCHDYNAMO_DISABLE TORCH_COMPILE_DISABLE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE "
     "HF_HUB_ENABLE_HF_TRANSFER HF_HUB_DISABLE_XET TOKENIZERS_PARALLELISM KMP_DUPLICATE_LIB_OK "
     "PYTORCH_ENABLE_MPS_FALLBACK OLLAMA_FLASH_ATTENTION OLLAMA_NEW_ENGINE GGML_CUDA_ENABLE_UNIFIED_MEMORY "
     "GGML_CUDA_DISABLE_GRAPHS NCCL_P2P_DISABLE NCCL_IB_DISABLE NCCL_SHM_DISABLE NCCL_NVLS_ENABLE NCCL_CUMEM_ENABLE "
     "NCCL_CUMEM_HOST_ENABLE NCCL_NET_GDR_LEVEL NCCL_IGNORE_DISABLED_P2P use_cache dequantize enforce_eager "
     "low_cpu_mem_usage load_in_4bit load_in_8bit gradient_checkpointing use_reentrant fast_inference "
     "ignore_mismatched_sizes do_sample padding truncation add_generation_prompt enable_prefix_caching "
     "find_unused_parameters"},
};

const Row* row_of(std::string_view name) {
  for (const Row& row : rows)
    for (size_t at = 0; at < row.names.size();) {
      const size_t end = std::min(row.names.find(' ', at), row.names.size());
      if (row.names.substr(at, end - at) == name) return &row;
      at = end + 1;
    }
  return nullptr;
}

bool made_of(std::string_view text, std::string_view marks) {
  return !text.empty() && text.find_first_not_of(marks) == std::string_view::npos;
}

}  // namespace

bool is_harmless_setting(std::string_view name) { return row_of(name) != nullptr; }

bool takes_value(std::string_view name, std::string_view value) {
  constexpr std::string_view digits = "0123456789", truths[] = {"0", "1", "true", "false", "True", "False", "TRUE", "FALSE"};
  const Row* row = row_of(name);
  if (!row || value.empty() || value.size() > 32) return false;
  switch (row->takes) {
    case Takes::nothing: return false;
    case Takes::number: return value.size() <= 12 && made_of(value, digits);
    case Takes::decimal: return made_of(value, "0123456789.") && std::count(value.begin(), value.end(), '.') <= 1;
    case Takes::size: return made_of(value.substr(0, value.find_first_of("kKmMgG")), digits);
    case Takes::name:
      return std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
    case Takes::list: return made_of(value, "0123456789.,");
    case Takes::truth: return std::find(std::begin(truths), std::end(truths), value) != std::end(truths);
  }
  return false;
}

}  // namespace mxpath::diagnose
