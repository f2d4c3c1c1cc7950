#include "checkpoint/config.h"

#include <algorithm>
#include <array>

#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/config_fields.h"
#include "checkpoint/config_rope.h"
#include "checkpoint/foreign_formats.h"

namespace mxpath {
namespace {

constexpr int largest_dimension = 1 << 24;
// What costs time without taking memory: gpt-oss-120b has 36 layers of 128 experts and 64 heads, the largest public
// models of other kinds 126 layers, 2048 experts and 128 heads.
constexpr int most_layers = 1024, most_experts = 1 << 16, most_heads = 1 << 14, most_experts_in_all = 1 << 18;
// 4 in gpt-oss, some ten in other public models; a GPU looks at all experts for each choice.
constexpr int most_experts_per_token = 1024;
constexpr size_t most_eos = 1024;
/// gpt-oss' own is 2 KB; the limit keeps a file that is something else from being parsed at length.
constexpr size_t file_limit = 256 << 10;

/// A whole-number field: its name, an older or newer name for the same, and where it goes.
struct IntegerField {
  std::string_view name, alias;
  int ModelConfig::*target;
  int high = largest_dimension;
  bool required = true;
};

constexpr std::array hub_integers = {
    IntegerField{"num_hidden_layers", "num_hidden_layers", &ModelConfig::layers, most_layers},
    IntegerField{"num_local_experts", "num_experts", &ModelConfig::experts, most_experts},
    IntegerField{"num_experts_per_tok", "experts_per_token", &ModelConfig::experts_per_token, most_experts_per_token},
    IntegerField{"hidden_size", "hidden_size", &ModelConfig::hidden},
    IntegerField{"intermediate_size", "intermediate_size", &ModelConfig::intermediate},
    IntegerField{"num_attention_heads", "num_attention_heads", &ModelConfig::heads, most_heads},
    IntegerField{"num_key_value_heads", "num_key_value_heads", &ModelConfig::kv_heads, most_heads},
    IntegerField{"head_dim", "head_dim", &ModelConfig::head_dim},
    IntegerField{"vocab_size", "vocab_size", &ModelConfig::vocab},
    IntegerField{.name = "max_position_embeddings",
                 .alias = "max_position_embeddings",
                 .target = &ModelConfig::max_positions,
                 .required = false},
    IntegerField{
        .name = "sliding_window", .alias = "sliding_window", .target = &ModelConfig::sliding_window, .required = false},
};

Status read_integers(const Fields& fields, ModelConfig& config) {
  for (const auto& field : hub_integers) {
    MXPATH_TRY(const auto value, fields.integer({field.name, field.alias}, 1, field.high));
    if (!value && field.required)
      return fields.missing(field.name == field.alias ? field.name
                                                      : fmt::format("{} (or {})", field.name, field.alias));
    if (value) config.*field.target = static_cast<int>(*value);
  }
  return {};
}

/// A positive float field with a default.
Status read_float(const Fields& fields, std::string_view name, float& target) {
  MXPATH_TRY(const auto value, fields.number(name, 1e-30, 1e30));
  if (value) target = static_cast<float>(*value);
  return {};
}

Status read_floats(const Fields& fields, ModelConfig& config) {
  MXPATH_CHECK(read_float(fields, "rms_norm_eps", config.norm_eps));
  MXPATH_CHECK(read_float(fields, "swiglu_limit", config.swiglu_limit));
  return read_float(fields, "swiglu_alpha", config.swiglu_alpha);
}

/// Even layers slide unless layer_types says otherwise.
Status read_layer_types(const Fields& fields, ModelConfig& config) {
  config.sliding.resize(static_cast<size_t>(config.layers));
  for (size_t i = 0; i < config.sliding.size(); ++i) config.sliding[i] = i % 2 == 0;
  const Json* types = fields.find("layer_types");
  if (!types) return {};
  if (!types->is_array()) return fields.wrong("layer_types", *types, "a list of strings");
  if (types->size() != config.sliding.size())
    return fail("{}: layer_types has {} entries, but num_hidden_layers is {}", fields.where(), types->size(),
                config.layers);
  for (size_t i = 0; i < config.sliding.size(); ++i) {
    const Json& type = (*types)[i];
    if (type != "sliding_attention" && type != "full_attention")
      return fields.wrong(fmt::format("layer_types[{}]", i), type, "\"sliding_attention\" or \"full_attention\"");
    config.sliding[i] = type == "sliding_attention";
  }
  return {};
}

Status add_eos(const Fields& fields, const Json& value, ModelConfig& config) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT32_MAX)
    return fields.wrong("eos_token_id", value, "a token id or a list of them");
  if (config.eos.size() == most_eos)
    return fail("{}: eos_token_id is a list of more than {} ids", fields.where(), most_eos);
  config.eos.push_back(value.get<int32_t>());
  return {};
}

