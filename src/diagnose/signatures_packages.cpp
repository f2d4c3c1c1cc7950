// Missing, old and ill-matched packages; broken installations; missing build tools.
#include "diagnose/signature.h"

namespace mxpath::diagnose {
namespace {

using C = FailureClass;
using X = Context;

constexpr Signature table[] = {
    // ---- the kernel package is missing
    {.id = "no_module_triton_kernels",
     .cls = C::missing_triton_kernels_package,
     .phrases = "No module named 'triton_kernels' || No module named triton_kernels",
     .pattern = "^(?!.{0,80}Failed to import Triton kernels).{0,200}No module named triton_kernels(?![.\\w])",
     .priority = 110,
     .link = "https://github.com/vllm-project/vllm/pull/28788"},
    {.id = "import_failed_missing",
     .cls = C::missing_triton_kernels_package,
     .phrases = "Failed to import Triton kernels",
     .pattern = "Failed to import Triton kernels.{0,200}No module named triton_kernels(?![.\\w])",
     .priority = weak,
     .confidence = Confidence::medium},
    {.id = "hf_requires_kernels",
     .cls = C::missing_triton_kernels_package,
     .phrases = "MXFP4 quantization requires || requires triton >= 3.4.0 || requires Triton and kernels",
     .pattern = "MXFP4 quantization requires .{0,200}(?:kernels|triton)",
     .priority = weak,
     .any_level = true,
     .summary = {"Transformers found no usable kernels package (or Triton), so it will not run MXFP4 natively.",
                 "Transformers가 쓸 수 있는 kernels 패키지(또는 Triton)를 찾지 못해 MXFP4를 네이티브로 실행하지 않습니다."},
     .link = "https://github.com/huggingface/transformers/issues/47455"},
    {.id = "kernels_required",
     .cls = C::missing_triton_kernels_package,
     .phrases =
         "No module named 'kernels' || pip install kernels || pip install -U kernels || requires the `kernels` || kernels package is not "
         "installed || kernels is not installed || triton_kernels is not installed || triton_kernels is not available || triton_kernels "
         "not found || triton_kernels package is required || Please install triton_kernels || install triton_kernels || triton_kernels is "
         "required || triton kernels is not installed || requires triton_kernels || triton_kernels package not || without triton_kernels",
     .pattern = "No module named kernels(?![.\\w])|(?:requires?|install|missing|not "
                "(?:installed|available|found)|without).{0,60}(?:kernels|triton_kernels)|triton_kernels.{0,40}(?:not "
                "(?:installed|available|found)|required|missing)",
     .priority = 130},
    {.id = "vllm_triton_kernels_unavailable",
     .cls = C::missing_triton_kernels_package,
     .phrases = "triton_kernels unavailable in this build",
     .priority = hint,
     .confidence = Confidence::low},
    {.id = "accelerate_required",
     .cls = C::missing_triton_kernels_package,
     .phrases = "mxfp4 requires || mxfp4 quantization requires || requires accelerate || requires torch",
     .pattern = "mxfp4\\b[^\\n]{0,40}? requires (?:the )?(accelerate|torch)\\b",
     .priority = likely,
     .confidence = Confidence::medium,
     .summary = {"The package {1}, which Transformers needs to load MXFP4, is not installed.",
                 "Transformers가 MXFP4를 읽을 때 필요한 {1} 패키지가 설치되어 있지 않습니다."},
     .why = {"Transformers asks for Accelerate, Triton and the package named kernels one after the other.",
             "Transformers는 Accelerate, Triton, kernels 패키지를 차례로 확인합니다."}},

    // ---- the hub kernel
    {.id = "hub_build_variant",
     .cls = C::kernel_hub_download_failed,
     .phrases = "does not have one of build variants || Cannot find a build variant for this system || No build variant || Kernel at path "
                "|| does not match system backend || build variants:",
     .pattern = "build variant|Kernel at path.{0,300}does not|does not match system backend",
     .summary = {"The hub kernel has no build for this torch, CUDA or operating system.",
                 "허브 커널에 이 torch·CUDA·운영체제 조합용 빌드가 없습니다."},
     .link = "https://github.com/huggingface/kernels/issues/553"},
    {.id = "hub_offline",
     .cls = C::kernel_hub_download_failed,
     .phrases = "kernels-community || kernels_community || get_kernel( || gpt-oss-triton-kernels || hub_kernels.py || kernels/utils.py || "
                "install_kernel || kernels--community",
     .pattern = "(?:kernels.{0,3}community|get_kernel\\w*\\(|gpt-oss-triton-kernels|hub_kernels|kernels/"
                "utils\\.py|install_kernel).{0,3000}(?:LocalEntryNotFound|HfHubHTTPError|HTTPError|ConnectionError|ConnectTimeout|"
                "ReadTimeout|Max retries|OfflineModeIsEnabled|RepositoryNotFound|RevisionNotFound|EntryNotFound|40[134] |cannot find the "
                "requested files|outgoing traffic|FileNotFoundError|ProxyError|SSLError|NameResolution|could not connect|couldn.?t "
                "connect)|(?:LocalEntryNotFound|HTTPError|ConnectionError|Max retries|cannot find|couldn.?t connect|40[134] Client "
                "Error|FileNotFoundError|RepositoryNotFound|OfflineMode).{0,600}(?:kernels.{0,3}community|gpt-oss-triton-kernels)",
     .priority = 90},
    {.id = "hub_offline_words",
     .cls = C::kernel_hub_download_failed,
     .phrases = "Failed to load kernel || Failed to download kernel || Could not load kernel || Failed to fetch kernel || failed to load "
                "the kernel from || Unable to load kernel || error loading kernel from hub || Kernel not found",
     .pattern = "(?:fail\\w*|could not|unable to|error) (?:to )?(?:load|download|fetch|loading)\\w* (?:the "
                ")?kernel\\w*.{0,120}(?:hub|repo|community|huggingface|kernels/|cache)|Kernel not found.{0,60}(?:hub|cache|repo)",
     .priority = 120,
     .confidence = Confidence::medium},
    {.id = "hub_no_local",
     .cls = C::kernel_hub_download_failed,
     .phrases = "LocalEntryNotFoundError || OfflineModeIsEnabled",
     .priority = 160,
     .confidence = Confidence::medium,
     .all = {X::hub_kernels}},
    {.id = "kernels_revision_required",
     .cls = C::version_mismatch,
     .phrases = "Either a revision or a version must be specified || a version or a revision must be specified || revision or a version "
                "must be || kernels now requires || must specify either a revision or version",
     .summary = {"This kernels release demands a version that this Transformers release does not pass.",
                 "이 kernels 릴리스는 버전 지정을 요구하지만 이 Transformers 릴리스는 넘기지 않습니다."},
     .link = "https://github.com/huggingface/transformers/issues/46291"},

    // ---- versions that do not fit
    {.id = "import_failed_submodule",
     .cls = C::version_mismatch,
     .phrases = "Failed to import Triton kernels",
     .pattern = "Failed to import Triton kernels.{0,200}(?:No module named "
                "(triton\\.[\\w.]+|triton_kernels\\.(?:tensor|topk|numerics\\w*|target_info|reduce)\\b[\\w.]*)|cannot import name (\\w+))",
     .priority = 290,
     .confidence = Confidence::medium},
    {.id = "import_failed_renamed",
     .cls = C::not_a_kernel_problem,
     .phrases = "Failed to import Triton kernels",
     .pattern = "Failed to import Triton kernels.{0,200}No module named triton_kernels\\.(?:matmul_ogs|swiglu|routing|matmul)\\b",
     .priority = 310,
     .confidence = Confidence::low,
     .summary =
         {"Only the import of vLLM's optional Triton MoE kernels failed; the line is printed for every model and another backend is used.",
          "vLLM의 선택적 Triton MoE 커널을 불러오지 못했다는 메시지뿐입니다. 모든 모델에서 출력되며 다른 백엔드가 쓰입니다."},
     .why = {"The installed triton_kernels has another interface (matmul_ogs became matmul). It matters only if gpt-oss was meant to use "
             "that backend.",
             "설치된 triton_kernels의 인터페이스가 다릅니다(matmul_ogs가 matmul로 바뀜). gpt-oss가 그 백엔드를 쓰려던 경우에만 문제가 "
             "됩니다."}},
    {.id = "no_submodule",
     .cls = C::version_mismatch,
     .phrases = "No module named",
     .pattern = "^(?!.{0,80}Failed to import Triton kernels).{0,200}No module named "
                "(triton\\.\\w[\\w.]*|triton_kernels\\.\\w[\\w.]*|kernels\\.\\w[\\w.]*|torch\\.(?!_C\\b)\\w[\\w.]*|flashinfer\\.\\w[\\w.]*|"
                "vllm\\._\\w+|accelerate\\.\\w[\\w.]*|peft\\.\\w[\\w.]*)",
     .priority = 120,
     .summary = {"The module {1} does not exist in the installed version of its package.", "설치된 패키지 버전에는 {1} 모듈이 없습니다."}},
    {.id = "cannot_import_name",
     .cls = C::version_mismatch,
     .phrases = "cannot import name",
     .pattern = "cannot import name (\\w+) from (?:partially initialized module "
                ")?((?:triton|triton_kernels|kernels|torch|flashinfer|vllm|sglang|accelerate|peft|unsloth\\w*|sgl_kernel|bitsandbytes|"
                "huggingface_hub|compressed_tensors|tokenizers|trl)[\\w.]*)",
     .priority = 130,
     .summary = {"{1} does not exist in the installed version of {2}.", "설치된 {2} 버전에는 {1}이(가) 없습니다."}},
    {.id = "cannot_import_transformers",
     .cls = C::version_mismatch,
     .phrases = "cannot import name",
     .pattern = "cannot import name (?!Mxfp4|GptOss)(\\w+) from (transformers[\\w.]*)",
     .priority = 135,
     .confidence = Confidence::medium},
    {.id = "module_has_no_attribute",
     .cls = C::version_mismatch,
     .phrases = "has no attribute",
     .pattern = "module (torch|triton|triton_kernels|kernels|transformers|flashinfer|accelerate|bitsandbytes|sgl_kernel|vllm)[\\w.]* has "
                "no attribute (\\w+)",
     .priority = 120,
     .summary = {"The installed {1} has no {2}: it is older or newer than its caller expects.",
                 "설치된 {1}에는 {2}이(가) 없습니다. 호출하는 쪽이 기대하는 버전과 다릅니다."}},
    {.id = "layout_api",
     .cls = C::version_mismatch,
     .phrases = "make_default_matmul_mxfp4_w_layout || make_default_matmul_mxfp4_w_scale_layout || cannot unpack non-iterable || not "
                "enough values to unpack || convert_layout",
     .pattern = "make_default_matmul_mxfp4_w\\w*.{0,200}(?:not found|has no attribute|cannot "
                "import|AttributeError|TypeError|ImportError)|(?:AttributeError|TypeError|ImportError).{0,300}make_default_matmul_mxfp4_w|"
                "cannot unpack non-iterable \\w*Layout\\w* object",
     .priority = 100,
     .link = "https://github.com/huggingface/transformers/issues/39945"},
    {.id = "kernel_keyword",
     .cls = C::version_mismatch,
     .phrases = "got an unexpected keyword argument || missing 1 required positional argument || positional arguments but || required "
                "positional arguments",
     .pattern =
         "(?:Mxfp4\\w*|GptOss\\w*|matmul_ogs|matmul|PrecisionConfig|FnSpecs|FlexCtx|routing\\w*|swiglu\\w*|InFlexData|wrap_torch_tensor|"
         "convert_layout|get_kernel|LayerRepository|trtllm_\\w+|cutlass_fused_moe|make_default_\\w+|MatmulConfig|StridedLayout|Hopper\\w*"
         "Layout|Blackwell\\w*Layout|mxfp4_\\w+|dequantize\\w*|validate_environment|create_quantized_param)[\\w.<>]*\\(\\).{0,10}(?:got an "
         "unexpected keyword argument|missing \\d+ required|takes .{0,40}positional)(?: \\w+:? )?(\\w+)?",
     .priority = 125,
     .confidence = Confidence::medium,
     .link = "https://github.com/unslothai/unsloth-zoo/issues/385"},
    {.id = "name_error_routing",
     .cls = C::version_mismatch,
     .phrases = "name 'routing' is not defined || is not defined",
     .pattern = "NameError:? name "
                "(?:routing|matmul_ogs|FusedActivation|PrecisionConfig|triton_kernels|RoutingData|GatherIndx|FnSpecs|swiglu|triton|tl|"
                "Mxfp4\\w*) is not defined",
     .priority = 110},
    {.id = "failed_to_dequantize",
     .cls = C::version_mismatch,
     .phrases = "Failed to dequantize MXFP4 || has dequantize: False",
     .priority = exact,
     .link = "https://github.com/unslothai/unsloth-zoo/issues/1251"},
    {.id = "flashinfer_versions",
     .cls = C::version_mismatch,
     .phrases = "does not match flashinfer || flashinfer version mismatch || flashinfer-cubin version || flashinfer-jit-cache version || "
                "does not match the required version || version mismatch between",
     .pattern = "flashinfer\\S* version.{0,60}(?:does not|mismatch)|does not match flashinfer|version "
                "mismatch.{0,60}(?:torch|triton|flashinfer|kernel|cuda)",
     .priority = 110},
    {.id = "requirement_check",
     .cls = C::version_mismatch,
     .phrases = "is required for a normal functioning of this module, but found || requires a different version || but found || requires "
                "triton || requires torch || requires transformers || Please upgrade || please upgrade",
     .pattern = "([\\w.-]+(?:[<>=!]=?[\\w.,<>=!]+)) is required for a normal functioning|(?<!quantization[ ])requires (?:at least "
                ")?(?:triton|torch|pytorch|kernels|flashinfer\\S*|sgl.kernel|accelerate|compressed.tensors|triton_kernels)(?: version)? "
                "?(?:>=|==|<=|<|>|version|\\d).{0,60}|(?:triton|torch|kernels|flashinfer\\S*|sgl.kernel) .{0,40}is (?:too old|outdated|not "
                "compatible|incompatible)",
     .priority = 170,
     .confidence = Confidence::medium,
     .none = {X::dequantize}},
    {.id = "backend_lost_attribute",
     .cls = C::version_mismatch,
     .phrases = "object has no attribute",
     .pattern = "(?:PrecisionConfig|FlexCtx|RoutingData|Tensor|StridedLayout|\\w*MXValueLayout|\\w*MXScaleLayout|Storage|constexpr|"
                "JITFunction|CompiledKernel|CudaDriver|GPUTarget|Autotuner) object has no attribute (\\w+)",
     .priority = 170,
     .confidence = Confidence::medium,
     .any = {X::triton, X::mxfp4}},
    {.id = "target_info",
     .cls = C::version_mismatch,
     .phrases = "target_info",
     .pattern = "\\A(?!.*Failed to import Triton kernels).*(?:No module named|has no attribute|cannot import name).{0,40}target_info",
     .priority = 115},

    // ---- broken installations
    {.id = "undefined_symbol",
     .cls = C::install_broken,
     .phrases = "undefined symbol || DLL load failed || cannot open shared object file || Error loading C:\\ || The specified procedure "
                "could not be found || The specified module could not be found",
     .pattern = "undefined symbol:? ?_?\\w+|DLL load failed|cannot open shared object file|Error (?:loading|126|127)|specified "
                "(?:procedure|module) could not be found",
     .priority = 140,
     .any_level = false},
    {.id = "sgl_kernel_broken", .cls = C::install_broken, .phrases = "Could not load any common_ops library", .priority = 150},
    {.id = "libcuda_missing",
     .cls = C::install_broken,
     .phrases = "libcuda.so cannot found || libcuda.so not found || Torch not compiled with CUDA enabled || compiled without GPU support "
                "|| CUDA Setup failed || Could not load library libcudnn || torchvision::nms does not exist || partially initialized "
                "module 'torch || GLIBCXX_ || GLIBC_2 || exec format error || has no CUDA support || not compiled with CUDA || version "
                "`GLIBC || could not select device driver || libnvidia-ml.so || symbol lookup error || CUDNN_STATUS_NOT_INITIALIZED || "
                "CUDNN_STATUS_SUBLIBRARY || Numpy is not available || numpy.dtype size changed || incompatible architecture (have",
     .pattern = "libcuda\\.so.{0,20}not found|cannot found|not compiled with CUDA|without GPU support|CUDA Setup failed|Could not load "
                "library|nms does not exist|partially initialized module torch|version GLIBC\\w*_?[\\d.]* not found|exec format error|no "
                "CUDA support|could not select device driver|libnvidia-ml\\.so.{0,40}(?:cannot|not)|symbol lookup "
                "error|CUDNN_STATUS_(?:NOT_INIT|SUBLIB)|Numpy is not available|size changed|incompatible architecture",
     .priority = 150},
    {.id = "pip_resolution",
     .cls = C::install_broken,
     .phrases = "No matching distribution found || ResolutionImpossible || conflicting dependencies || No solution found when resolving || "
                "is not a supported wheel on this platform || has requirement || Could not find a version that satisfies || "
                "metadata-generation-failed || Failed building wheel",
     .pattern = "No matching distribution|ResolutionImpossible|conflicting dependencies|No solution found when resolving|not a supported "
                "wheel|Could not find a version that satisfies|metadata-generation-failed|Failed building wheel",
     .priority = 180,
     .confidence = Confidence::medium},
    {.id = "no_module_triton",
     .cls = C::install_broken,
     .phrases = "No module named 'triton'",
     .pattern = "No module named triton(?![.\\w])",
     .priority = 160,
     .confidence = Confidence::medium,
     .summary = {"Triton itself is not installed.", "Triton 자체가 설치되어 있지 않습니다."}},
    {.id = "no_module_extension",
     .cls = C::install_broken,
     .phrases = "No module named || ModuleNotFoundError",
     .pattern = "No module named "
                "(vllm\\._C\\w*|torch\\._C|torch|vllm|sglang|sgl_kernel|flash_attn\\w*|flashinfer|bitsandbytes|tensorrt_llm|unsloth\\w*|"
                "transformers|accelerate|peft|trl|llama_cpp|openai_harmony|xformers|deep_gemm|tvm_ffi|cutlass)(?![.\\w])",
     .priority = 200,
     .confidence = Confidence::medium,
     .summary = {"The package {1} is not installed in the environment that runs.", "실행 환경에 {1} 패키지가 설치되어 있지 않습니다."}},

    // ---- build tools
    {.id = "python_h",
     .cls = C::build_tool_missing,
     .phrases = "Python.h: No such file || Python.h' not found || include file 'Python.h'",
     .pattern = "Python\\.h.{0,6}(?:: No such file|not found)"},
    {.id = "no_c_compiler",
     .cls = C::build_tool_missing,
     .phrases = "Failed to find C compiler || Could not find a C compiler || Cannot find C compiler || No C compiler found || unable to "
                "execute 'gcc' || gcc: command not found || cc: command not found || g++: command not found || Compiler: cl is not found "
                "|| cl.exe || Microsoft Visual C++ 14.0 || No CMAKE_C_COMPILER || No CMAKE_CXX_COMPILER || No CMAKE_CUDA_COMPILER || C++ "
                "compiler not found || Could not find clang || no acceptable C compiler",
     .pattern = "(?:find|No|find a|Cannot find|not find|acceptable) (?:a )?(?:C|C\\+\\+|CMAKE_\\w+_COMPILER|clang)\\b|unable to "
                "execute|command not found|is not found|Visual C\\+\\+ 14|compiler not found|cl\\.exe.{0,60}(?:not found|non-zero|fail)"},
    {.id = "nvcc_missing",
     .cls = C::build_tool_missing,
     .phrases = "nvcc: not found || nvcc not found || Could not find nvcc || CUDA_HOME environment variable is not set || CUDA_HOME is not "
                "set || CUDA_HOME is None || nvcc: command not found || nvcc: No such file || cannot find nvcc || No such file or "
                "directory: 'nvcc || nvcc is not found || CUDA Toolkit not found || Could not find CUDA || Cannot find ptxas || No such "
                "file or directory: ptxas || nvcc was not found || Failed to find nvcc || bin/nvcc",
     .pattern =
         "nvcc.{0,14}(?:not found|no such file|was not found|is not found)|(?:find|find the) nvcc|CUDA_HOME (?:environment variable )?is "
         "(?:not set|None)|No such file or directory:? ?\\S*(?:nvcc|ptxas)|CUDA Toolkit not found|Could not find CUDA|Cannot find ptxas",
     .priority = 100},
    {.id = "ninja_missing",
     .cls = C::build_tool_missing,
     .phrases =
         "Ninja is required || ninja: not found || ninja: command not found || No such file or directory: 'ninja || ninja (build tool) || "
         "cmake: command not found || cmake: not found || CMake must be installed || git: command not found || git: not found || make: not "
         "found || make: command not found || No such file or directory: 'cmake || CMake is not installed || ninja is not installed || "
         "ninja "
         "not found",
     .pattern =
         "Ninja is required|\\b(?:ninja|cmake|git|make)(?: \\(build tool\\))?:? (?:is )?(?:not found|command not found|not installed)|No "
         "such file or directory:? ?\\S*(?:ninja|cmake)|CMake (?:must be|is not) installed"},
    {.id = "linker_missing",
     .cls = C::build_tool_missing,
     .phrases =
         "cannot find -lcuda || cannot find -lcudart || cannot find -lpython || cannot find -l || collect2: error: ld returned || LNK1181",
     .pattern = "cannot find -l(\\w+)|LNK1181",
     .priority = 120},
    {.id = "header_missing",
     .cls = C::build_tool_missing,
     .phrases = "No such file or directory",
     .pattern = "fatal error:? ([\\w/.+-]+\\.(?:h|hpp|cuh)):? No such file",
     .priority = 130,
     .summary = {"The header {1} that the run-time build needs is not installed.",
                 "실행 중 빌드에 필요한 헤더 {1}이(가) 설치되어 있지 않습니다."}},
    {.id = "tcc_failed",
     .cls = C::build_tool_missing,
     .phrases = "tcc.exe || Failed to find Python libs || cuda_utils.c",
     .pattern =
         "(?:tcc\\.exe|cuda_utils\\.c).{0,1500}returned non-zero exit status|returned non-zero exit status.{0,300}cuda_utils|Command "
         ".{0,200}(?:gcc|clang|/cc|tcc|cl\\.exe).{0,1500}(?:cuda_utils|__triton_launcher|main\\.c).{0,1500}non-zero exit",
     .priority = 210,
     .confidence = Confidence::medium},

    // ---- too old for the model
    {.id = "model_type_unknown",
     .cls = C::framework_too_old,
     .phrases = "does not recognize this architecture || Model type gpt_oss not supported || KeyError: 'gpt_oss' || are not supported for "
                "now || unknown model architecture || Model type gpt_oss || Unrecognized model in || Unrecognized configuration class || "
                "unsupported architecture || is not supported yet || ArchitectureUnsupported",
     .pattern = "model type (\\S+?) but Transformers does not recognize|Model type gpt.?oss not supported|KeyError:? "
                "?gpt.?oss\\b|\\w*GptOss\\w*.{0,40}(?:are|is) not supported|unknown model architecture:? ?(\\S+)|Unrecognized "
                "(?:model|configuration class).{0,200}gpt.?oss|unsupported architecture:? ?\\W*(?:GptOss\\w*|gpt.?oss)|Model GptOss\\w* is "
                "not supported|gpt.?oss.{0,30}is not supported yet",
     .priority = 100},
    {.id = "model_architectures",
     .cls = C::framework_too_old,
     .phrases = "Model architectures || Cannot find model module || no GptOss || Model architecture",
     .pattern = "Model architectures? .{0,40}(?:GptOss|gpt.?oss)\\w*.{0,40}(?:not supported|failed to be inspected)|Cannot find model "
                "module.{0,40}gpt.?oss",
     .priority = 105},
    {.id = "ggml_type_39",
     .cls = C::framework_too_old,
     .phrases = "invalid ggml type 39 || ggml type 39 || GGML_TYPE_COUNT || GGMLQuantizationType || unknown type 39 || unsupported tensor "
                "type 39 || 39 is not a valid || unknown dtype 39 || unknown ggml type",
     .pattern = "ggml type:? 39|type 39|type >= 0 && type < GGML_TYPE_COUNT|39 is not a valid GGML|unknown (?:dtype|ggml type|tensor "
                "type).{0,4}39",
     .priority = 100,
     .summary = {"The GGUF file uses tensor type 39 (MXFP4), which this llama.cpp build does not know.",
                 "GGUF 파일이 39번 텐서 형식(MXFP4)을 쓰는데 이 llama.cpp 빌드는 알지 못합니다."},
     .link = "https://github.com/ollama/ollama/issues/11714"},
    {.id = "quantization_unknown",
     .cls = C::framework_too_old,
     .phrases = "Unknown quantization type || Unknown quantization method || unsupported quantization method || Unsupported quantization "
                "|| not a supported quantization || quantization method: mxfp4 || Invalid quantization || Unsupported quant_method",
     .pattern = "(?:Unknown|unsupported|not a supported|Invalid) quant\\w*(?:[ _](?:type|method|scheme))?.{0,40}mxfp4|mxfp4.{0,40}(?:is "
                ")?not a (?:supported|valid) quant",
     .priority = 100},
    {.id = "mxfp4_config_import",
     .cls = C::framework_too_old,
     .phrases = "Mxfp4Config || transformers.integrations.mxfp4 || transformers.models.gpt_oss || GptOssForCausalLM || GptOssConfig",
     .pattern = "(?:cannot import name|No module named|has no attribute) "
                "(?:Mxfp4Config|GptOss\\w*|transformers\\.(?:integrations\\.mxfp4|models\\.gpt_oss)[\\w.]*)",
     .priority = 105},
    {.id = "ollama_newer",
     .cls = C::framework_too_old,
     .phrases = "requires a newer version of Ollama || newer version of Ollama || requires a newer version of llama.cpp || Please download "
                "the latest version",
     .pattern = "requires a newer version|newer version of Ollama",
     .priority = 100},
};

}  // namespace

std::span<const Signature> package_signatures() { return table; }

}  // namespace mxpath::diagnose
