// Checks by which frameworks refuse a GPU, a shape, a device or a way of use.
#include "diagnose/signature.h"

namespace mxpath::diagnose {
namespace {

using C = FailureClass;
using X = Context;

constexpr Signature table[] = {
    // ---- capability gates
    {.id = "vllm_minimum_capability",
     .cls = C::arch_capability_gate,
     .phrases = "is not supported for the current GPU || Minimum capability: || Current capability:",
     .pattern =
         "quantization method (\\w+) is not supported for the current GPU\\.?(?: Minimum capability: (\\d+))?|Minimum capability: \\d+",
     .summary = {"vLLM refuses {1} on this GPU because its capability is below the gate.",
                 "vLLM이 이 GPU의 capability가 기준보다 낮다는 이유로 {1}을(를) 거부했습니다."},
     .link = "https://github.com/vllm-project/vllm/pull/22714"},
    {.id = "unsupported_on_sm",
     .cls = C::arch_capability_gate,
     .phrases = "is unsupported on SM || unsupported on SM || not supported on SM || not supported on sm || does not support SM || doesn't "
                "support SM || not supported for SM || only supports SM || only supports sm || only supported on SM || only supported on "
                "sm || requires SM || requires sm || Unsupported SM || only available on SM || only support SM || unsupported SM || "
                "Unsupported sm || not support SM || usable on sm",
     .pattern = "(?:unsupported|not (?:yet )?support\\w*|only (?:support\\w*|available)|requires?|usable) (?:on |for |with |an? )?(?:GPU "
                ")?\\.?(?:SM|sm)[ _]?(?:version|arch|\\d{2,3})",
     .priority = 120,
     .none = {X::ptxas_detail}},
    {.id = "unsupported_architecture",
     .cls = C::arch_capability_gate,
     .phrases = "Unsupported architecture || unsupported architecture: sm || Unsupported GPU architecture || Unsupported compute "
                "capability || unsupported compute capability || kernel does not support current device || does not support current device "
                "|| not supported on this GPU || not supported on this architecture || not supported on current GPU || not supported by "
                "this GPU || GPU architecture is not supported || Unsupported CUDA architecture || Unsupported device || unsupported GPU "
                "|| GPU is not supported || device is not supported || No supported CUDA architectures found || not supported on the "
                "current device || No usable backend for capability || current architecture is not supported",
     .pattern = "unsupported (?:gpu |cuda |compute )?(?:architecture|capability|arch|gpu|device)|not support(?:ed)? (?:on |by |for "
                ")?(?:this |the |current )+(?:GPU|device|architecture)|(?:GPU|device|architecture)(?: architecture)? is not supported|No "
                "supported CUDA architectures|does not support current device|No usable backend",
     .priority = 130,
     .none = {X::amd, X::ptxas_detail}},
    {.id = "requires_capability",
     .cls = C::arch_capability_gate,
     .phrases = "compute capability || cuda capability || GPU capability",
     .pattern =
         "(?:requires?|need(?:s|ed)?|only (?:be )?(?:supported|available|works)|at least|must (?:be|have)|minimum|not "
         "supported|unsupported|too low).{0,80}(?:compute|cuda|gpu) capability(?! (?:>= |of at least )?8\\.(?:0|9))|(?:compute|cuda|gpu) "
         "capability.{0,50}(?:is required|required|not supported|is too low|not sufficient|>= ?\\d|or (?:higher|greater|later|newer))",
     .priority = 140,
     .none = {X::no_bf16}},
    {.id = "hf_mxfp4_capability",
     .cls = C::arch_capability_gate,
     .phrases = "MXFP4 quantized models is only supported on GPUs || MXFP4 quantization is only supported on GPUs || MXFP4 quantized "
                "models are only supported || MXFP4 is only supported on",
     .priority = exact},
    {.id = "must_use_persistent",
     .cls = C::arch_capability_gate,
     .phrases = "Must use persistent kernel and be TMA-compliant || Must use non-persistent kernel for simulated MXFP || cannot enforce "
                "is_persistent=True || InapplicableConstraint || assert supports_persistent",
     .why = {"triton_kernels counts every capability from 10 up as having native MXFP4, and then demands a persistent TMA kernel that 12.0 "
             "and 12.1 (or this tensor's strides) cannot give.",
             "triton_kernels는 capability 10 이상이면 모두 네이티브 MXFP4가 있다고 보고 지속형 TMA 커널을 요구하지만, 12.0과 12.1(또는 이 "
             "텐서의 스트라이드)에서는 불가능합니다."},
     .link = "https://github.com/triton-lang/triton/issues/8548"},
    {.id = "hopper_or_blackwell_only",
     .cls = C::arch_capability_gate,
     .phrases = "only supported on Hopper || only supports Hopper || only supported on Blackwell || only supports Blackwell || requires "
                "Blackwell || requires a Blackwell || requires Hopper || requires a Hopper || only works on Hopper || only works on "
                "Blackwell || only supports Ampere GPUs or newer || only supports Hopper GPUs || Hopper GPUs or newer || Ampere or newer "
                "|| Blackwell GPU is required || only for Hopper || only support Hopper || is not supported on Hopper || not supported on "
                "Blackwell || not supported on Ampere || not supported on Ada || not supported on Turing",
     .priority = 120},
    {.id = "no_mxfp4_backend_amd",
     .cls = C::amd_backend_unsupported,
     .phrases = "No MXFP4 MoE backend supports",
     .priority = 104,
     .all = {X::amd}},
    {.id = "no_mxfp4_backend_old_gpu",
     .cls = C::arch_capability_gate,
     .phrases = "No MXFP4 MoE backend supports",
     .priority = 103,
     .caps = {50, 52, 60, 61, 62, 70, 72},
     .must_know = {Need::machine}},
    {.id = "no_mxfp4_backend",
     .cls = C::unsupported_config_flag,
     .phrases = "No MXFP4 MoE backend supports || No MXFP4 backend supports",
     .priority = 105,
     .confidence = Confidence::medium,
     .summary =
         {"An option (batch invariance, LoRA, expert parallel, activation format or --moe-backend) excludes every MXFP4 backend of vLLM.",
          "옵션(배치 불변성, LoRA, 전문가 병렬, 활성값 형식, --moe-backend)이 vLLM의 모든 MXFP4 백엔드를 제외합니다."},
     .why = {"On CUDA GPUs from 7.5 up the Marlin backend is admitted, so a refusal by all backends comes from the deployment's options; "
             "VLLM_LOGGING_LEVEL=DEBUG prints each reason.",
             "7.5 이상의 CUDA GPU에서는 Marlin 백엔드가 허용되므로, 모든 백엔드의 거부는 배포 옵션 때문입니다. VLLM_LOGGING_LEVEL=DEBUG가 "
             "각 이유를 출력합니다."},
     .link = "https://github.com/vllm-project/vllm/pull/57821"},
    {.id = "moe_backend_forced",
     .cls = C::arch_capability_gate,
     .phrases = "does not support the deployment configuration",
     .pattern = "(?:Mxfp4|MXFP4|moe|MoE) .{0,200}does not support the deployment configuration since .{0,60}(?:device|kernel|current)",
     .priority = 125},
    {.id = "trtllm_gen_index",
     .cls = C::arch_capability_gate,
     .phrases = "list assignment index out of range",
     .priority = 110,
     .confidence = Confidence::medium,
     .caps = {70, 75, 80, 86, 89, 90, 120, 121},
     .must_know = {Need::machine},
     .summary =
         {"The TRTLLM-Gen MoE kernels exist only for 10.0 and 10.3; on this GPU the autotuner finds none and fails on an empty list.",
          "TRTLLM-Gen MoE 커널은 10.0과 10.3에만 있습니다. 이 GPU에서는 자동 튜너가 커널을 찾지 못해 빈 목록에서 실패합니다."},
     .link = "https://github.com/NVIDIA/TensorRT-LLM/pull/17570"},
    {.id = "index_error_bare",
     .cls = C::cannot_tell,
     .phrases = "list assignment index out of range || IndexError: list index out of range",
     .priority = generic,
     .confidence = Confidence::low,
     .why = {"TensorRT-LLM prints this when the TRTLLM MoE backend is asked for on a GPU without its kernels, and any program prints it "
             "for its own mistakes.",
             "TensorRT-LLM은 TRTLLM MoE 백엔드의 커널이 없는 GPU에서 이 오류를 내지만, 어떤 프로그램이든 자체 실수로 낼 수 있습니다."},
     .needs = {Need::machine, Need::versions, Need::full_log}},

    // ---- attention sinks
    {.id = "sinks",
     .cls = C::attention_sink_backend_missing,
     .phrases = "Sinks are only supported || attention sinks || attention sink || sink setting not supported || sinks is only supported || "
                "sinks not supported || s_aux || unexpected keyword argument 'sinks' || has_sink || sinks are not supported",
     .pattern = "sinks? (?:setting |is |are )?(?:currently )?(?:not|only) (?:yet )?(?:supported|implemented|available)|(?:does "
                "not|doesn.?t|cannot|not|only)(?: currently| yet)? (?:support|handle).{0,30}sinks?|unexpected keyword argument "
                "(?:sinks?|s_aux)|sinks?.{0,20}(?:requires|require|unsupported)|without support for .{0,20}sinks?",
     .link = "https://github.com/vllm-project/vllm/issues/22331"},
    {.id = "no_attention_implementation",
     .cls = C::attention_sink_backend_missing,
     .phrases = "does not support an attention implementation through || does not support Flash Attention 2 || Flash Attention 2.0 yet || "
                "attn_implementation",
     .pattern = "GptOss\\w* does not support .{0,60}(?:attention|Attention)|gpt.?oss.{0,100}(?:sdpa|flash_attention_2).{0,60}not support",
     .priority = likely},
    {.id = "no_attention_backend",
     .cls = C::attention_sink_backend_missing,
     .phrases = "No valid attention backend || is not valid for this configuration",
     .pattern = "(?:attention backend|AttentionBackendEnum).{0,400}sink",
     .priority = 104},

    // ---- LoRA and training
    {.id = "unsloth_backward",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "Backwards pass using MXFP4 is still under construction || Backward pass using MXFP4 || backward for MXFP4 || backward is "
                "not implemented for mxfp4"},
    {.id = "old_quant_method_monolithic",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "old_quant_method.is_monolithic || quant_method.is_monolithic",
     .link = "https://github.com/vllm-project/vllm/pull/35382"},
    {.id = "hf_no_training",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "that quantization method do not support training || quantization method does not support training || MXFP4 does not "
                "support training || do not support training",
     .pattern = "quantized with (?:QuantizationMethod\\.)?MXFP4.{0,80}not support training|MXFP4.{0,60}(?:does|do) not support "
                "training|mxfp4.{0,200}not support training",
     .priority = exact},
    {.id = "hf_no_training_other",
     .cls = C::unsupported_config_flag,
     .phrases = "that quantization method do not support training || quantization method does not support training",
     .priority = 105,
     .none = {X::mxfp4, X::gpt_oss}},
    {.id = "purely_quantized",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "cannot perform fine-tuning on purely quantized models",
     .priority = likely,
     .any = {X::mxfp4, X::gpt_oss}},
    {.id = "zero3_quantized_mxfp4",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "incompatible with PTQ-quantized models",
     .priority = 100,
     .any = {X::mxfp4, X::gpt_oss}},
    {.id = "zero3_quantized", .cls = C::unsupported_config_flag, .phrases = "incompatible with PTQ-quantized models", .priority = 105},
    {.id = "lora_unsupported",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "does not support LoRA || LoRA is not supported || not supported with LoRA || LoRA not supported || is unsupported LoRA "
                "weight || LoRA is not yet supported || not support LoRA || lora is not supported",
     .pattern = "(?:GptOss\\w*|mxfp4|gpt.?oss).{0,100}(?:not (?:yet )?support\\w*) .{0,20}LoRA|LoRA "
                ".{0,80}(?:mxfp4|gpt.?oss|GptOss)|LoRA.{0,40}not (?:yet )?supported.{0,80}(?:mxfp4|MoE|experts)",
     .priority = 110},
    {.id = "lora_unsupported_other",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "does not support LoRA || is unsupported LoRA weight || LoRA is not supported",
     .priority = 180,
     .confidence = Confidence::medium,
     .any = {X::mxfp4, X::gpt_oss}},
    {.id = "peft_experts",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "Currently, only the following modules are supported || target_parameters || target modules",
     .pattern = "(?:Mxfp4|GptOss)\\w*Experts?.{0,100}(?:not supported|only the following)|Target modules .{0,100}not found.{0,100}experts",
     .priority = likely,
     .confidence = Confidence::medium},
    {.id = "no_grad",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "does not require grad and does not have a grad_fn || derivative for || is not differentiable",
     .pattern = "does not require grad and does not have a grad_fn|derivative for .{0,60}not implemented|not differentiable",
     .priority = generic,
     .confidence = Confidence::low,
     .all = {X::mxfp4}},
    {.id = "merge_mxfp4",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "merge || save_pretrained_merged || merge_and_unload || save_method",
     .pattern = "(?:merg\\w+|save_pretrained_merged).{0,200}(?:mxfp4).{0,120}(?:not|unsupported|Error|fail|only)",
     .priority = generic,
     .confidence = Confidence::medium},
    {.id = "mxfp4_not_serializable",
     .cls = C::lora_or_training_on_mxfp4_unsupported,
     .phrases = "is not serializable",
     .pattern = "mxfp4.{0,200}(?:is )?not serializable|not serializable.{0,200}mxfp4",
     .priority = likely,
     .confidence = Confidence::medium},

    // ---- CPU and offload
    {.id = "requires_gpu",
     .cls = C::cpu_or_offload_unsupported,
     .phrases = "Using MXFP4 quantized models requires || MXFP4 quantized models requires a GPU || requires a GPU or XPU || MXFP4 requires "
                "a GPU || MXFP4 models require a GPU",
     .any_level = true},
    {.id = "fp4_device_map",
     .cls = C::cpu_or_offload_unsupported,
     .phrases = "load an FP4 model with a device_map || Please remove the CPU or disk device || Please quantize your model without CPU or "
                "disk || device_map that contains a CPU or disk || contains a disk device",
     .pattern = "FP4 model with a device_map|remove the CPU or disk|without CPU or disk|contains a (?:CPU or )?disk"},
    {.id = "mxfp4_not_on_cpu",
     .cls = C::cpu_or_offload_unsupported,
     .phrases = "not supported in cpu || not supported on CPU || not supported on cpu || not supported for CPU || not implemented for CPU "
                "|| on the CPU || requires CUDA or Metal || not supported on MPS || requires CUDA || scalar path not implemented || only "
                "CUDA is supported || CPU offload",
     .pattern = "(?:mxfp4|FP4)\\w*.{0,100}(?:not (?:currently )?(?:supported|implemented) (?:in|on|for|with) (?:the "
                ")?(?:cpu|mps|npu)|requires CUDA)|scalar path not implemented|mxfp4.{0,80}offload.{0,60}not support",
     .priority = 110},
    {.id = "pointer_from_cpu",
     .cls = C::cpu_or_offload_unsupported,
     .phrases = "cannot be accessed from Triton",
     .pattern = "Pointer argument.{0,30}cannot be accessed from Triton",
     .priority = 110,
     .summary = {"A Triton kernel was given a tensor that lies on the CPU.", "Triton 커널에 CPU에 있는 텐서가 전달되었습니다."}},
    {.id = "zero_active_drivers",
     .cls = C::cpu_or_offload_unsupported,
     .phrases = "0 active drivers || active drivers ([])",
     .priority = likely,
     .summary = {"Triton found no GPU, so its kernels cannot run on this machine.",
                 "Triton이 GPU를 찾지 못해 이 컴퓨터에서는 커널을 실행할 수 없습니다."}},
    {.id = "two_devices",
     .cls = C::cpu_or_offload_unsupported,
     .phrases = "Expected all tensors to be on the same device || found at least two devices || Cannot copy out of meta tensor || is on "
                "the meta device",
     .priority = generic,
     .confidence = Confidence::medium,
     .any = {X::mxfp4, X::triton, X::offload}},
    {.id = "fp4_on_cpu_warning",
     .cls = C::cpu_or_offload_unsupported,
     .phrases = "You have loaded an FP4 model on CPU",
     .priority = weak,
     .confidence = Confidence::medium,
     .any_level = true},
    {.id = "dispatched_cpu_disk",
     .cls = C::oom_other,
     .phrases = "Some modules are dispatched on the CPU or the disk",
     .priority = likely,
     .confidence = Confidence::medium,
     .summary = {"The GPU has too little memory for the quantized model, so layers were placed on the CPU, which this quantization does "
                 "not allow.",
                 "GPU 메모리가 모자라 일부 층이 CPU로 배치되었는데, 이 양자화는 이를 허용하지 않습니다."}},

    // ---- AMD
    {.id = "aiter_build",
     .cls = C::amd_backend_unsupported,
     .phrases = "[aiter] build || aiter",
     .pattern = "\\[?aiter\\]?.{0,30}build .{0,400}fail|aiter.{0,120}(?:not supported|unsupported|not implemented|only supports?|no "
                "kernel|Required config file)",
     .priority = 120},
    {.id = "tensile_library",
     .cls = C::amd_backend_unsupported,
     .phrases = "TensileLibrary || hipErrorNoBinaryForGpu || Unable to find code object for all current devices || HIP error: invalid "
                "device function || hipErrorInvalidDeviceFunction || Cannot find backend for gfx || rocBLAS error || ROCm error: invalid "
                "device function || hipErrorInvalidImage || shared object initialization failed",
     .priority = 105},
    {.id = "gfx_unsupported",
     .cls = C::amd_backend_unsupported,
     .phrases = "gfx9 || gfx10 || gfx11 || gfx12",
     .pattern =
         "(?:not supported|unsupported|only support\\w*|requires?|not (?:a )?valid|no "
         "kernel|unknown).{0,100}gfx\\d+|gfx\\d+\\w*.{0,100}(?:not (?:yet )?supported|unsupported|is required|no kernel|not a recognized)",
     .priority = 160,
     .confidence = Confidence::medium},
    {.id = "rocm_mxfp4",
     .cls = C::amd_backend_unsupported,
     .phrases = "ROCm || rocm || HIP",
     .pattern = "mxfp4.{0,100}(?:not (?:yet )?supported|unsupported|not "
                "implemented|only).{0,60}(?:rocm|hip\\b|amd)|(?:rocm|amd|hip\\b).{0,60}(?:does not|doesn.?t|not) "
                "support.{0,40}mxfp4|current platform does not support native MXFP4",
     .priority = 130},
    {.id = "amd_no_kernel_image",
     .cls = C::amd_backend_unsupported,
     .phrases = "invalid device function",
     .priority = 140,
     .all = {X::amd}},

    // ---- shapes
    {.id = "flashinfer_k4",
     .cls = C::kernel_shape_constraint,
     .phrases = "assert K % 4 == 0 || assert M % 128 == 0 || assert N % || get_shuffle_matrix",
     .pattern = "assert [A-Za-z_.\\[\\]]+ % \\d+ == 0|get_shuffle_matrix\\w+.{0,400}Assert",
     .link = "https://github.com/flashinfer-ai/flashinfer/issues/2122"},
    {.id = "ggml_int_max", .cls = C::kernel_shape_constraint, .phrases = "<= INT_MAX", .pattern = "GGML_ASSERT\\(.{0,80}<= INT_MAX"},
    {.id = "ggml_modulo",
     .cls = C::kernel_shape_constraint,
     .phrases = "GGML_ASSERT",
     .pattern = "GGML_ASSERT\\([^)]{0,60}% ?\\w{1,12} ?== ?0",
     .priority = 110},
    {.id = "marlin_thread_config",
     .cls = C::kernel_shape_constraint,
     .phrases = "Invalid thread config || Unsupported shapes: || unsupported shape",
     .pattern = "Invalid thread config|Unsupported shapes: MKN|(?:marlin|cutlass|gemm|moe|trtllm|mxfp4).{0,160}unsupported shape",
     .priority = 110,
     .link = "https://github.com/vllm-project/vllm/issues/38022"},
    {.id = "attention_heads_tp",
     .cls = C::unsupported_config_flag,
     .phrases = "must be divisible by tensor parallel size || divisible by tensor_parallel_size || is not divisible by tp_size || must be "
                "divisible by tp",
     .priority = 100},
    {.id = "divisible",
     .cls = C::kernel_shape_constraint,
     .phrases = "is not divisible by || must be divisible by || must divisible by || not divisible by || must be a multiple of || not a "
                "multiple of || should be a multiple of || must be multiple of || must be aligned to || 16-byte aligned || 16 byte aligned "
                "|| divisible by weight quantization block",
     .pattern =
         "(?:size_[knm]|intermediate|hidden|group_size|block|tile|\\b[KNM]\\b|dim|stride|weight|descriptor|output_size|input_size|tensor|"
         "in_features|out_features|scale)\\w*.{0,100}(?:not|must|should)(?: be)?(?: a)? (?:divisible|multiple|aligned|16.byte)",
     .priority = 160,
     .confidence = Confidence::medium},
    {.id = "tma_alignment",
     .cls = C::kernel_shape_constraint,
     .phrases = "cuTensorMapEncodeTiled || Failed to initialize the TMA descriptor || TMA descriptor",
     .pattern = "cuTensorMapEncode\\w+.{0,100}(?:fail|error|invalid|returned)|Failed to initialize the TMA descriptor|TMA "
                "descriptor.{0,60}(?:align|invalid|must)",
     .priority = 180,
     .confidence = Confidence::medium},
    {.id = "shape_from_tp",
     .cls = C::kernel_shape_constraint,
     .phrases = "shape '[ || invalid for input of size",
     .pattern = "(?:mxfp4|marlin|swizzle|trtllm|gemm).{0,600}shape \\[.{1,60}\\] is invalid for input of size",
     .priority = 180,
     .confidence = Confidence::low},
};

}  // namespace

std::span<const Signature> gate_signatures() { return table; }

}  // namespace mxpath::diagnose