/// One remark, however many there are.
void note_eos_outside(ModelConfig& config) {
  const auto outside = [&](int32_t id) { return id >= config.vocab; };
  const auto count = std::count_if(config.eos.begin(), config.eos.end(), outside);
  if (count == 0) return;
  const int32_t first = *std::find_if(config.eos.begin(), config.eos.end(), outside);
  config.remarks.push_back(count == 1
                               ? fmt::format("eos_token_id {} lies outside the vocabulary of {}", first, config.vocab)
                               : fmt::format("{} ids of eos_token_id lie outside the vocabulary of {}, the first is {}",
                                             count, config.vocab, first));
}

Status read_special_tokens(const Fields& fields, ModelConfig& config) {
  if (const Json* eos = fields.find("eos_token_id")) {
    if (eos->is_array())
      for (const Json& id : *eos) MXPATH_CHECK(add_eos(fields, id, config));
    else MXPATH_CHECK(add_eos(fields, *eos, config));
  }
  note_eos_outside(config);
  MXPATH_TRY(const auto pad, fields.integer({"pad_token_id"}, -1, INT32_MAX));
  config.pad = static_cast<int32_t>(pad.value_or(-1));
  return {};
}

Status read_quantization(const Fields& fields, ModelConfig& config) {
  MXPATH_TRY(const auto quantization, fields.object("quantization_config"));
  if (!quantization) return {};
  MXPATH_TRY(const auto method, quantization->text("quant_method"));
  if (!method) return quantization->missing("quant_method");
  if (*method != "mxfp4")
    return fail(
        "{}: quantization_config.quant_method is \"{}\"; mxpath reads gpt-oss checkpoints in MXFP4 "
        "(openai/gpt-oss-20b) or "
        "unquantised in BF16, F16 or F32 (unsloth/gpt-oss-20b-BF16): download one of those instead",
        fields.where(), printable(*method));
  config.quantized_mxfp4 = true;
  return {};
}

/// What the forward pass takes for granted about every gpt-oss model.
Status check_kind(const Fields& fields) {
  MXPATH_TRY(const auto type, fields.text("model_type"));
  const Json* architectures = fields.find("architectures");
  const bool named = architectures && architectures->is_array() && architectures->size() == 1 &&
                     (*architectures)[0] == "GptOssForCausalLM";
  if (type ? *type != "gpt_oss" : !named)
    return fail("{}: model_type is {}, but mxpath runs gpt_oss models only", fields.where(),
                type ? '"' + printable(*type) + '"' : "missing");
  MXPATH_TRY(const auto bias, fields.boolean("attention_bias"));
  if (bias && !*bias)
    return fields.wrong("attention_bias", false, "true: the attention of every gpt-oss model has biases");
  MXPATH_TRY(const auto activation, fields.text("hidden_act"));
  if (activation && *activation != "silu")
    return fields.wrong("hidden_act", *activation, "\"silu\", as in every gpt-oss model");
  return {};
}

