#include "checkpoint/write_config.h"

#include "base/json.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// 1e-5f as 1e-05, not as the 9.999999747378752e-06 that the nearest double is. `value` is finite.
Json short_float(float value) { return Json::parse(fmt::format("{}", value)); }

Json rope_json(const RopeConfig& rope) {
  if (!rope.yarn) return Json{{"rope_type", "default"}};
  Json json{{"rope_type", "yarn"},
            {"factor", rope.factor},
            {"beta_fast", rope.beta_fast},
            {"beta_slow", rope.beta_slow},
            {"original_max_position_embeddings", rope.original_context},
            {"truncate", rope.truncate}};
  if (rope.attention_factor != 0) json["attention_factor"] = rope.attention_factor;
  return json;
}

Json token_ids(const ModelConfig& c) {
  return c.eos.empty() ? Json() : c.eos.size() == 1 ? Json(c.eos[0]) : Json(c.eos);
}

Json quantization_json() {
  return Json{{"quant_method", "mxfp4"},
              {"modules_to_not_convert",
               {"model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"}}};
}

}  // namespace

std::string hub_config_json(const ModelConfig& c) {
  Json types = Json::array();
  for (const bool sliding : c.sliding) types.push_back(sliding ? "sliding_attention" : "full_attention");
  Json json{{"architectures", {"GptOssForCausalLM"}},
            {"model_type", "gpt_oss"},
            {"attention_bias", true},
            {"attention_dropout", 0.0},
            {"eos_token_id", token_ids(c)},
            {"pad_token_id", c.pad < 0 ? Json() : Json(c.pad)},
            {"experts_per_token", c.experts_per_token},
            {"num_experts_per_tok", c.experts_per_token},
            {"num_local_experts", c.experts},
            {"head_dim", c.head_dim},
            {"hidden_act", "silu"},
            {"hidden_size", c.hidden},
            {"intermediate_size", c.intermediate},
            {"initial_context_length", c.rope.original_context},
            {"layer_types", types},
            {"max_position_embeddings", c.max_positions},
            {"num_attention_heads", c.heads},
            {"num_hidden_layers", c.layers},
            {"num_key_value_heads", c.kv_heads},
            {"rms_norm_eps", short_float(c.norm_eps)},
            {"rope_scaling", rope_json(c.rope)},
            {"rope_theta", c.rope.theta},
            {"sliding_window", c.sliding_window},
            {"swiglu_alpha", short_float(c.swiglu_alpha)},
            {"swiglu_limit", short_float(c.swiglu_limit)},
            {"tie_word_embeddings", c.tied_embeddings},
            {"use_cache", true},
            {"vocab_size", c.vocab}};
  if (c.quantized_mxfp4) json["quantization_config"] = quantization_json();
  return json.dump(2) + "\n";
}

Result<std::string> original_config_json(const ModelConfig& c) {
  const RopeConfig& rope = c.rope;
  const std::string text = Json{{"num_hidden_layers", c.layers},
                                {"num_experts", c.experts},
                                {"experts_per_token", c.experts_per_token},
                                {"vocab_size", c.vocab},
                                {"hidden_size", c.hidden},
                                {"intermediate_size", c.intermediate},
                                {"swiglu_limit", short_float(c.swiglu_limit)},
                                {"head_dim", c.head_dim},
                                {"num_attention_heads", c.heads},
                                {"num_key_value_heads", c.kv_heads},
                                {"sliding_window", c.sliding_window},
                                {"initial_context_length", rope.original_context},
                                {"rope_theta", rope.theta},
                                {"rope_scaling_factor", rope.factor},
                                {"rope_ntk_alpha", rope.beta_slow},
                                {"rope_ntk_beta", rope.beta_fast}}
                               .dump() +
                           "\n";
  MXPATH_TRY(const ModelConfig back, parse_config(text, "config.json"));
  const auto lost = [](std::string_view what) {
    return fail("OpenAI's original config.json cannot say this model's {}; choose a Hugging Face layout", what);
  };
  if (back.sliding != c.sliding) return lost("layer types, which do not alternate");
  if (back.norm_eps != c.norm_eps) return lost("norm eps");
  if (back.swiglu_alpha != c.swiglu_alpha) return lost("swiglu_alpha");
  if (c.tied_embeddings) return lost("tied embeddings");
  if (back.max_positions != c.max_positions)
    return lost("number of positions, which is not the initial context times the factor");
  if (rope.truncate || rope.attention_factor != 0 || back.rope.yarn != rope.yarn) return lost("rotary embedding");
  return text;
}

}  // namespace mxpath
