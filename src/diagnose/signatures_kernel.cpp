// What kernels, compilers and drivers print. One row a signature; see docs/diagnose.md.
#include "diagnose/signature.h"

namespace mxpath::diagnose {
namespace {

using C = FailureClass;
using X = Context;

constexpr Signature table[] = {
    // ---- layout
    {.id = "hopper_swizzle_on_hopper",
     .cls = C::version_mismatch,
     .phrases = "Only Hopper swizzling is supported",
     .caps = {90},
     .must_know = {Need::machine},
     .summary = {"The layout assertion fired on a Hopper GPU: triton_kernels is newer than its caller.",
                 "Hopper GPU에서 레이아웃 검사가 실패했습니다. triton_kernels가 호출하는 쪽보다 새 버전입니다."},
     .why = {"On 9.0 the selector does return the Hopper layout; newer kernels also demand SWAP_XW, which is set only when the scale is "
             "Hopper-swizzled too, and "
             "Transformers, Unsloth and the reference code keep the scale strided.",
             "9.0에서는 Hopper 레이아웃이 선택되지만, 새 커널은 스케일도 Hopper 스위즐일 때만 켜지는 SWAP_XW를 요구합니다. Transformers, "
             "Unsloth, 참조 코드는 스케일을 스트라이드로 둡니다."},
     .link = "https://github.com/unslothai/unsloth-zoo/pull/1208"},
    {.id = "hopper_swizzle",
     .cls = C::layout_hopper_only,
     .phrases = "Only Hopper swizzling is supported || Only Hopper swizzling || SWIZZLE_MX_VALUE == \"HOPPER_VALUE\" or",
     .summary =
         {"The MXFP4 weights are in a Blackwell layout, but the kernel that runs reads only the Hopper layout or plain strided weights.",
          "MXFP4 가중치는 Blackwell 레이아웃인데 실행되는 커널은 Hopper 레이아웃이나 단순 스트라이드 레이아웃만 읽습니다."},
     .link = "https://github.com/unslothai/unsloth-zoo/pull/1208"},
    {.id = "hopper_mxfp4_only",
     .cls = C::layout_hopper_only,
     .phrases = "Only mxfp4 is supported for HOPPER swizzling || supported for Hopper swizzling. Got || NYI. Value swizzling || Only "
                "Blackwell swizzling is supported || swizzling is not supported || Swizzling is only supported"},
    {.id = "swizzle_assertion",
     .cls = C::layout_hopper_only,
     .phrases = "swizzle || swizzling",
     .pattern = "(static_assert|AssertionError|AssertionFailure|NotImplementedError|ValueError|RuntimeError).{0,300}(HOPPER|BLACKWELL|"
                "hopper|blackwell)_?(VALUE|SCALE|MX|swizzl)",
     .priority = generic,
     .confidence = Confidence::medium},
    {.id = "layout_not_column_major",
     .cls = C::layout_hopper_only,
     .phrases = "must be column-major || w must be column-major || weights must be column major",
     .priority = likely,
     .confidence = Confidence::medium,
     .any = {X::triton, X::mxfp4, X::gpt_oss}},

    // ---- ptxas and friends
    {.id = "ptxas_bf16_sm80",
     .cls = C::ptxas_feature_not_on_target,
     .phrases = "requires .target",
     .pattern = "(?:Feature|Instruction|Modifier|Type) ([\\w.:+ ]{2,90}?) requires \\.target (sm_\\w+)",
     .summary = {"The kernel uses {1}, which needs {2} or later.", "커널이 {1} 기능을 사용하는데 이 기능에는 {2} 이상이 필요합니다."}},
    {.id = "ptxas_feature",
     .cls = C::ptxas_feature_not_on_target,
     .phrases = "not supported on .t || not supported on target || not supported on .target || not supported for target || not supported "
                "on architecture sm_",
     .pattern = "(?:Feature|Instruction|Modifier|Type|Operation|Opcode|Qualifier|intrinsic) ([^;\\n]{2,120}?) (?:is |are )?not supported "
                "(?:on|for) (?:\\.?t(?:arget)?|architecture)(?: (sm_\\w+))?",
     .summary = {"The kernel uses {1}, an instruction that this GPU does not have.", "커널이 이 GPU에 없는 명령 {1}을(를) 사용합니다."},
     .link = "https://github.com/triton-lang/triton/issues/8335"},
    {.id = "ptxas_tma_names",
     .cls = C::ptxas_feature_not_on_target,
     .phrases = ".tile::gather4 || .tile::scatter4 || tensormap.replace || cvt with .e2m1x2 || wgmma.mma_async || tcgen05. || setmaxnreg "
                "|| mma with block scale || .block_scale || cp.async.bulk",
     .pattern = "not supported|unsupported|unrecognized|ignored|error",
     .priority = likely},
    {.id = "wgmma_not_for_target",
     .cls = C::ptxas_feature_not_on_target,
     .phrases = "cannot be compiled for architecture",
     .priority = likely},
    {.id = "llvm_cannot_select",
     .cls = C::ptxas_arch_unknown,
     .phrases = "Cannot select: intrinsic %llvm.nvvm",
     .priority = likely,
     .confidence = Confidence::medium},
    {.id = "ptxas_gpu_name",
     .cls = C::ptxas_arch_unknown,
     .phrases = "is not defined for option gpu-name || not defined for option",
     .pattern = "Value (sm_\\w+|compute_\\w+) is not defined for option",
     .summary = {"The ptxas that Triton uses does not know {1}.", "Triton이 사용하는 ptxas가 {1}을(를) 알지 못합니다."},
     .link = "https://github.com/triton-lang/triton/issues/8539"},
    {.id = "nvcc_gpu_architecture",
     .cls = C::ptxas_arch_unknown,
     .phrases = "Unsupported gpu architecture || unsupported gpu architecture || invalid value for --gpu-architecture || is not a "
                "recognized processor || Unknown CUDA arch || Unknown CUDA Architecture || unrecognized gpu architecture || Unsupported "
                "gpu-architecture || is not in the list of supported architectures || CUDA_ARCHITECTURES is set to",
     .pattern = "(?:Unsupported gpu.architecture|invalid value for --gpu-architecture|Unknown CUDA arch\\w*|unrecognized gpu "
                "architecture)\\W*([\\w.]+)?|((?:sm|gfx)_?\\w+) is not a recognized processor|(compute_\\w+|sm_\\w+).{0,40}not in the "
                "list|is set to \\W*(native|\\d+)",
     .none = {X::amd}},
    {.id = "ptx_version_too_new",
     .cls = C::toolchain_driver_mismatch,
     .phrases = "Unsupported .version",
     .pattern = "Unsupported \\.version ([\\d.]+); current version is ([\\d.]+)",
     .summary = {"The PTX is of version {1}, but the ptxas in use understands only {2}.",
                 "PTX 버전은 {1}인데 사용 중인 ptxas는 {2}까지만 이해합니다."}},

    // ---- shared memory
    {.id = "triton_shared_memory",
     .cls = C::shared_memory_exceeded,
     .phrases = "out of resource: shared memory || OutOfResources",
     .pattern = "out of resource:? shared memory\\W*Required:? (\\d+)\\W*Hardware limit:? (\\d+)",
     .summary = {"The kernel's tile needs {1} bytes of shared memory per block; this GPU has {2}.",
                 "커널 타일은 블록당 공유 메모리 {1}바이트가 필요하지만 이 GPU에는 {2}바이트뿐입니다."},
     .link = "https://github.com/triton-lang/triton/issues/8182"},
    {.id = "triton_out_of_resources",
     .cls = C::shared_memory_exceeded,
     .phrases = "out of resource: || OutOfResources: || OutOfResources(",
     .priority = likely,
     .confidence = Confidence::medium},
    {.id = "num_stages",
     .cls = C::shared_memory_exceeded,
     .phrases = "assert num_stages >= 1 || num_stages >= 1",
     .summary = {"triton_kernels found no tile that fits into this GPU's shared memory (num_stages came out below 1).",
                 "triton_kernels가 이 GPU의 공유 메모리에 맞는 타일을 찾지 못했습니다(num_stages가 1보다 작음)."},
     .link = "https://github.com/triton-lang/triton/issues/7942"},
    {.id = "ptxas_shared_data",
     .cls = C::shared_memory_exceeded,
     .phrases = "uses too much shared data || too much shared data || exceeds available shared memory || exceeds the shared memory || "
                "shared memory size exceeds || exceeds shared memory limit || not enough shared memory || insufficient shared memory || "
                "exceed the maximum shared memory || Failed to set the allowed dynamic shared memory || local memory exceeds limit || "
                "requested shared memory size || exceeds maximum shared memory || smem size exceeds || LDS size exceeds",
     .priority = likely},
    {.id = "amd_local_memory",
     .cls = C::shared_memory_exceeded,
     .phrases = "exceeds limit (",
     .pattern = "local memory \\((\\d+)\\) exceeds limit \\((\\d+)\\)"},

    // ---- no code for the architecture
    {.id = "no_kernel_image",
     .cls = C::arch_no_kernel_image,
     .phrases = "no kernel image is available || cudaErrorNoKernelImageForDevice || CUDA_ERROR_NO_BINARY_FOR_GPU || no binary for GPU",
     .any_level = false,
     .link = "https://github.com/vllm-project/vllm/pull/22714"},
    {.id = "torch_arch_list",
     .cls = C::arch_no_kernel_image,
     .phrases = "is not compatible with the current PyTorch installation || current PyTorch install supports CUDA capabilities || not "
                "supported by the current PyTorch",
     .pattern =
         "(?:with CUDA capability (sm_\\w+))?.{0,20}(?:not compatible with the current PyTorch|PyTorch install supports CUDA capabilities)",
     .any_level = true},
    {.id = "ggml_no_device_code",
     .cls = C::arch_no_kernel_image,
     .phrases =
         "has no device code compatible with CUDA arch || ggml was not compiled with support for this arch || not compiled with support "
         "for this arch || was compiled without support for the current GPU architecture || not compiled for this GPU architecture",
     .pattern = "(?:CUDA arch (\\d+)|compiled with(?:out)? support for|not compiled for)"},
    {.id = "invalid_device_function",
     .cls = C::arch_no_kernel_image,
     .phrases = "invalid device function || cudaErrorInvalidDeviceFunction || named symbol not found",
     .priority = likely,
     .confidence = Confidence::medium,
     .none = {X::amd}},
    {.id = "no_cubin",
     .cls = C::arch_no_kernel_image,
     .phrases = "cubin not found || No cubin found || cubin miss || Unable to find cubin || Could not find cubin || no supported cubin || "
                "no compiled kernels for || not built for sm || not compiled for SM || kernel image for this architecture",
     .priority = likely},
    {.id = "sgl_kernel_variant",
     .cls = C::arch_no_kernel_image,
     .phrases = "Could not load any common_ops library",
     .pattern = "common_ops library.{0,1500}capability:? (\\d+).{0,200}Expected variant",
     .priority = 110,
     .confidence = Confidence::medium},
    {.id = "cutlass_arch_trap",
     .cls = C::arch_capability_gate,
     .phrases = "Arch conditional MMA instruction || This kernel only supports sm || This kernel is only supported on || This kernel only "
                "supports || is only supported on SM || only compiled for sm",
     .priority = 105},

    // ---- toolchain and driver
    {.id = "ptx_toolchain",
     .cls = C::toolchain_driver_mismatch,
     .phrases = "provided PTX was compiled with an unsupported toolchain || unsupported toolchain || CUDA_ERROR_UNSUPPORTED_PTX_VERSION || "
                "cudaErrorUnsupportedPtxVersion || CUDA error 222"},
    {.id = "kernel_image_invalid",
     .cls = C::toolchain_driver_mismatch,
     .phrases = "device kernel image is invalid || cudaErrorInvalidKernelImage || a PTX JIT compilation failed || PTX JIT compiler library "
                "was not found || CUDA_ERROR_INVALID_PTX || CUDA_ERROR_INVALID_IMAGE"},
    {.id = "driver_insufficient",
     .cls = C::toolchain_driver_mismatch,
     .phrases =
         "CUDA driver version is insufficient || forward compatibility was attempted on non supported HW || NVIDIA driver on your system "
         "is too old || unsatisfied condition: cuda>= || cudaErrorInsufficientDriver || API call is not supported in the installed CUDA "
         "driver || cudaErrorCallRequiresNewerDriver || Driver/library version mismatch || driver version is too old || requires a newer "
         "driver || requires driver version || CUDA driver is too old || please update your driver to a newer version || compat libraries",
     .pattern = "insufficient|forward compatibility was attempted|too old|unsatisfied condition|InsufficientDriver|not supported in the "
                "installed|RequiresNewerDriver|version mismatch|requires (?:a newer )?driver|update your driver"},

    // ---- numbers
    {.id = "fp8e4nv",
     .cls = C::dtype_unsupported_on_arch,
     .phrases = "fp8e4nv not supported in this architecture || The supported fp8 dtypes are || fp8e4nv data type is not supported || "
                "fp8e4m3fn is not supported on || fp8e4b8 not supported || not supported in this architecture. The supported",
     .link = "https://github.com/vllm-project/vllm/issues/26431"},
    {.id = "bf16_capability",
     .cls = C::dtype_unsupported_on_arch,
     .phrases = "Bfloat16 is only supported on GPUs || bfloat16 is not supported on || does not support bfloat16 || not support bfloat16 "
                "|| bf16 is not supported || BF16 is only supported || doesn't support bfloat16 || Your setup doesn't support bf16 || FP8 "
                "is not supported on || fp8 is only supported on || FP8 is only supported || float8 is only supported on || Float8_e4m3fn "
                "not supported || FP8 not supported on",
     .pattern = "(?:Bfloat16|bf16|FP8|float8\\w*)\\W.{0,60}(?:support|require)|supports? (?:bf16|bfloat16)"},
    {.id = "float8_matmul_arch",
     .cls = C::dtype_unsupported_on_arch,
     .phrases = "torch._scaled_mm is only supported on || fp8 matmul requires || FP8 quantized models is only supported || requires "
                "compute capability 8.9 || requires compute capability >= 8.9 || FP8 inference requires || FP4 is not supported on || "
                "NVFP4 is not supported on || FP4 gemm requires || NVFP4 requires",
     .priority = likely},
    {.id = "dtype_fallback_rejected",
     .cls = C::dtype_unsupported_on_arch,
     .phrases = "torch.float16 is not supported for quantization method mxfp4 || torch.float16 is not supported for quantization method",
     .priority = 105,
     .all = {X::no_bf16},
     .summary = {"The GPU has no bfloat16, the server fell back to float16, and MXFP4 accepts only bfloat16.",
                 "GPU에 bfloat16이 없어 float16으로 바뀌었는데 MXFP4는 bfloat16만 받습니다."}},
    {.id = "then_else_type",
     .cls = C::dtype_mismatch_in_kernel,
     .phrases = "Mismatched type for || and else block ( || between then block",
     .pattern = "Mismatched type for (\\w+) between then block",
     .summary = {"In the Triton kernel, {1} has another number format with a bias than without.",
                 "Triton 커널 안에서 {1}의 수 형식이 편향이 있을 때와 없을 때 다릅니다."},
     .link = "https://github.com/unslothai/unsloth/issues/3728"},
    {.id = "triton_same_dtype",
     .cls = C::dtype_mismatch_in_kernel,
     .phrases = "Both operands must be same dtype || operands must be same dtype || must have the same dtype || has initial type || "
                "assumes hidden_states.dtype || is re-assigned to || dtypes must match",
     .pattern = "Both operands must be same dtype|(?:First input|lhs).{0,80}must have the same dtype|Loop-carried "
                "variable|hidden_states\\.dtype|re-assigned to <?(?:fp|bf)|dtypes must match|must have the same dtype",
     .priority = likely},
    {.id = "torch_same_dtype",
     .cls = C::dtype_mismatch_in_kernel,
     .phrases = "to have the same dtype || must have the same dtype || expected scalar type || expected dtype || source and destination "
                "dtypes match || should be the same as || have different dtypes",
     .pattern = "(?:mat1 and mat2|m1 and m2|self and mat2|mat_a and mat_b|inputs?).{0,30}(?:to|must) have the same dtype|expected scalar "
                "type (?:Half|BFloat16|Float|Byte) but found (?:Half|BFloat16|Float|Byte)|source and destination dtypes match|expected "
                ".{0,10}dtype .{0,30} but got|Input type \\(.{1,30}\\) and (?:bias|weight) type",
     .priority = likely,
     .confidence = Confidence::medium,
     .none = {X::image_model}},

    // ---- run time
    {.id = "illegal_memory_access",
     .cls = C::kernel_runtime_bug,
     .phrases = "illegal memory access || cudaErrorIllegalAddress || CUDA_ERROR_ILLEGAL_ADDRESS || unspecified launch failure || "
                "misaligned address || illegal instruction was encountered || cudaErrorLaunchFailure || CUDA_ERROR_LAUNCH_FAILED || Memory "
                "access fault by GPU || hipErrorIllegalAddress || CUDA_EXCEPTION_ || Warp Illegal Address || an illegal instruction",
     .priority = generic,
     .confidence = Confidence::medium},
    {.id = "trtllm_run",
     .cls = C::kernel_runtime_bug,
     .phrases = "Error in function 'run' at || Error occurred when running GEMM || Error occurred when running MoE || TMA Desc Addr || "
                "Failed to initialize cutlass TMA WS grouped gemm || Failed to run cutlass || Error Internal at || cutlass error || "
                "trtllm_fp4_block_scale_moe_op failed || launch failed || kernel launch failed || Failed to launch",
     .priority = likely,
     .confidence = Confidence::medium,
     .none = {X::image_model}},
    {.id = "triton_cuda_error",
     .cls = C::kernel_runtime_bug,
     .phrases = "Triton Error [CUDA]: || Triton Error [HIP]: || CUBLAS_STATUS_EXECUTION_FAILED || CUBLAS_STATUS_INTERNAL_ERROR || "
                "CUBLAS_STATUS_INVALID_VALUE || CUBLAS_STATUS_NOT_SUPPORTED || UR_RESULT_ERROR || Native API failed || CUDA error: invalid "
                "argument || CUDA error: operation not permitted || too many resources requested for launch",
     .priority = generic,
     .confidence = Confidence::medium},
    {.id = "device_assert",
     .cls = C::cannot_tell,
     .phrases = "device-side assert triggered || cudaErrorAssert",
     .priority = generic,
     .confidence = Confidence::low,
     .why = {"A device-side assertion is reported late and without its text: a token id outside the vocabulary and a kernel's own check "
             "look the same.",
             "장치 쪽 assert는 늦게, 내용 없이 보고됩니다. 어휘 범위를 벗어난 토큰 번호와 커널의 자체 검사가 똑같이 보입니다."},
     .needs = {Need::full_log, Need::versions}},
    {.id = "ggml_cuda_error",
     .cls = C::kernel_runtime_bug,
     .phrases = "ggml-cuda.cu || ggml_cuda_error",
     .pattern = "CUDA error:? ?(?!.{0,20}(?:out of memory|no kernel|provided PTX|device kernel|driver))",
     .priority = 260,
     .confidence = Confidence::low},
    {.id = "empty_batch",
     .cls = C::kernel_runtime_bug,
     .phrases = "Assertion failed: input_activations || TLLM_CHECK || zero tokens || 0-token batch",
     .pattern = "Assertion failed: input_activations|0-token|zero tokens|TLLM_CHECK.{0,40}fail",
     .priority = likely,
     .confidence = Confidence::medium},
    {.id = "segfault_triton",
     .cls = C::kernel_runtime_bug,
     .phrases = "Segmentation fault || SIGSEGV || Segfault encountered || segmentation violation || signal 11",
     .priority = 250,
     .confidence = Confidence::low,
     .any = {X::triton, X::kernel_code, X::mxfp4},
     .none = {X::image_model}},
    {.id = "segfault_other",
     .cls = C::cannot_tell,
     .phrases = "Segmentation fault || SIGSEGV || segmentation violation || Segfault encountered",
     .priority = 270,
     .confidence = Confidence::low,
     .needs = {Need::full_log, Need::machine, Need::versions}},
    {.id = "nan_probabilities",
     .cls = C::wrong_output_kernel,
     .phrases =
         "probability tensor contains either || logits contain NaN || contains NaN || NaN detected in || nan in logits || logits are nan",
     .pattern =
         "probability tensor contains "
         "either|(?:logits|hidden.states|output|activations?).{0,40}NaN|NaN.{0,30}(?:logits|hidden|output|activation)|logits contain NaN",
     .priority = likely,
     .confidence = Confidence::medium,
     .none = {X::image_model}},
    {.id = "garbage_run",
     .cls = C::wrong_output_kernel,
     .phrases = "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!! || GGGGGGGGGGGGGGGGGGGGGGGG || <|return|><|return|><|return|><|return|>",
     .priority = weak,
     .confidence = Confidence::medium,
     .any_level = true},
    {.id = "garbage_words",
     .cls = C::wrong_output_kernel,
     .phrases = "garbage output || gibberish || garbled || nonsense output || outputs garbage || produces garbage || broken output || "
                "content: null, reasoning: null || emits broken || corrupted output || incoherent output || empty output",
     .priority = hint,
     .confidence = Confidence::low,
     .any = {X::gpt_oss, X::mxfp4},
     .any_level = true},

    // ---- compile errors of other kinds
    {.id = "amd_mfma",
     .cls = C::amd_backend_unsupported,
     .phrases = "MFMA.cpp || DotOpToLLVM || DotOperandEncodingAttr || backends/amd/compiler.py",
     .pattern = "MFMA\\.cpp|ConvertTritonAMDGPU|amd/compiler\\.py.{0,600}(?:PassManager::run failed|Error)",
     .priority = likely},
    {.id = "triton_pass_manager",
     .cls = C::unknown_kernel_compile_error,
     .phrases = "PassManager::run failed || processing an MLIR pass pipeline || failed to legalize operation || LLVM ERROR: || "
                "triton.compiler.errors.CompilationError || CompileTimeAssertionFailure || CompilationError: at || error: cannot be "
                "converted to LLVM || Ptx assembly aborted || Internal Triton PTX codegen error || PTXASError || ptxas fatal || nvrtc: "
                "error || NVRTC_ERROR_COMPILATION || NVRTC error || hiprtc error || CompileError: || Failed to compile kernel || JIT "
                "compilation failed || UnsupportedLanguageConstruct",
     .priority = 260,
     .confidence = Confidence::medium},
    {.id = "mlir_assertion",
     .cls = C::unknown_kernel_compile_error,
     .phrases = "Assertion",
     .pattern =
         "(?:lib/(?:Analysis|Dialect|Conversion|Tools)|mlir|triton|llvm)[\\w/.\\-]*\\.(?:cpp|h):\\d+.{0,400}Assertion .{0,400}failed",
     .priority = 240,
     .confidence = Confidence::medium},
    {.id = "jit_build_failed",
     .cls = C::unknown_kernel_compile_error,
     .phrases = "ninja: build stopped || Ninja build failed || nvcc fatal || error detected in the compilation of || errors detected in "
                "the compilation of || Error building extension || nvcc error",
     .priority = 270,
     .confidence = Confidence::low},
};

}  // namespace

std::span<const Signature> kernel_signatures() { return table; }

}  // namespace mxpath::diagnose