/// Fields that contradict each other, and sizes whose products would overflow what the file format and the planner can
/// say.
Status check_together(const ModelConfig& c, std::string_view where) {
  if (c.head_dim % 2) return fail("{}: head_dim is {}, but rotary embedding needs an even number", where, c.head_dim);
  if (c.heads % c.kv_heads)
    return fail("{}: num_attention_heads is {}, not a multiple of num_key_value_heads, {}", where, c.heads, c.kv_heads);
  if (c.experts_per_token > c.experts)
    return fail("{}: num_experts_per_tok is {}, more than the {} of num_local_experts", where, c.experts_per_token,
                c.experts);
  if (int64_t{c.layers} * c.experts > most_experts_in_all)
    return fail(
        "{}: num_hidden_layers {} times num_local_experts {} makes more than {} experts; no gpt-oss model has so many",
        where, c.layers, c.experts, most_experts_in_all);
  if (int64_t{c.heads} * c.head_dim > largest_dimension)
    return fail("{}: num_attention_heads {} times head_dim {} is over {}", where, c.heads, c.head_dim,
                largest_dimension);
  const double layer =
      2.0 * c.hidden * c.head_dim * (c.heads + c.kv_heads) + c.experts * (3.0 * c.hidden * c.intermediate);
  if (const double all = c.layers * layer + 2.0 * c.vocab * c.hidden; all > 0x1p46)
    return fail(
        "{}: these dimensions make {:.3g} parameters, more than any machine holds; hidden_size {}, intermediate_size "
        "{}, "
        "num_local_experts {}",
        where, all, c.hidden, c.intermediate, c.experts);
  return {};
}

Result<ModelConfig> parse_hub(const Fields& fields) {
  ModelConfig config;
  MXPATH_CHECK(check_kind(fields));
  if (const auto foreign = foreign_config(fields.json())) return fail("{}: {}", fields.where(), *foreign);
  MXPATH_CHECK(read_integers(fields, config));
  MXPATH_CHECK(read_floats(fields, config));
  MXPATH_CHECK(check_together(config, fields.where()));
  MXPATH_CHECK(read_layer_types(fields, config));
  MXPATH_CHECK(read_hub_rope(fields, config));
  MXPATH_CHECK(read_special_tokens(fields, config));
  MXPATH_CHECK(read_quantization(fields, config));
  MXPATH_TRY(const auto tied, fields.boolean("tie_word_embeddings"));
  config.tied_embeddings = tied.value_or(false);
  return config;
}

/// OpenAI's file says less: norm eps, layer types and token ids are fixed, and the experts are MXFP4.
Result<ModelConfig> parse_original(const Fields& fields) {
  ModelConfig config;
  MXPATH_CHECK(read_integers(fields, config));
  MXPATH_CHECK(read_floats(fields, config));
  MXPATH_CHECK(check_together(config, fields.where()));
  MXPATH_CHECK(read_layer_types(fields, config));
  MXPATH_CHECK(read_original_rope(fields, config));
  config.quantized_mxfp4 = true;
  if (config.vocab > 200002) config.eos = {200002}, config.pad = 199999;
  return config;
}

}  // namespace

Result<ModelConfig> parse_config(std::string_view json, std::string_view where) {
  MXPATH_TRY(const Json value, parse_json(json, where));
  if (!value.is_object()) return fail("{}: the file is not a JSON object", where);
  const Fields fields(value, std::string(where));
  const bool original =
      !fields.find("model_type") && !fields.find("architectures") && fields.find("rope_scaling_factor");
  return original ? parse_original(fields) : parse_hub(fields);
}

Result<std::string> read_config_text(const std::string& path) { return read_text_file(path, file_limit); }

Result<ModelConfig> read_config_file(const std::string& path) {
  MXPATH_TRY(const std::string text, read_config_text(path));
  return parse_config(text, path);
}

}  // namespace mxpath
