// Failures that are not the kernel path's: memory, templates, files, flags, devices, network; and bugs of frameworks.
#include "diagnose/signature.h"

namespace mxpath::diagnose {
namespace {

using C = FailureClass;
using X = Context;

constexpr std::string_view oom_phrases =
    "out of memory || OutOfMemoryError || OutOfMemory || requires more system memory || insufficient memory - required allocations || No "
    "available memory for the cache blocks || larger than the available KV cache memory || is larger than the maximum number of tokens "
    "that can be stored in KV cache || "
    "less than desired GPU memory utilization || Not enough memory || not enough memory || std::bad_alloc || MemoryError || can't allocate "
    "memory || Cannot allocate memory || paging file is too small || CUBLAS_STATUS_ALLOC_FAILED || failed to allocate || unable to "
    "allocate || OOMKilled || oom-kill || "
    "exit code 137 || exited with code 137 || Insufficient memory || insufficient memory || cudaMalloc failed || ErrorOutOfDeviceMemory || "
    "memory allocation failed || kIOGPUCommandBufferCallbackErrorOutOfMemory || exceeds the available memory || exceed available memory || "
    "model is too large || does not fit || signal: killed || Available KV cache memory: -";
constexpr std::string_view oom_pattern =
    "out of memory|OutOfMemory|requires more system memory|insufficient memory|No available memory for the cache|larger than the available "
    "KV cache|maximum number of tokens that can be stored in KV|less than desired GPU memory|not enough "
    "memory|bad_alloc|\\bMemoryError|(?:can.?t|cannot) allocate memory|paging file is too small|ALLOC_FAILED|(?:failed|unable) to allocate "
    ".{0,60}(?:buffer|memory|bytes|size|MiB|GiB|tensor)|OOMKilled|oom-kill|code 137|cudaMalloc failed|OutOfDeviceMemory|memory allocation "
    "failed|exceeds? (?:the )?available memory|model is too large|does not fit (?:in|into) (?:the )?(?:memory|GPU|VRAM|RAM)|signal: "
    "killed|KV cache memory: -";

constexpr Signature table[] = {
    // ---- memory
    {.id = "oom_dequantized",
     .cls = C::oom_after_dequantize,
     .phrases = oom_phrases,
     .pattern = oom_pattern,
     .priority = 95,
     .all = {X::dequantize}},
    {.id = "oom_without_kernels",
     .cls = C::oom_after_dequantize,
     .phrases = oom_phrases,
     .pattern = oom_pattern,
     .priority = 96,
     .versions = "transformers>=4.55 kernels=absent",
     .must_know = {Need::checkpoint, Need::versions},
     .mxfp4_checkpoint = true},
    {.id = "oom_without_triton",
     .cls = C::oom_after_dequantize,
     .phrases = oom_phrases,
     .pattern = oom_pattern,
     .priority = 97,
     .versions = "transformers>=4.55 triton<3.4",
     .must_know = {Need::checkpoint, Need::versions},
     .mxfp4_checkpoint = true},
    {.id = "oom", .cls = C::oom_other, .phrases = oom_phrases, .pattern = oom_pattern, .priority = 145},
    {.id = "killed",
     .cls = C::oom_other,
     .phrases = "Killed || Out of memory: Killed process",
     .pattern = "^\\W*Killed\\W*$|Killed process \\d+|\\d+ Killed  ",
     .priority = 220,
     .confidence = Confidence::medium},
    {.id = "oom_cuda_graph_hint",
     .cls = C::oom_other,
     .phrases = "Try increasing gpu_memory_utilization || try to increase --mem-fraction-static || decreasing max_model_len || decrease "
                "max_model_len",
     .pattern = "(?:increas|decreas)\\w+ (?:the )?(?:gpu_memory_utilization|--mem-fraction-static|max_model_len)",
     .priority = 230,
     .confidence = Confidence::medium},

    // ---- harmony, templates, parsers
    {.id = "harmony",
     .cls = C::harmony_vocab_or_template,
     .phrases =
         "error downloading or loading vocab || o200k_base.tiktoken || o200k_harmony || load_harmony_encoding || download or load vocab",
     .pattern = "error downloading or loading vocab|failed to download or load vocab|o200k_\\w+.{0,80}(?:error|fail|not found|could not|No "
                "such)|(?:Error|fail\\w*|Exception).{0,200}load_harmony_encoding",
     .priority = 100,
     .summary = {"The vocabulary of the harmony format could not be loaded; the kernels are innocent.",
                 "harmony 형식의 어휘를 불러오지 못했습니다. 커널 탓이 아닙니다."}},
    {.id = "harmony_other",
     .cls = C::harmony_vocab_or_template,
     .phrases = "HarmonyError || openai_harmony",
     .pattern = "HarmonyError|openai_harmony.{0,60}Error",
     .priority = 145},
    {.id = "jinja",
     .cls = C::harmony_vocab_or_template,
     .phrases = "Jinja Exception || jinja2.exceptions || TemplateError || TemplateSyntaxError || UndefinedError || Cannot pass both "
                "content and thinking || chat template || chat_template || error rendering prompt || template: :",
     .pattern = "Jinja Exception|jinja2\\.exceptions\\.\\w+|Template(?:Syntax)?Error|UndefinedError|Cannot pass both content and "
                "thinking|(?:does not "
                "have|no|missing|invalid|unsupported|default|failed).{0,40}chat.template.{0,60}(?:not|is|define|support|allow|set|error)?|"
                "chat.template.{0,60}(?:is not set|not defined|not found|error|fail|not supported|missing)|template: :\\d+",
     .priority = 120},
    {.id = "reasoning_parser",
     .cls = C::harmony_vocab_or_template,
     .phrases = "reasoning parser || tool call parser || <|channel|> || tool_parser || tool parser || reasoning_parser",
     .pattern = "(?:reasoning|tool)[ _-]?(?:call[ _-])?parser.{0,60}(?:error|not found|invalid|fail|not a valid|KeyError)|(?:error|"
                "fail\\w*|unexpected|invalid).{0,80}<\\|channel\\|>",
     .priority = 140,
     .confidence = Confidence::medium},
    {.id = "tiktoken",
     .cls = C::harmony_vocab_or_template,
     .phrases = "tiktoken || TIKTOKEN || openaipublic.blob.core.windows.net",
     .pattern = "(?:tiktoken|openaipublic\\.blob).{0,300}(?:Error|error|fail|refused|timed out|not found|Max retries)|(?:Error|Max "
                "retries|failed|Timeout|refused).{0,200}openaipublic\\.blob",
     .priority = 110},
    {.id = "tokenizer",
     .cls = C::harmony_vocab_or_template,
     .phrases = "tokenizer || Tokenizer || Converting from",
     .pattern = "(?:Error|error|Can.?t|Couldn.?t|failed|unknown).{0,80}(?:load|instantiat|pars|pre-?tokeniz)\\w*.{0,60}tokenizer(?! "
                "parallelism)|unknown pre-?tokenizer type|Converting from SentencePiece and Tiktoken failed",
     .priority = 170,
     .confidence = Confidence::medium},

    // ---- the checkpoint's files
    {.id = "moe_format_default", .cls = C::checkpoint_format, .phrases = "No MoE format detected", .any_level = true},
    {.id = "safetensors_header",
     .cls = C::checkpoint_format,
     .phrases = "Error while deserializing header || HeaderTooLarge || InvalidHeaderDeserialization || MetadataIncompleteBuffer || "
                "InvalidHeaderLength || SafetensorError || HeaderTooSmall || incomplete metadata",
     .pattern =
         "deserializing header|HeaderToo(?:Large|Small)|InvalidHeader\\w+|MetadataIncompleteBuffer|SafetensorError|incomplete metadata",
     .priority = 110},
    {.id = "gguf_file",
     .cls = C::checkpoint_format,
     .phrases = "(DEPRECATED) has || not a multiple of block size || missing tensor || wrong number of tensors || invalid magic || bad "
                "magic || not a GGUF || failed to read tensor info || tensor data is not within the file || has wrong shape || file is not "
                "in GGUF || corrupted or incomplete",
     .pattern = "of type \\d+ \\((?:DEPRECATED|NONE)\\)|not a multiple of block size|missing tensor|wrong number of "
                "tensors|(?:invalid|bad) magic|not (?:a|in) GGUF|data is not within the file|has wrong shape|corrupted or incomplete",
     .priority = 115},
    {.id = "experts_key",
     .cls = C::checkpoint_format,
     .phrases = "KeyError || There is no module or parameter named || were not initialized from || not initialized from checkpoint || "
                "Missing key(s) || missing keys || size mismatch for || Unexpected key || copying a param with shape || weights are not "
                "initialized || newly initialized || MISSING || Shape mismatch || shape mismatch",
     .pattern = "KeyError:? "
                "?\\S*(?:layers?\\.\\d+\\.|experts?\\.|gate_up_proj|down_proj|_blocks|_scales|lm_head|embed_tokens|block\\.\\d+\\.)\\S*|"
                "There is no module or parameter named|(?:weights?|parameters?|tensors?).{0,100}not initialized "
                "from.{0,20}checkpoint|Missing key\\(s\\) in state_dict|size mismatch for \\S+|copying a param with shape|not initialized "
                "from the model checkpoint.{0,400}experts|shape mismatch.{0,60}(?:weight|param|expert|proj)",
     .priority = 140},
    {.id = "no_weight_files",
     .cls = C::checkpoint_format,
     .phrases = "does not appear to have a file named || Cannot find any model weights || no file named pytorch_model.bin || Error no file "
                "named || Invalid repository ID or local directory || No such file or directory",
     .pattern = "does not appear to have a file named|Cannot find any model weights|no file named "
                "(?:pytorch_model|model\\.safetensors|config\\.json)|No such file or "
                "directory.{0,120}\\.(?:safetensors|gguf|index\\.json)|Invalid repository ID or local directory",
     .priority = 160},

    // ---- flags
    {.id = "bnb_on_mxfp4",
     .cls = C::unsupported_config_flag,
     .phrases = "but you are passing a || get_loading_attributes || does not match the quantization method specified",
     .pattern =
         "is quantized with (\\w+) but you are passing a (\\w+)|get_loading_attributes|does not match the quantization method specified",
     .priority = 90,
     .summary = {"Another quantization was asked for, but the checkpoint is MXFP4 already.",
                 "체크포인트가 이미 MXFP4인데 다른 양자화를 요청했습니다."},
     .link = "https://github.com/huggingface/transformers/issues/39939"},
    {.id = "float16_on_mxfp4",
     .cls = C::unsupported_config_flag,
     .phrases = "is not supported for quantization method",
     .pattern = "torch\\.(\\w+) is not supported for quantization method (\\w+)",
     .priority = 110,
     .none = {X::no_bf16},
     .summary = {"{2} accepts only bfloat16 activations, but {1} was asked for.",
                 "{2}은(는) bfloat16 활성값만 받는데 {1}이(가) 지정되었습니다."}},
    {.id = "argument_parser",
     .cls = C::unsupported_config_flag,
     .phrases = "unrecognized arguments || invalid choice: || unknown argument || unknown flag || unknown option || no such option || "
                "unrecognized option || Invalid value for || expected one argument || the following arguments are required || invalid "
                "argument for || error while handling argument || error: argument",
     .pattern = "unrecognized arguments|invalid choice:|unknown (?:argument|flag|option)|no such option|unrecognized option|Invalid value "
                "for|expected one argument|following arguments are required|error while handling argument|error: argument",
     .priority = 110},
    {.id = "kv_cache_dtype",
     .cls = C::unsupported_config_flag,
     .phrases = "kv_cache_dtype || kv-cache-dtype || fp8 KV cache || FP8 KV cache || OLLAMA_KV_CACHE_TYPE || V cache quantization requires "
                "|| descales",
     .pattern = "(?:kv.cache.dtype|fp8 kv.cache|KV cache).{0,120}(?:not supported|unsupported|requires|invalid|not valid)|(?:does not|not) "
                "support.{0,60}(?:fp8|quantized).{0,10}kv.cache|V cache quantization requires",
     .priority = 150,
     .confidence = Confidence::medium},
    {.id = "parallel_options",
     .cls = C::unsupported_config_flag,
     .phrases = "ep_size || expert parallel || enable_expert_parallel || pipeline parallel || data parallel || all2all || "
                "VLLM_ALL2ALL_BACKEND || speculative",
     .pattern = "(?:AssertionError|assert|ValueError|NotImplementedError|not "
                "supported|unsupported|only|must).{0,120}(?:ep_size|expert.parallel\\w*|all2all|pipeline.parallel|data.parallel|"
                "speculative)|(?:ep_size|expert.parallel\\w*|all2all|EPLB|speculative decoding).{0,80}(?:not (?:yet "
                ")?support|must|only|unsupported|== ?1|is incompatible|cannot be)",
     .priority = 160,
     .confidence = Confidence::medium},
    {.id = "model_length",
     .cls = C::unsupported_config_flag,
     .phrases = "is greater than the derived max_model_len || max_num_batched_tokens || max_position_embeddings || max_model_len",
     .pattern = "greater than the derived "
                "max_model_len|max_num_batched_tokens.{0,60}(?:smaller|must|less)|max_model_len.{0,80}(?:must|cannot|exceed|greater)",
     .priority = 160},
    {.id = "not_with_option",
     .cls = C::unsupported_config_flag,
     .phrases = "is not supported with || not compatible with || incompatible with || cannot be used with || is not allowed with || only "
                "supported with || batch invarian || BATCH_INVARIANT || is not valid for this configuration || not supported for mxfp4 || "
                "not a valid",
     .pattern =
         "(?:--[\\w-]+|VLLM_\\w+|SGLANG_\\w+|moe.?(?:runner.?)?backend|attention.?backend|quantization|cuda.?graph\\w*|batch.?invarian\\w*|"
         "torch\\.compile|enforce_eager|cpu.offload\\w*|AttentionBackendEnum\\.\\w+|\\w+ backend).{0,100}(?:not supported (?:with|for)|not "
         "compatible with|incompatible with|cannot be used with|not allowed with|only supported with|not valid for|is not a valid)",
     .priority = 170,
     .confidence = Confidence::medium},
    {.id = "pydantic",
     .cls = C::unsupported_config_flag,
     .phrases = "validation error for || validation errors for || Extra inputs are not permitted || Input should be",
     .pattern = "\\d+ validation errors? for \\w*(?:Config|Args|VllmConfig)|Extra inputs are not permitted",
     .priority = 240,
     .confidence = Confidence::low},
    {.id = "env_mxfp4_flashinfer",
     .cls = C::unsupported_config_flag,
     .phrases = "VLLM_USE_FLASHINFER_MOE_MXFP4 || VLLM_MXFP4_USE_MARLIN || moe_runner_backend || moe-runner-backend",
     .pattern = "(?:ValueError|NotImplementedError|RuntimeError|error).{0,200}(?:VLLM_USE_FLASHINFER_MOE_MXFP4\\w*|VLLM_MXFP4_USE_MARLIN|"
                "moe.runner.backend).{0,120}(?:not|only|requires|unsupported|invalid|but)",
     .priority = 150,
     .confidence = Confidence::medium},

    // ---- devices
    {.id = "no_cuda_device",
     .cls = C::wrong_device_selected,
     .phrases = "No CUDA GPUs are available || Found no NVIDIA driver || Failed to infer device type || invalid device ordinal || no "
                "CUDA-capable device || Device string must not be empty || cudaErrorNoDevice || CUDA_ERROR_NO_DEVICE || no NVIDIA GPU || "
                "cuda device is not available || CUDA is not available || No GPU found || no GPUs found || No HIP GPUs are available || "
                "cannot find any torch accelerator || Unsloth cannot find || Invalid device id || No supported GPU || NVML: Driver Not "
                "Loaded || couldn't communicate with the NVIDIA driver",
     .pattern =
         "No (?:CUDA|HIP|supported)? ?GPUs? (?:are available|found)|Found no NVIDIA driver|Failed to infer device type|invalid device "
         "(?:ordinal|id)|no CUDA-capable device|Device string must not be empty|NoDevice|NO_DEVICE|CUDA (?:device )?is not available|cuda "
         "device is not available|cannot find any torch accelerator|Driver Not Loaded|communicate with the NVIDIA driver|no NVIDIA GPU",
     .priority = 130},
    {.id = "device_order",
     .cls = C::wrong_device_selected,
     .phrases = "CUDA_DEVICE_ORDER=PCI_BUS_ID || Detected different devices in the system",
     .priority = 320,
     .confidence = Confidence::medium,
     .any_level = true},
    {.id = "visible_devices",
     .cls = C::wrong_device_selected,
     .phrases = "CUDA_VISIBLE_DEVICES || HIP_VISIBLE_DEVICES || ROCR_VISIBLE_DEVICES",
     .pattern = "(?:invalid|error|Error|out of range|not found|No "
                "device).{0,100}(?:CUDA|HIP|ROCR)_VISIBLE_DEVICES|(?:CUDA|HIP|ROCR)_VISIBLE_DEVICES.{0,100}(?:is invalid|not valid|out of "
                "range|wrong|does not exist)",
     .priority = 200,
     .confidence = Confidence::medium},

    // ---- disk and network
    {.id = "disk_full",
     .cls = C::disk_or_network,
     .phrases = "no space left on device || Disk quota exceeded || not enough free disk space || There is not enough space on the disk || "
                "Not enough free disk",
     .priority = 100},
    {.id = "hub_missing",
     .cls = C::disk_or_network,
     .phrases = "LocalEntryNotFoundError || HfHubHTTPError || OfflineModeIsEnabled || GatedRepoError || RepositoryNotFoundError || We "
                "couldn't connect to || couldn't connect to 'https://huggingface.co' || is not a local folder and is not a valid model "
                "identifier || outgoing traffic has been disabled || Consistency check failed || 401 Client Error || 403 Client Error || "
                "404 Client Error || 429 Client Error || 429 Too Many Requests || 503 Server Error || 504 Server Error || Cannot access "
                "gated repo || LocalEntryNotFound || pull model manifest || error pulling model",
     .priority = 155,
     .none = {X::hub_kernels}},
    {.id = "hub_missing_too",
     .cls = C::disk_or_network,
     .phrases =
         "is not a local folder and is not a valid model identifier || GatedRepoError || pull model manifest || Consistency check failed",
     .priority = 156},
    {.id = "network",
     .cls = C::disk_or_network,
     .phrases = "Max retries exceeded || max retries exceeded || NameResolutionError || Temporary failure in name resolution || Failed to "
                "resolve || ReadTimeoutError || ConnectTimeout || certificate verify failed || no such host || i/o timeout || TLS "
                "handshake timeout || Connection reset by peer || Connection refused || Could not resolve host || ReadTimeout || "
                "ConnectionResetError || IncompleteRead || Read timed out || dial tcp || Name or service not known || download failed || "
                "Download failed || failed to download",
     .priority = 280,
     .confidence = Confidence::medium},

    // ---- bugs of frameworks
    {.id = "w4a16_assert",
     .cls = C::framework_bug,
     .phrases = "Supports only mxfp4_w4a16 || Incompatible Mxfp4 backend || Incompatible MXFP4 backend",
     .link = "https://github.com/vllm-project/vllm/pull/27484"},
    {.id = "quant_method_not_yet",
     .cls = C::framework_bug,
     .phrases = "Quant method is not yet supported || quant method is not yet supported",
     .pattern = "Quant method is not yet supported:? ?(\\w+)",
     .elsewhere = true,
     .link = "https://github.com/ggml-org/llama.cpp/pull/16756"},
    {.id = "mxfp4_object_attribute",
     .cls = C::framework_bug,
     .phrases = "object has no attribute || referenced before assignment || cannot access local variable || is not callable || object is "
                "not subscriptable || is not iterable || unsupported operand type",
     .pattern = "(?:Mxfp4\\w*|GptOss\\w*|\\w*MoEMethod|\\w*FusedMoE\\w*|FusedMoE\\w*|OAITriton\\w*|\\w*MoeExperts|Marlin\\w*) object "
                "(?:has no attribute|is not)|(?:mxfp4\\w*|gpt_oss\\w*|fused_moe\\w*|fused_marlin_moe)\\S*\\.py.{0,800}(?:NoneType object "
                "(?:has no attribute|is not)|UnboundLocalError|cannot access local variable|referenced before assignment|is not "
                "callable|not subscriptable|unsupported operand)",
     .priority = 165,
     .confidence = Confidence::medium,
     .none = {X::training}},
    {.id = "mxfp4_assertion",
     .cls = C::framework_bug,
     .phrases = "AssertionError || assert || NotImplementedError || KeyError || UnboundLocalError || TypeError || AttributeError || "
                "ValueError || RuntimeError || IndexError",
     .pattern =
         "(?:mxfp4\\w*|gpt_oss\\w*)\\.py, line \\d+, in "
         "\\w+\\n.{0,700}?^.{0,160}(?:AssertionError|NotImplementedError|KeyError|UnboundLocalError|TypeError|AttributeError|IndexError)",
     .priority = 285,
     .confidence = Confidence::low},

    // ---- silent fallbacks
    {.id = "zero_layers_offloaded",
     .cls = C::silent_fallback,
     .phrases = "offloaded 0/ || offloading 0 repeating layers to GPU",
     .pattern = "offloaded 0/\\d+ layers to GPU|offloading 0 repeating layers",
     .priority = 340,
     .none = {X::image_model},
     .any_level = true,
     .link = "https://github.com/ollama/ollama/issues/12674"},
    {.id = "library_cpu",
     .cls = C::silent_fallback,
     .phrases = "library=cpu || no compatible GPUs were discovered || no usable GPU found || falling back to CPU || fall back to CPU || "
                "fallback to CPU || Falling back to CPU || compiled without GPU offload || not compiled with GPU offload || GPU offload "
                "will be ignored || running on CPU instead",
     .pattern = "(?:inference compute.{0,60}library=cpu)|no compatible GPUs were discovered|no usable GPU|fall\\w* ?back to (?:the "
                ")?cpu|GPU offload(?:ing)? (?:will be|support)|without GPU offload|running on CPU instead",
     .priority = 350,
     .confidence = Confidence::medium,
     .any_level = true},
    {.id = "dequantize_warning",
     .cls = C::silent_fallback,
     .phrases = "we will default to dequantizing || We will default to dequantizing || we will dequantize the model to bf16 || "
                "dequantizing the model to bf16 || defaulting to dequantiz",
     .priority = 330,
     .any_level = true,
     .summary = {"The MXFP4 weights are expanded to bf16: about 3.2 times the memory, and none of the MXFP4 kernels.",
                 "MXFP4 가중치를 bf16으로 풉니다. 메모리는 약 3.2배가 들고 MXFP4 커널은 쓰이지 않습니다."}},
    {.id = "backend_fallback",
     .cls = C::silent_fallback,
     .phrases = "falling back to || Falling back to || fallback to || fall back to || fell back to",
     .pattern = "(?:mxfp4|MXFP4|moe|MoE|TRTLLM|flashinfer|Triton|triton).{0,120}fall(?:ing|s)?.?back to (?:the "
                ")?(?:bf16|BF16|bfloat16|emulation|dequant\\w*|CutlassFusedMoE|CUTLASS|torch|eager|naive|slow)",
     .priority = 360,
     .confidence = Confidence::low},

    // ---- plainly something else
    {.id = "address_in_use",
     .cls = C::not_a_kernel_problem,
     .phrases = "Address already in use || address already in use || only one usage of each socket address",
     .priority = 130},
    {.id = "nccl",
     .cls = C::not_a_kernel_problem,
     .phrases = "NCCL error || ncclInternalError || ncclSystemError || ncclUnhandledCudaError || ncclRemoteError || Watchdog caught "
                "collective operation timeout || unhandled system error",
     .priority = 170,
     .confidence = Confidence::medium,
     .summary = {"The communication between GPUs (NCCL) failed.", "GPU 사이의 통신(NCCL)이 실패했습니다."}},
    {.id = "permission",
     .cls = C::not_a_kernel_problem,
     .phrases = "Permission denied || PermissionError || Operation not permitted || Access is denied",
     .priority = 240,
     .confidence = Confidence::medium},
    {.id = "context_length",
     .cls = C::not_a_kernel_problem,
     .phrases = "maximum context length is || exceeds the available context size || context length exceeded || prompt is too long || "
                "exceeds context window || Requested token count exceeds",
     .priority = 160},
    {.id = "api_key",
     .cls = C::not_a_kernel_problem,
     .phrases = "401 Unauthorized || Invalid API key || invalid_api_key || Incorrect API key || 404 Not Found || does not exist. "
                "type=NotFoundError || NotFoundError || not found, try pulling it first",
     .pattern = "401 Unauthorized|(?:Invalid|Incorrect) API.?key|404 Not Found|(?<![a-z])NotFoundError|not found, try pulling it first",
     .priority = 290,
     .confidence = Confidence::low},
    {.id = "cpu_instructions",
     .cls = C::not_a_kernel_problem,
     .phrases = "Illegal instruction (core dumped) || exit status 0xc000001d || SIGILL",
     .priority = 170,
     .confidence = Confidence::medium,
     .summary = {"The program was built for CPU instructions that this CPU does not have.",
                 "프로그램이 이 CPU에 없는 명령어용으로 빌드되었습니다."}},
    {.id = "shm",
     .cls = C::not_a_kernel_problem,
     .phrases = "unable to open shared memory object || /dev/shm || bus error || insufficient shared memory (shm)",
     .pattern = "unable to open shared memory object|insufficient shared memory \\(shm\\)|No space left .{0,40}/dev/shm|Bus error",
     .priority = 90,
     .confidence = Confidence::medium,
     .summary = {"The container's shared memory between processes (/dev/shm) is too small; this is not the GPU's shared memory.",
                 "컨테이너의 프로세스 간 공유 메모리(/dev/shm)가 작습니다. GPU의 공유 메모리가 아닙니다."}},
};

}  // namespace

std::span<const Signature> other_signatures() { return table; }

}  // namespace mxpath::diagnose
