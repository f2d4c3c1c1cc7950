// Files that Transformers 5 wrote in programs made for 4, and programs made for 4 beside Transformers 5.
#include "diagnose/signature.h"

namespace mxpath::diagnose {
namespace {

using C = FailureClass;
using X = Context;

constexpr Phrase files_of_5 = {"The checkpoint was saved by Transformers 5, and the program that reads it was made for Transformers 4.",
                               "체크포인트는 Transformers 5가 저장했는데, 읽는 프로그램은 Transformers 4용입니다."};
constexpr Phrase why_files = {
    "Version 5 names the tokenizer class TokenizersBackend, keeps extra_special_tokens as a list, rope_theta inside rope_parameters, dtype "
    "in "
    "place of torch_dtype and the chat template in a file of its own, and writes no special_tokens_map.json.",
    "5 버전은 토크나이저 클래스를 TokenizersBackend로 적고, extra_special_tokens를 목록으로, rope_theta를 rope_parameters 안에, "
    "torch_dtype "
    "대신 dtype을 쓰고, 채팅 템플릿을 별도 파일에 두며, special_tokens_map.json을 쓰지 않습니다."};
constexpr Phrase program_of_4 = {"This program was made for Transformers 4, and Transformers 5 is installed.",
                                 "이 프로그램은 Transformers 4용인데 Transformers 5가 설치되어 있습니다."};
constexpr Phrase why_program = {
    "Version 5 removed what the program calls (attributes of tokenizers and configurations, arguments, modules). The weights and the "
    "kernels "
    "are not concerned.",
    "5 버전에는 이 프로그램이 부르는 것(토크나이저와 설정의 속성, 인수, 모듈)이 없습니다. 가중치와 커널은 관계가 없습니다."};
constexpr Phrase program_of_5 = {"This program was made for Transformers 5, and an older Transformers is installed.",
                                 "이 프로그램은 Transformers 5용인데 더 오래된 Transformers가 설치되어 있습니다."};
constexpr Phrase why_older = {"What it asks for exists only in version 5. The weights and the kernels are not concerned.",
                              "이 프로그램이 찾는 것은 5 버전에만 있습니다. 가중치와 커널은 관계가 없습니다."};
constexpr std::string_view tokenizer_link = "https://github.com/huggingface/transformers/issues/47553";

constexpr Signature table[] = {
    {.id = "tokenizer_class_of_5",
     .cls = C::version_mismatch,
     .phrases = "TokenizersBackend || SentencePieceBackend || PythonBackend || MistralCommonBackend",
     .pattern =
         "tokenizer.?class:? \\w*Backend\\b.{0,20}(?:does not exist|is not|not found|unknown|unsupported)|(?:Unrecognized|Unknown|"
         "unsupported|no such|invalid|not a valid|could not find|cannot find) .{0,50}(?:Tokenizers|SentencePiece|MistralCommon)Backend|"
         "(?:Tokenizers|SentencePiece|MistralCommon)Backend (?:does not exist|is not (?:a |an )?(?:valid|currently|supported|found|"
         "defined|recogni[sz]ed|registered|known))|KeyError:? (?:Tokenizers|SentencePiece|MistralCommon)Backend|module "
         "transformers[\\w.]* has no attribute \\w*Backend\\b",
     .priority = 90,
     .elsewhere = true,
     .summary = files_of_5,
     .why = why_files,
     .own_fixes = true,
     .link = tokenizer_link},
    {.id = "special_tokens_of_5",
     .cls = C::version_mismatch,
     .phrases = "object has no attribute 'keys' || object has no attribute 'items' || extra_special_tokens",
     .pattern =
         "(?:tokeniz\\w*|special_tokens\\w*).{0,1500}list object has no attribute (?:keys|items|get)\\b|extra_special_tokens.{0,80}(?:must "
         "be|should be|has to be|expected|invalid type).{0,40}(?:dict|mapping|map|object)|(?:expected|invalid type).{0,80}"
         "extra_special_tokens",
     .priority = 91,
     .elsewhere = true,
     .summary = files_of_5,
     .why = why_files,
     .own_fixes = true,
     .link = tokenizer_link},
    {.id = "rope_of_5",
     .cls = C::version_mismatch,
     .phrases = "rope_theta || rope_parameters",
     .pattern = "KeyError:? (?:rope_theta|rope_parameters)\\b|missing (?:field|key|required).{0,40}rope_theta|(?:no|without|not find|not "
                "found).{0,30}"
                "\\brope_theta\\b.{0,30}(?:in|config)|rope_theta.{0,30}(?:is missing|is required|not found|not in|must be set)|(?:unknown|"
                "unexpected|unrecognized) (?:field|key|keyword argument|argument|parameter).{0,10}rope_parameters",
     .priority = 92,
     .elsewhere = true,
     .summary = files_of_5,
     .why = why_files,
     .own_fixes = true},
    {.id = "dtype_of_5",
     .cls = C::version_mismatch,
     .phrases = "torch_dtype",
     .pattern =
         "KeyError:? torch_dtype\\b|missing (?:field|key|required).{0,30}torch_dtype|torch_dtype.{0,20}(?:is missing|is required|not "
         "found in|not in)|(?:no|not find) torch_dtype.{0,20}(?:in|config)",
     .priority = 92,
     .elsewhere = true,
     .summary = files_of_5,
     .why = why_files,
     .own_fixes = true},
    {.id = "files_of_5",
     .cls = C::version_mismatch,
     .phrases = "special_tokens_map.json || added_tokens.json",
     .pattern = "(?:does not appear to have|No such file|FileNotFoundError|Can.?t load|could not|cannot find|not find|missing|404|"
                "EntryNotFound).{0,300}(?:special_tokens_map|added_tokens)\\.json|(?:special_tokens_map|added_tokens)\\.json.{0,60}(?:not "
                "found|does not exist|is missing|missing|No such file|is required)",
     .priority = 93,
     .confidence = Confidence::medium,
     .elsewhere = true,
     .summary = files_of_5,
     .why = why_files,
     .own_fixes = true},
    {.id = "template_of_5",
     .cls = C::version_mismatch,
     .phrases = "chat_template.jinja",
     .pattern =
         "chat_template\\.jinja.{0,1500}(?:chat.?template is not (?:set|defined)|chat template is no longer allowed|no chat template|"
         "does not (?:have|define) a chat template)|(?:does not appear to have|No such file|FileNotFoundError|cannot find|could not "
         "find|404|EntryNotFound).{0,300}chat_template\\.jinja|chat_template\\.jinja.{0,40}(?:not found|does not exist|is missing|is "
         "ignored|was ignored|not supported)",
     .priority = 94,
     .confidence = Confidence::medium,
     .elsewhere = true,
     .any_level = true,
     .summary = files_of_5,
     .why = why_files,
     .own_fixes = true},

    {.id = "tokenizer_api_of_4",
     .cls = C::version_mismatch,
     .phrases = "has no attribute",
     .pattern =
         "(?:Tokenizers|SentencePiece|Python|MistralCommon)Backend (?:object )?has no attribute|\\w*Tokenizer\\w* (?:object )?has no "
         "attribute "
         "(?:all_special_tokens_extended|special_tokens_map_extended|additional_special_tokens\\w*|batch_encode_plus|_batch_encode_plus|"
         "encode_plus|_encode_plus|prepare_for_model|build_inputs_with_special_tokens|create_token_type_ids_from_sequences|as_target_"
         "tokenizer|"
         "prepare_seq2seq_batch|sanitize_special_tokens|num_special_tokens_to_add|clean_up_tokenization)|apply_chat_template.{0,1200}"
         "BatchEncoding object has no attribute",
     .priority = 90,
     .elsewhere = true,
     .summary = program_of_4,
     .why = why_program,
     .own_fixes = true,
     .link = "https://github.com/vllm-project/vllm/pull/30566"},
    {.id = "api_of_4",
     .cls = C::version_mismatch,
     .phrases =
         "cannot import name || No module named || all_tied_weights_keys || ROPE_INIT_FUNCTIONS || object has no attribute 'keys' || "
         "Cache' object has no attribute",
     .pattern =
         "cannot import name "
         "(?:is_torch_fx\\w*|is_flax_available|is_tf_available|is_torch_tpu_available|AutoModelForVision2Seq|HybridCache|"
         "SlidingWindowCache|OffloadedCache|SinkCache|TF[A-Z]\\w+|Flax[A-Z]\\w+|load_tf_\\w+|find_pruneable_heads_and_indices|prune_"
         "\\w*layer|"
         "apply_chunking_to_forward|no_init_weights|add_model_info_to_\\w+|is_quanto_available) from transformers|cannot import name \\w+ "
         "from transformers\\.(?:tokenization_utils_fast|image_processing_utils_fast|modeling_(?:tf|flax)_utils)|No module named "
         "transformers\\.(?:modeling_(?:tf|flax)_\\w+|tf_utils|onnx|utils\\.fx|tokenization_utils_fast|image_processing_utils_fast|"
         "models\\.\\w+"
         "\\.tokenization_\\w+_fast)|has no attribute all_tied_weights_keys|ROPE_INIT_FUNCTIONS.{0,400}KeyError:? "
         "default\\b|(?:tied_weights\\w*|"
         "modeling_utils\\.py).{0,500}list object has no attribute keys|(?:Dynamic|Static|Hybrid)Cache object has no attribute",
     .priority = 89,
     .elsewhere = true,
     .summary = program_of_4,
     .why = why_program,
     .own_fixes = true},
    {.id = "config_of_4",
     .cls = C::version_mismatch,
     .phrases = "object has no attribute",
     .pattern = "\\w*Config object has no attribute (?:rope_theta|rope_scaling|torch_dtype|use_return_dict|pad_token_id)\\b",
     .priority = 90,
     .elsewhere = true,
     .summary = program_of_4,
     .why = why_program,
     .own_fixes = true},
    {.id = "arguments_of_4",
     .cls = C::version_mismatch,
     .phrases = "got an unexpected keyword argument",
     .pattern =
         "(?:Trainer|TrainingArguments|TrainerConfig|SFTConfig|For\\w+|AutoModel\\w*|AutoTokenizer|from_pretrained)\\S{0,30}\\(\\) got an "
         "unexpected keyword argument (?:tokenizer|evaluation_strategy|overwrite_output_dir|no_cuda|use_mps_device|load_in_[48]bit|"
         "use_auth_token|torch_dtype|fp16_backend|half_precision_backend|jit_mode_eval|logging_dir|push_to_hub_token)\\b",
     .priority = 90,
     .elsewhere = true,
     .summary = program_of_4,
     .why = why_program,
     .own_fixes = true},

    {.id = "api_of_5",
     .cls = C::version_mismatch,
     .phrases = "cannot import name || No module named || Config' object has no attribute",
     .pattern =
         "cannot import name (?:\\w+Backend|Rope(?:Parameters|rParameters)\\w*|RotaryEmbeddingConfigMixin|WeightConverter|WeightRenaming|"
         "use_kernelized_func|use_experts_implementation) from transformers|No module named transformers\\.(?:tokenization_utils_"
         "(?:tokenizers|sentencepiece)|tokenization_python|core_model_loading|conversion_mapping|monkey_patching)|\\w*Config object has "
         "no attribute (?:rope_parameters|dtype)\\b",
     .priority = 89,
     .elsewhere = true,
     .summary = program_of_5,
     .why = why_older,
     .own_fixes = true},
    {.id = "dtype_argument",
     .cls = C::version_mismatch,
     .phrases = "got an unexpected keyword argument 'dtype'",
     .pattern = "(?:For\\w+|Model|from_pretrained)\\S{0,30}\\(\\) got an unexpected keyword argument dtype\\b",
     .priority = 90,
     .elsewhere = true,
     .summary = {"The argument dtype was given to a Transformers that still calls it torch_dtype.",
                 "아직 torch_dtype이라고 부르는 Transformers에 dtype 인수를 넘겼습니다."},
     .why = why_older,
     .own_fixes = true},
    {.id = "pip_conflict",
     .cls = C::version_mismatch,
     .phrases = "which is incompatible",
     .pattern = "([\\w.-]+) [\\w.+]+ requires ((?:transformers|tokenizers|huggingface.hub|torch|triton|kernels|accelerate|flashinfer\\S*|"
                "compressed.tensors|numpy)[^\\s,;]*[^\\n]{0,80}?), but you(?:.ll)? have ([\\w.-]+ [\\w.+]+) which is incompatible",
     .priority = weak,
     .confidence = Confidence::medium,
     .elsewhere = true,
     .summary = {"{1} asks for {2}, and {3} is installed.", "{1}은(는) {2}을(를) 요구하는데 {3}이(가) 설치되어 있습니다."},
     .own_fixes = true},
};

}  // namespace

std::span<const Signature> transformers5_signatures() { return table; }

}  // namespace mxpath::diagnose
